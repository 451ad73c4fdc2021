import type { DiskFile } from "@corral/io";
import { CreateMode, makeZxid, openAcl } from "@corral/protocol";
import { decode, encode } from "@msgpack/msgpack";
import { expect, test } from "vitest";
import { ReplicaHarness } from "../test-support/replica-harness.ts";
import { StateDriver } from "../test-support/state-driver.ts";
import { Driver, NeverError } from "./driver.ts";
import { MemoryLog } from "./durable-log.ts";
import { maxFrameBytesMax } from "./limits.ts";
import { Maintenance, type MaintenanceParts, NoRoomError, restoreEpochs } from "./maintenance.ts";
import { snapshotChunks } from "./state/snapshot.ts";
import { SnapshotReader } from "./state/snapshot-reader.ts";
import { lastEpoch, reservedEpochs } from "./storage/epochs.ts";
import { defaultStorageLimits } from "./storage/limits.ts";
import { writeSnapshotFile } from "./storage/snapshot-file.ts";
import { SnapshotGivenUpError } from "./storage/storage-error.ts";

/** A snapshot's file with these chunks in it, the first of which is made to say that zxid too. */
function fileOf(zxid: number, [header, ...others]: Iterable<Uint8Array>): Promise<Buffer> {
  const [version, , ...rest] = decode(header ?? encode([]), { useBigInt64: true }) as unknown[];
  return fileOfChunks(zxid, [encode([version, zxid, ...rest], { useBigInt64: true }), ...others]);
}

/** A snapshot's file with these chunks in it. */
async function fileOfChunks(zxid: number, chunks: Iterable<Uint8Array>): Promise<Buffer> {
  const written: Buffer[] = [];
  const file: Pick<DiskFile, "write" | "sync"> = {
    write: (_position, bytes) => {
      written.push(Buffer.from(bytes));
      return Promise.resolve();
    },
    sync: () => Promise.resolve(),
  };
  await writeSnapshotFile(file, zxid, chunks, 1 << 20);
  return Buffer.concat(written);
}

/** A snapshot's file of two megabytes, in many pieces. */
async function large(): Promise<Buffer> {
  const source = new StateDriver();
  source.session(1n);
  for (let i = 0; i < 40; i++) source.create(`/large-${i}`, CreateMode.persistent, Buffer.alloc(60_000));
  return fileOf(source.state.lastZxid, snapshotChunks(source.state));
}

function server(parts: Partial<MaintenanceParts> = {}, { replica } = new ReplicaHarness()) {
  const log = new MemoryLog();
  let turn = () => {};
  const setTimer = (_ms: number, then: () => void) => {
    turn();
    queueMicrotask(then);
    return { cancel: () => undefined };
  };
  const clock = { elapsedMs: () => 0, wallMs: () => 0, setTimer };
  const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const onFatal = (error: Error) => {
    throw error;
  };
  const driver = new Driver({ replica, log, clock, logger, onStarted: () => undefined, onFatal });
  const onTurn = (then: () => void) => {
    turn = then;
  };
  return { replica, driver, log, onTurn, maintenance: new Maintenance({ replica, driver, log, clock, ...parts }) };
}

test("a restore goes on above the snapshot, the server and what is known besides, whichever is the highest", async () => {
  const { replica, maintenance } = server();
  const bytes = await fileOf(makeZxid(7, 5), snapshotChunks(new ReplicaHarness().replica.state));
  await maintenance.restore(bytes);
  expect(replica.epoch).toBe(7 + restoreEpochs);
  await maintenance.restore(bytes);
  expect(replica.epoch).toBe(7 + 2 * restoreEpochs);
  const zxid = await maintenance.restore(bytes, makeZxid(50_000, 1));
  expect(replica.epoch).toBe(50_000 + restoreEpochs);
  expect(zxid).toBe(replica.state.lastZxid);
});

test("what is sound as a file and no snapshot all the same changes nothing", async () => {
  const { replica, maintenance } = server();
  const { tree } = replica.state;
  const header = encode([1, 5, []]);
  const wrong = [[], [encode(7)], [encode([99, 5, []])], [header], [header, encode([["/orphan/child"]])]];
  for (const chunks of wrong) {
    await expect(maintenance.restore(await fileOfChunks(5, chunks))).rejects.toThrow("cannot be understood");
  }
  expect(replica.state.tree).toBe(tree);
  expect(replica.epoch).toBe(1);
});

test("a snapshot with zxids beyond its own changes nothing: they would be given out again", async () => {
  const { replica, maintenance } = server();
  const source = new StateDriver();
  source.session(1n);
  source.create("/later");
  const { lastZxid } = source.state;
  const chunks = [...snapshotChunks(source.state)];
  await expect(maintenance.restore(await fileOfChunks(lastZxid + 1, chunks))).rejects.toThrow(
    /calls itself 0x\w+, but its state is that after 0x/,
  );
  await expect(maintenance.restore(await fileOf(lastZxid - 1, chunks))).rejects.toThrow(
    /its node "\/(later)?" has a zxid beyond its own, 0x/,
  );
  expect(replica.epoch).toBe(1);
  await maintenance.restore(await fileOf(lastZxid, chunks));
  expect(replica.state.tree.get("/later")?.czxid).toBe(lastZxid);
});

test("whatever count a restore takes in, the server can count on from it, and start from what it then writes", async () => {
  const { replica, maintenance } = server();
  const { tree } = replica.state;
  const withCreates = (childCreates: number) => {
    const paths = ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "/x"];
    const acl = [[31, "world", "anyone"]];
    const nodes = paths.map((path) => [path, null, acl, null, 1, 1, 1, 1, 1, 0, 0, path === "/x" ? childCreates : 0]);
    return fileOfChunks(5, [encode([2, 5, 0]), encode(nodes, { useBigInt64: true })]);
  };
  await expect(maintenance.restore(await withCreates(2 ** 52 + 1))).rejects.toThrow(
    'cannot be understood: its node "/x" has 4503599627370497 as its childCreates',
  );
  expect([replica.state.tree, replica.epoch]).toEqual([tree, 1]);
  await maintenance.restore(await withCreates(2 ** 52));
  const after = new StateDriver(replica.state);
  after.session(1n);
  after.create("/x/y");
  const reader = new SnapshotReader(0);
  for (const chunk of snapshotChunks(replica.state)) reader.onChunk(chunk);
  expect(reader.finish().tree.get("/x")?.childCreates).toBe(2 ** 52 + 1);
});

test("a large snapshot is put in place in pieces, between which others get their turn", async () => {
  const { replica, maintenance, log, onTurn } = server();
  let inARow = 0;
  let most = 0;
  let turns = 0;
  onTurn(() => {
    turns++;
    inARow = 0;
  });
  const append = log.append.bind(log);
  log.append = (records) => {
    inARow += records.length;
    most = Math.max(most, inARow);
    append(records);
  };
  await maintenance.restore(await large());
  expect(replica.state.tree.get("/large-39")?.dataLength).toBe(60_000);
  expect(most).toBeLessThanOrEqual(4);
  // Looking at it first takes as many; there are some twenty.
  expect(turns).toBeGreaterThanOrEqual(2 * Math.floor(20 / 4));
});

test("a node of the longest frames that can be set fits into a piece", () => {
  // Path and data of one frame; entries of an access list, of which the shortest, with "ip" and an address, are a fifth longer than on the wire.
  const longest = maxFrameBytesMax + 1.2 * maxFrameBytesMax;
  const { itemBytes } = defaultStorageLimits;
  expect(longest).toBeLessThan(itemBytes / 3);
});

test("a piece that the log could not hold changes nothing", async () => {
  const { replica, maintenance } = server({ recordBytesMax: 10_000 });
  const bytes = await fileOfChunks(5, [encode([2, 5, 0]), Buffer.alloc(9_000)]);
  await expect(maintenance.restore(bytes)).rejects.toThrow(
    "a piece of 9000 bytes, which is more than the log can hold",
  );
  expect(replica.epoch).toBe(1);
});

test("one restore at a time; who waits for a server that stops is told", async () => {
  const { driver, maintenance } = server();
  const bytes = await fileOf(5, snapshotChunks(new ReplicaHarness().replica.state));
  const both = await Promise.allSettled([maintenance.restore(bytes), maintenance.restore(bytes)]);
  expect(both.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  const waiting = driver.until(() => false);
  driver.end();
  await expect(waiting).rejects.toThrow("the server has stopped");
});

test("a restore that a stop comes into ends and says so, and nothing more goes to the log", async () => {
  const { replica, driver, log, maintenance } = server();
  const { tree } = replica.state;
  const append = log.append.bind(log);
  let appended = 0;
  log.append = (records) => {
    appended += records.length;
    append(records);
    if (appended === 7) driver.stop();
  };
  await expect(maintenance.restore(await large())).rejects.toThrow(new NeverError("the server is stopping"));
  expect([appended, replica.state.tree]).toEqual([7, tree]);
  await expect(maintenance.restore(await large())).rejects.toThrow(NeverError);
  await expect(maintenance.raiseEpoch(100_000)).rejects.toThrow(NeverError);
  expect(appended).toBe(7);
});

test("a snapshot that a stop comes into ends and says so; one that the disk keeps from being written is told as that", async () => {
  const h = new ReplicaHarness();
  h.connect();
  const { driver, log, maintenance } = server({}, h);
  log.writeSnapshot = () => Promise.reject(new Error("the disk is broken"));
  await expect(maintenance.takeSnapshot()).rejects.toThrow("could not be written: see the server's log");
  log.writeSnapshot = () => {
    driver.stop();
    return Promise.reject(new SnapshotGivenUpError());
  };
  await expect(maintenance.takeSnapshot()).rejects.toThrow(new NeverError("the server is stopping"));
});

test("what clients have under way does not keep a restore from going on", async () => {
  const h = new ReplicaHarness({ log: "manual" });
  const client = h.connect();
  h.durable();
  const { replica, log, maintenance } = server({}, h);
  let least = Number.POSITIVE_INFINITY;
  const data = Buffer.alloc(300_000);
  const append = log.append.bind(log);
  log.append = (records) => {
    // There is always another write behind the piece.
    client.send("create", { path: `/w${records[0]?.zxid}`, data, acl: openAcl, flags: 0 });
    append(records);
    least = Math.min(least, replica.outstandingBytes);
  };
  await maintenance.restore(await large());
  expect(least).toBeGreaterThan(256 << 10);
  expect(replica.state.tree.get("/large-39")?.dataLength).toBe(60_000);
});

test("a hundred thousand epochs are left, whatever is asked for", async () => {
  const { replica, maintenance } = server();
  const furthest = lastEpoch - reservedEpochs;
  await expect(maintenance.raiseEpoch(lastEpoch)).rejects.toThrow("would leave only 0 of 2097151 epochs");
  await expect(maintenance.raiseEpoch(lastEpoch + 1)).rejects.toThrow("beyond the last one, 2097151");
  const bytes = await fileOf(makeZxid(furthest - restoreEpochs, 5), snapshotChunks(new ReplicaHarness().replica.state));
  const { tree } = replica.state;
  await expect(maintenance.restore(bytes, makeZxid(furthest - restoreEpochs + 1, 0))).rejects.toThrow(
    "would leave only 99999",
  );
  expect([replica.epoch, replica.state.tree]).toEqual([1, tree]);
  await maintenance.restore(bytes);
  expect(replica.epoch).toBe(furthest);
  await expect(maintenance.restore(bytes)).rejects.toThrow("would leave only 99000");
  // What is there already needs nothing.
  expect(await maintenance.raiseEpoch(furthest)).toBe(furthest);
  await expect(maintenance.raiseEpoch(furthest + 1)).rejects.toThrow("would leave only 99999");
});

test("what could fill the disk is refused before anything has changed", async () => {
  const room = { free: 0 };
  const { replica, driver, maintenance } = server({ freeBytes: async () => room.free, minFreeBytes: 1_000_000 });
  const bytes = await fileOf(5, snapshotChunks(new ReplicaHarness().replica.state));
  const needed = 2 * bytes.length + (3 << 20) + 1_000_000;
  const { tree } = replica.state;
  room.free = needed - 1;
  const refused = maintenance.restore(bytes);
  await expect(refused).rejects.toThrow(NoRoomError);
  await expect(refused).rejects.toThrow(`${needed - 1} bytes are free, ${needed} are needed`);
  room.free = needed;
  driver.dispatch({ type: "diskSpace", isLow: true });
  await expect(maintenance.restore(bytes)).rejects.toThrow("the disk is nearly full");
  expect([replica.epoch, replica.state.tree]).toEqual([1, tree]);
  driver.dispatch({ type: "diskSpace", isLow: false });
  await maintenance.restore(bytes);
  // Something more to take a snapshot of.
  driver.dispatch({ type: "restorePart", part: { number: -1, isLast: true, chunk: new Uint8Array(0) } });
  room.free = 500_000;
  await expect(maintenance.takeSnapshot()).rejects.toThrow("not enough room for a snapshot: 500000 bytes are free");
});

test("a later epoch is not begun on a disk that is nearly full, for a log that meets a full one takes nothing more", async () => {
  const room = { free: 0 };
  const { replica, driver, log, maintenance } = server({ freeBytes: async () => room.free, minFreeBytes: 1_000_000 });
  let written = 0;
  log.writeEpoch = async () => void written++;
  await expect(maintenance.raiseEpoch(9)).rejects.toThrow(NoRoomError);
  room.free = 5_000_000;
  driver.dispatch({ type: "diskSpace", isLow: true });
  await expect(maintenance.raiseEpoch(9)).rejects.toThrow("the disk is nearly full");
  // What is there already needs no room.
  expect([await maintenance.raiseEpoch(1), replica.epoch, written, replica.writesStopped]).toEqual([1, 1, 0, false]);
  driver.dispatch({ type: "diskSpace", isLow: false });
  expect(await maintenance.raiseEpoch(9)).toBe(9);
});

test("who sends a snapshot as text is told how to send it", async () => {
  const { maintenance } = server();
  const bytes = await fileOf(5, snapshotChunks(new ReplicaHarness().replica.state));
  const mangled = Buffer.from(bytes.filter((byte) => byte !== 0 && byte !== 10 && byte !== 13));
  await expect(maintenance.restore(mangled)).rejects.toThrow("--data-binary");
  await expect(maintenance.restore(bytes.subarray(0, 20))).rejects.not.toThrow("--data-binary");
});
