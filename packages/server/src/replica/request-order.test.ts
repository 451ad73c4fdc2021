/** What a connection asks for is carried out in the order in which it asks, however much it asks for at once. */
import { ErrorCode, openAcl, operations, Reader } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { ReplicaHarness, type TestClient } from "../../test-support/replica-harness.ts";

const node = (path: string) => ({ path, data: null, acl: openAcl, flags: 0 });
const noNames = Buffer.alloc(4);

test("a read behind a sync does not see the write behind it, though all became durable together", () => {
  const h = new ReplicaHarness({ log: "manual" });
  const [other, client] = [h.connect(), h.connect()];
  h.durable();
  other.send("create", node("/a"));
  h.durable();
  other.send("create", node("/other"));
  client.frames(
    client.encode("sync", { path: "/" }),
    client.encode("getChildren", { path: "/a", watch: true }),
    client.encode("create", node("/a/b")),
  );
  h.durable();
  expect(client.received.slice(1)).toMatchObject([
    { kind: "reply", header: { err: 0 } },
    { kind: "reply", header: { err: 0 }, body: noNames },
    { kind: "event", event: { path: "/a" } },
    { kind: "reply", header: { err: 0 } },
  ]);
});

test("nor when it is behind a write of its own", () => {
  const h = new ReplicaHarness({ log: "manual" });
  const client = h.connect();
  h.durable();
  client.frames(
    client.encode("create", node("/a")),
    client.encode("getChildren", { path: "/a", watch: true }),
    client.encode("create", node("/a/b")),
  );
  h.durable();
  expect(client.received.slice(2)).toMatchObject([
    { kind: "reply", header: { err: 0 }, body: noNames },
    { kind: "event", event: { path: "/a" } },
    { kind: "reply", header: { err: 0 } },
  ]);
});

describe("a client that does not take its answers", () => {
  const limits = { softUnsentBytes: 1_000, maxUnsentBytes: 1 << 20 };

  /** What it has been answered; for a read, how many writes it saw. */
  const answers = (client: TestClient): (string | number)[] =>
    client.received.flatMap((r): (string | number)[] => {
      if (r.kind !== "reply") return [];
      if (r.header.err !== ErrorCode.Ok) return [`error ${r.header.err}`];
      if (r.body.length <= statBytes) return [r.body.length === statBytes ? "write" : "other"];
      return [operations.getData.response.read(new Reader(r.body)).stat.version];
    });

  const statBytes = 68;
  const path = "/n";
  const data = Buffer.alloc(600);
  const read = (client: TestClient) => client.encode("getData", { path, watch: false });
  const write = (client: TestClient) => client.encode("setData", { path, data, version: -1 });

  function connected(log: "immediate" | "manual" = "manual", more = {}) {
    const h = new ReplicaHarness({ log, limits: { ...limits, ...more } });
    const client = h.connect();
    h.durable();
    client.send("create", { ...node(path), data });
    h.durable();
    client.received.length = 0;
    client.takes = false;
    return { h, client };
  }

  /** Lets everything come to its end. */
  function goOn(h: ReplicaHarness, client: TestClient): void {
    for (let before = -1; before < client.received.length; ) {
      before = client.received.length;
      h.durable();
      client.drain();
    }
  }

  test("has its later writes wait behind its reads", () => {
    const { h, client } = connected("immediate");
    client.frames(read(client), read(client), read(client), write(client), read(client));
    expect(answers(client)).toEqual([0, 0]);
    expect(client.paused).toBe(true);
    client.drain();
    expect(answers(client)).toEqual([0, 0, 0, "write", 1]);
    expect(client.paused).toBe(true);
    client.drain();
    expect(client.paused).toBe(false);
    expect(h.replica.outstanding).toBe(0);
  });

  test("gets the answer to a read before the write behind it is applied, if that was proposed already", () => {
    const { h, client } = connected();
    client.frames(write(client), read(client), read(client), read(client), write(client));
    expect(h.replica.outstanding).toBe(2);
    h.durable();
    expect(answers(client)).toEqual(["write", 1, 1, 1]);
    client.drain();
    expect(answers(client)).toEqual(["write", 1, 1, 1, "write"]);
  });

  test("has no write proposed behind more reads than may have to be answered at once", () => {
    const { h, client } = connected();
    client.takes = true;
    client.frames(
      write(client),
      ...Array.from({ length: 32 }, () => read(client)),
      write(client),
      ...Array.from({ length: 20 }, () => read(client)),
      write(client),
    );
    expect(h.replica.outstanding).toBe(1);
    goOn(h, client);
    expect(h.replica.outstanding).toBe(0);
    expect(answers(client)).toEqual(["write", ...Array(32).fill(1), "write", ...Array(20).fill(2), "write"]);
    expect(client.paused).toBe(false);
  });

  test("has writes proposed behind many reads whose answers are short", () => {
    const { h, client } = connected("manual", { softUnsentBytes: 100_000 });
    client.takes = true;
    client.frames(read(client), write(client), ...Array.from({ length: 100 }, () => read(client)), write(client));
    expect(h.replica.outstanding).toBe(2);
    client.frames(...Array.from({ length: 100 }, () => read(client)), write(client));
    expect(h.replica.outstanding).toBe(2);
    goOn(h, client);
    expect(answers(client)).toEqual([0, "write", ...Array(100).fill(1), "write", ...Array(100).fill(2), "write"]);
  });

  test("is not cut off while little of it lies untaken, however much others leave", () => {
    const { h, client } = connected();
    const other = h.connect();
    h.durable();
    other.takes = false;
    client.frames(write(client), read(client), write(client));
    while (!other.paused) other.frames(read(other));
    client.untakenBytes = 0;
    h.input({ type: "frames", connection: other.id, frames: [], unsentBytes: 2 << 20 });
    h.durable();
    expect(answers(client)).toEqual(["write", 1]);
    expect(client.closed).toBe(false);
  });

  test("has its reads answered before it is read again, when others have made room", () => {
    const { h, client } = connected("manual", { softUnsentBytes: 2_000, maxUnsentBytes: 2_500 });
    const other = h.connect();
    h.durable();
    other.takes = false;
    while (!other.paused) other.frames(read(other));
    client.frames(read(client));
    client.frames(read(client));
    expect(answers(client)).toEqual([0]);
    h.input({ type: "disconnected", connection: other.id });
    h.pass(100);
    expect(client.paused).toBe(false);
    client.frames(write(client));
    h.durable();
    client.drain();
    expect(answers(client)).toEqual([0, 0, "write"]);
  });

  test("has reads behind its last write wait for room", () => {
    const { h, client } = connected();
    client.frames(write(client), write(client), ...Array.from({ length: 5 }, () => read(client)));
    h.durable();
    expect(answers(client)).toEqual(["write", "write", 2, 2]);
  });

  test("is cut off where its answers, which cannot wait, would take more room than all may have", () => {
    const { h, client } = connected("manual", { hardUnsentBytes: 2_000 });
    client.frames(write(client), ...Array.from({ length: 5 }, () => read(client)), write(client));
    h.durable();
    expect(client).toMatchObject({ closed: true, closedAbruptly: true });
    expect(answers(client)).toEqual(["write", 1, 1, 1]);
    expect(h.logs.at(-1)?.fields).toMatchObject({ reason: expect.stringContaining("does not read") });
    // What it had asked for is carried out nevertheless.
    expect(h.replica.state.tree.get(path)?.stat().version).toBe(2);
  });

  test("is asked nothing that comes behind the end of its session", () => {
    const { h, client } = connected("immediate");
    const end = client.encode("closeSession", {});
    client.frames(read(client), read(client), read(client), end, write(client));
    client.drain();
    expect(client.closed).toBe(true);
    expect(answers(client)).toEqual([0, 0, 0, "other"]);
    expect(h.replica.state.tree.get(path)?.stat().version).toBe(0);
  });

  test("has its last words carried out when it has ended in order, and is answered nothing more", () => {
    const { h, client } = connected("immediate");
    client.frames(read(client), read(client), read(client), write(client), write(client));
    const { untakenBytes } = client;
    h.input({ type: "ended", connection: client.id });
    expect(h.replica.state.tree.get(path)?.stat().version).toBe(2);
    expect(client.paused).toBe(false);
    expect(client.untakenBytes).toBe(untakenBytes);
    h.input({ type: "disconnected", connection: client.id });
    expect(h.replica.connectionCount).toBe(0);
  });

  test.each(["durable", "stop", "logFailed"] as const)("nor do many others: little is sent (%s)", (type) => {
    const h = new ReplicaHarness({ log: "manual", limits });
    const clients = Array.from({ length: 50 }, () => h.connect());
    h.durable();
    clients[0]?.send("create", { ...node(path), data: Buffer.alloc(100_000) });
    clients[0]?.send("create", node("/other"));
    h.durable();
    for (const client of clients) {
      client.takes = false;
      const reads = Array.from({ length: 31 }, () => read(client));
      const write = () => client.encode("setData", { path: "/other", data: null, version: -1 });
      client.frames(write(), ...reads, write(), ...reads, write());
    }
    // Some of the writes are applied, and what is left comes in one go.
    h.durable(h.pendingZxid - 80);
    if (type !== "durable") h.input({ type });
    h.durable();
    const sent = clients.reduce((sum, { untakenBytes }) => sum + untakenBytes, 0);
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(limits.maxUnsentBytes + clients.length * 2 * 100_000);
  });
});
