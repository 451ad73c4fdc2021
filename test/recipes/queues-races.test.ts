/**
 * Two who come at the same moment, made to: one is held up by the proxy between its look and its write, and the other goes
 * first. What the first one then writes must not count.
 */
import { type Client, connect } from "@corral/client";
import { isGrantLostError, isWriteOutcomeUnknownError, Queue, utf8 } from "@corral/queues";
import { FaultProxy, type ReplyFrame, TestServer } from "@corral/testing";
import { afterEach, beforeEach, expect, test } from "vitest";

const path = "/queue";
const codec = utf8;

let server: TestServer;
let proxy: FaultProxy;
/** Can be held up. */
let slow: Client;
let quick: Client;

beforeEach(async () => {
  server = await TestServer.start();
  proxy = await FaultProxy.start(server.connectString);
  slow = await connect(proxy.connectString, { sessionTimeoutMs: 20_000 });
  quick = await connect(server.connectString);
});
afterEach(async () => {
  proxy.resume();
  await Promise.all([slow.close(), quick.close()]);
  await proxy.close();
  await server.close();
});

/** Resolves when such a reply has passed; from then on nothing more that `slow` sends arrives, until `proxy.resume()`. */
function holdUpAfter(isIt: (reply: ReplyFrame) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const stop = proxy.onFrame((frame) => {
      if (frame.kind !== "reply" || !isIt(frame)) return;
      stop();
      proxy.stall("toServer");
      resolve();
    });
  });
}

const isRead = (of: string) => (reply: ReplyFrame) => reply.operation?.startsWith("get") === true && reply.path === of;

/** A consumer that has lost its claim, to `quick`, and is not told. */
async function robbed() {
  const lost = await new Queue(slow, path, { codec }).take();
  proxy.stall("toClient");
  await quick.delete(`${path}/taken/${lost.name}`);
  return lost;
}

test("who does not know that its claim is gone cannot acknowledge what another has", async () => {
  const other = new Queue(quick, path, { codec });
  await other.put("x");
  const lost = await robbed();
  const again = await other.take();
  expect(lost.held).toBe(true);
  const acknowledging = lost.acknowledge({ with: (t) => t.create("/late") });
  proxy.onFrame(({ kind }) => kind === "request" && proxy.resume());
  await expect(acknowledging).rejects.toSatisfy(isGrantLostError);
  expect(await quick.exists("/late")).toBeUndefined();
  expect([again.held, await other.size()]).toEqual([true, 1]);
  await again.acknowledge();
});

test("who does not know that its claim is gone cannot give back, put back or give up what another has", async () => {
  for (const end of ["release", "requeue", "deadLetter"] as const) {
    const other = new Queue(quick, path, { codec });
    await other.put(end);
    const lost = await robbed();
    const again = await other.take();
    proxy.resume();
    const ending = end === "deadLetter" ? lost.deadLetter("no use") : lost[end]();
    await ending.catch((error) => expect(error).toSatisfy(isGrantLostError));
    expect(await quick.exists(`${path}/taken/${again.name}`), end).toBeDefined();
    expect(await other.deadLetters.size()).toBe(0);
    await again.acknowledge();
    expect(await other.size()).toBe(0);
  }
});

test("who does not know that its claim is gone cannot write under it once another has had the item", async () => {
  const other = new Queue(quick, path, { codec });
  await other.put("x");
  const lost = await robbed();
  const again = await other.take();
  await again.release();
  const writing = slow.transaction().guard(lost).create("/late").commit();
  proxy.onFrame(({ kind }) => kind === "request" && proxy.resume());
  await expect(writing).rejects.toSatisfy(isGrantLostError);
  expect(await quick.exists("/late")).toBeUndefined();
});

test("of two who count on the last place one waits", async () => {
  const options = { codec, maxItems: 2 };
  const [first, second] = [new Queue(slow, path, options), new Queue(quick, path, options)];
  await first.put("a");
  const seen = holdUpAfter(isRead(`${path}/entries`));
  const put = first.put("late");
  await seen;
  await second.put("b");
  proxy.resume();
  for await (const names of quick.watchChildren(`${path}/putters`)) if (names?.length === 1) break;
  expect(await second.size()).toBe(2);
  await (await second.take()).acknowledge();
  await put;
  expect(await second.size()).toBe(2);
});

test("of two who take the same item one gets it, and the other the next", async () => {
  const [first, second] = [new Queue(slow, path, { codec }), new Queue(quick, path, { codec })];
  await second.putAll(["a", "b"]);
  const seen = holdUpAfter(({ operation, path: of }) => operation === "getData" && of?.includes("/entries/") === true);
  const taking = first.take();
  await seen;
  const a = await second.take();
  // Claimed and given back meanwhile: what the other has read of it does not count any more.
  await a.release();
  proxy.resume();
  const other = await taking;
  const again = await second.take();
  const got = [other, again].map(({ value, deliveries }) => `${value} ${deliveries}`);
  expect(got.sort()).toEqual(["a 2", "b 1"]);
});

test("an item is not given up while its last delivery is under way", async () => {
  const options = { codec, maxDeliveries: 1 };
  const [first, second] = [new Queue(slow, path, options), new Queue(quick, path, options)];
  await second.put("x");
  const seen = holdUpAfter(isRead(`${path}/entries`));
  const taking = first.tryTake();
  await seen;
  const last = await second.take();
  proxy.resume();
  expect(await taking).toBeUndefined();
  expect(last.isLast).toBe(true);
  expect(await second.deadLetters.size()).toBe(0);
  await last.acknowledge();
  expect(await second.size()).toBe(0);
});

test("an item that comes between the look and the wait is not overlooked", async () => {
  const [first, second] = [new Queue(slow, path, { codec }), new Queue(quick, path, { codec })];
  for (const after of ["entries", "taken"]) {
    // The first look finds nothing, the second is that of the first in line.
    let looks = 0;
    const seen = holdUpAfter((reply) => isRead(`${path}/${after}`)(reply) && ++looks === 2);
    const taking = first.take();
    await seen;
    await second.put(after);
    proxy.resume();
    const delivery = await taking;
    expect(delivery.value).toBe(after);
    await delivery.acknowledge();
  }
});

test("an item that is given back wakes who waits", async () => {
  const [first, second] = [new Queue(slow, path, { codec }), new Queue(quick, path, { codec })];
  await second.put("x");
  for (const end of ["release", "requeue"] as const) {
    const delivery = await second.take();
    const taking = first.take();
    for await (const names of quick.watchChildren(`${path}/takers`)) if (names?.length === 1) break;
    // By now it has looked as the first in line, and waits.
    for (let i = 0; i < 5; i++) await slow.sync("/");
    await delivery[end]();
    await (await taking).release();
  }
});

test("a put that was given up is not made by a request that arrives late", async () => {
  const queue = new Queue(slow, path, { codec });
  await queue.put("first");
  proxy.stall("toServer");
  const enough = new AbortController();
  const put = queue.put("late", { signal: enough.signal }).catch((error: unknown) => error);
  for (let i = 0; i < 3; i++) await quick.sync("/");
  enough.abort();
  const error = await put;
  proxy.resume();
  if (!isWriteOutcomeUnknownError(error)) throw error;
  const { kind } = await error.outcome;
  // It was on its way, and arrived: what became of it is told as it is.
  expect(await new Queue(quick, path, { codec }).size()).toBe(kind === "applied" ? 2 : 1);
});
