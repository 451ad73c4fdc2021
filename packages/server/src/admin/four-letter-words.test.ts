import { CreateMode, fourLetterWords, OpCode, openAcl } from "@corral/protocol";
import { beforeEach, expect, test, vi } from "vitest";
import { ReplicaHarness, type TestClient } from "../../test-support/replica-harness.ts";
import { subjectOf } from "../../test-support/subject.ts";
import { answerFourLetterWord } from "./four-letter-words.ts";
import type { Subject } from "./subject.ts";

let harness: ReplicaHarness;
let client: TestClient;
let subject: Subject;
const ask = (word: Parameters<typeof answerFourLetterWord>[0], argument?: Uint8Array) =>
  answerFourLetterWord(word, subject, argument);

beforeEach(() => {
  harness = new ReplicaHarness();
  subject = subjectOf(harness);
  client = harness.connect();
  client.send("create", { path: "/a", data: Buffer.from("12345"), acl: openAcl, flags: 0 });
  client.send("create", { path: "/e", data: null, acl: openAcl, flags: CreateMode.ephemeral });
  client.send("getData", { path: "/a", watch: true });
  client.send("exists", { path: "/q", watch: true });
  harness.input({ type: "drained", connection: client.id });
});

test("by default only what clients need is answered, and the others get the reference's sentence", async () => {
  subject = subjectOf(harness, {});
  for (const word of fourLetterWords) {
    const answer = await ask(word);
    if (["ruok", "srvr", "isro"].includes(word)) expect(answer).not.toContain("whitelist");
    else expect(answer).toBe(`${word} is not executed because it is not in the whitelist.\n`);
  }
});

test("telnet's interrupt is told the same, unless all words are allowed: then it only is the end", async () => {
  expect(await ask("telnet close")).toBe("");
  subject = subjectOf(harness, {});
  expect(await ask("telnet close")).toBe("telnet close is not executed because it is not in the whitelist.\n");
});

test("hash shows the digest of the tree at every 128th zxid", async () => {
  expect(await ask("hash")).toBe("");
  while (harness.replica.state.lastZxid % 128 !== 0) client.send("setData", { path: "/a", data: null, version: -1 });
  const { high, low } = harness.replica.state.tree.digest;
  const digest = BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
  expect(await ask("hash")).toBe(`100000080:${digest}\n`);
});

test("cons shows each connection with what it did last", async () => {
  harness.dial();
  const id = client.sessionId.toString(16);
  expect(await ask("cons")).toBe(
    [
      ` /127.0.0.1:40001[1](queued=0,recved=5,sent=4,sid=0x${id},lop=EXIS,est=1000000,to=10000,lcxid=0x4,lzxid=0x100000003,lresp=0,llat=0,minlat=0,avglat=0,maxlat=0)`,
      " /127.0.0.1:40002[0](queued=0,recved=0,sent=0)",
      "",
      "",
    ].join("\n"),
  );
});

test("stat is srvr with the clients, srst and crst begin the counts anew", async () => {
  expect(await ask("stat")).toMatch(
    /^Zookeeper version: 3\.9\.\d+-.*\nClients:\n \/127\.0\.0\.1:40001\[1\]\(queued=0,recved=5,sent=4\)\n\nLatency min\/avg\/max: 0\/0\.0\/0\nReceived: 5\nSent: 4\nConnections: 1\nOutstanding: 0\nZxid: 0x100000003\nMode: standalone\nNode count: 7\n$/,
  );
  expect(await ask("srst")).toBe("Server stats reset.\n");
  expect(await ask("crst")).toBe("Connection stats reset.\n");
  expect(await ask("stat")).toContain("recved=0,sent=0)\n\nLatency min/avg/max: 0/0.0/0\nReceived: 0\nSent: 0\n");
  expect(harness.replica.stats.receivedTotal).toBe(5);
});

test("mntr shows how long answers and events were, without the four bytes before them", async () => {
  const sizes = async () =>
    [...(await ask("mntr")).matchAll(/^zk_(\w+_client_response_size|watch_bytes)\t(-?\d+)$/gm)].map(
      ([, key, value]) => [key, Number(value)],
    );
  await ask("srst");
  expect(await sizes()).toEqual([
    ["last_client_response_size", -1],
    ["max_client_response_size", -1],
    ["min_client_response_size", -1],
    ["watch_bytes", 0],
  ]);
  client.call("getData", { path: "/a", watch: false });
  client.call("exists", { path: "/none", watch: false });
  // A header of 16 bytes, data of 5 with their length, a Stat of 68.
  expect((await sizes()).slice(0, 3).map(([, value]) => value)).toEqual([16, 16 + 4 + 5 + 68, 16]);
  client.call("exists", { path: "/a", watch: true });
  client.call("setData", { path: "/a", data: null, version: -1 });
  // A header, type and state, and the path with its length.
  expect((await sizes()).at(-1)).toEqual(["watch_bytes", 16 + 4 + 4 + 4 + 2]);
});

test("mntr counts the bytes of replies to requests, not of pings, events and what authenticates", async () => {
  const bytes = async () => Number(/^zk_response_bytes\t(\d+)$/m.exec(await ask("mntr"))?.[1]);
  const before = await bytes();
  client.send("ping", {});
  client.send("auth", { type: 0, scheme: "digest", auth: Buffer.from("bob:secret") });
  client.send("sasl", { token: Buffer.alloc(0) });
  expect(await bytes()).toBe(before);
  client.call("exists", { path: "/none", watch: false });
  // Its watch fires.
  client.call("setData", { path: "/a", data: null, version: -1 });
  expect(await bytes()).toBe(before + 16 + (16 + 68));
});

test("latencies are from the arrival of a request to its reply", async () => {
  const slow = new ReplicaHarness({ log: "manual" });
  subject = subjectOf(slow);
  const writer = slow.connect();
  slow.durable();
  writer.send("create", { path: "/a", data: null, acl: openAcl, flags: 0 });
  slow.nowMs += 7;
  slow.durable();
  expect(await ask("srvr")).toContain("Latency min/avg/max: 7/7.0/7\n");
  expect(await ask("cons")).toContain("lop=CREA,");
  const histogram = slow.replica.stats.latencies.find(([type]) => type === OpCode.create)?.[1];
  expect(histogram).toMatchObject({ count: 1, sum: 7, max: 7 });
});

test("dump shows when sessions are due and what they own", async () => {
  const id = `0x${client.sessionId.toString(16)}`;
  expect(await ask("dump")).toBe(`SessionTracker dump:
Session Sets (1)/(1):
1 expire at Thu Jan 01 00:16:51 UTC 1970:
\t${id}
ephemeral nodes dump:
Sessions with Ephemerals (1):
${id}:
\t/e
Connections dump:
Connections Sets (1)/(1):
1 expire at Thu Jan 01 00:16:51 UTC 1970:
\tip: /127.0.0.1:40001 sessionId: ${id}
`);
});

test("watches: in sum, by session, by path", async () => {
  const id = `0x${client.sessionId.toString(16)}`;
  expect(await ask("wchs")).toBe("1 connections watching 2 paths\nTotal watches:2\n");
  expect(await ask("wchc")).toBe(`${id}\n\t/a\n\t/q\n\n`);
  expect(await ask("wchp")).toBe(`/a\n\t${id}\n/q\n\t${id}\n\n`);
});

test("as many watches and ephemeral nodes as there may be make an answer", async () => {
  const paths = Array.from({ length: 150_000 }, (_, index) => `/e/${index}`);
  const none = { dataWatches: [], existWatches: [], childWatches: [], persistentWatches: [] };
  client.send("setWatches2", { ...none, persistentRecursiveWatches: paths, relativeZxid: 0 });
  expect((await ask("wchc")).split("\n").length).toBeGreaterThan(150_000);
  expect((await ask("wchp")).split("\n").length).toBeGreaterThan(300_000);
  vi.spyOn(harness.replica.state.tree, "ephemerals").mockImplementation(function* () {
    yield [client.sessionId, paths];
  });
  expect((await ask("dump")).split("\n").length).toBeGreaterThan(150_000);
});

test("the trace mask is kept, as tools expect", async () => {
  expect(await ask("gtmk")).toBe("306");
  expect(await ask("stmk", Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 5))).toBe("5");
  expect(await ask("gtmk")).toBe("5");
});

test("conf, dirs and envi speak with the reference's keys", async () => {
  expect(await ask("conf")).toBe(`clientPort=2181
secureClientPort=-1
dataDir=
dataDirSize=200
dataLogDir=
dataLogSize=1000
tickTime=2000
maxClientCnxns=0
minSessionTimeout=4000
maxSessionTimeout=40000
clientPortListenBacklog=-1
serverId=1
`);
  subject = { ...subject, boundSecurePort: 2281 };
  expect(await ask("conf")).toContain("\nsecureClientPort=2281\n");
  expect(await ask("dirs")).toBe("datadir_size: 200\nlogdir_size: 1000\n");
  expect(await ask("envi")).toMatch(/^Environment:\nzookeeper\.version=3\.9\..*\nhost\.name=box\n/);
});

test("mntr is a line a value, and counts what there is", async () => {
  const text = await ask("mntr");
  expect(text).toMatch(/^(zk_[a-z_0-9]+\t[^\t\n]+\n)+$/);
  const values = new Map(text.split("\n").map((line) => line.split("\t") as [string, string]));
  expect(Object.fromEntries(values)).toMatchObject({
    zk_server_state: "standalone",
    zk_znode_count: "7",
    zk_watch_count: "2",
    zk_ephemerals_count: "1",
    zk_num_alive_connections: "1",
    zk_global_sessions: "1",
    zk_packets_received: "5",
    zk_open_file_descriptor_count: "33",
    zk_max_file_descriptor_count: "1024",
    zk_cnt_readlatency: "2",
    zk_cnt_updatelatency: "2",
    zk_connection_rejected: "1",
    zk_throttled_ops: "0",
    zk_outstanding_tls_handshake: "1",
    zk_unsuccessful_handshake: "2",
    zk_min_readlatency: "0",
    zk_p999_readlatency: "0",
    zk_cnt_snapshottime: "0",
    zk_connection_request_count: "1",
    zk_sessionless_connections_expired: "1",
    zk_avg_dbinittime: "75.4",
    zk_max_startup_snap_load_time: "30",
    zk_sum_startup_txns_load_time: "40",
    zk_cnt_startup_txns_loaded: "1",
    zk_sum_startup_txns_loaded: "5",
  });
});

test("mntr tells how many watches a change fires, of each kind of event; what nobody watches is not in it", async () => {
  const other = harness.connect();
  other.send("getData", { path: "/a", watch: true });
  for (const data of [null, null]) other.send("setData", { path: "/a", data, version: -1 });
  other.send("create", { path: "/q", data: null, acl: openAcl, flags: 0 });
  other.send("getChildren", { path: "/q", watch: true });
  other.send("delete", { path: "/q", version: -1 });
  const values = Object.fromEntries((await ask("mntr")).split("\n").map((line) => line.split("\t")));
  expect(values).toMatchObject({
    zk_cnt_node_changed_watch_count: "1",
    zk_max_node_changed_watch_count: "2",
    zk_cnt_node_created_watch_count: "1",
    zk_max_node_created_watch_count: "1",
    zk_sum_node_deleted_watch_count: "1",
    zk_cnt_node_children_watch_count: "0",
  });
});

test("a server whose log failed says so", async () => {
  harness.input({ type: "logFailed" });
  expect(await ask("isro")).toBe("ro");
  expect(await ask("srvr")).toContain("Mode: read-only");
  expect(await ask("mntr")).toContain("zk_server_state\tread-only\n");
});
