/** Who may send a large request when many do, and who waits. The bounds here: large is above 100 bytes, and all may be 4,000. */
import { beforeEach, expect, test } from "vitest";
import { Puppet, PuppetPort } from "../../test-support/puppet-port.ts";

const handshakeMs = 10_000;
const requestBytes = 1_000;
let puppets: PuppetPort;

beforeEach(async () => {
  const limits = { largeRequestBytes: 100, maxLargeRequestBytes: 4_000, handshakeMs, maxFrameBytes: 10_000 };
  puppets = await PuppetPort.listening(limits);
});

/** A connection that has said hello. */
function connect(host: string): Puppet {
  const puppet = puppets.connect(new Puppet(true, host));
  puppet.say(1);
  return puppet;
}

/** One that has sent so much of a request. */
function sending(host: string, cameBytes = 200, bytes = requestBytes): Puppet {
  const puppet = connect(host);
  const frame = Buffer.alloc(4 + cameBytes);
  frame.writeInt32BE(bytes);
  puppet.handler?.onData(frame);
  return puppet;
}

const more = (puppet: Puppet, bytes: number) => puppet.handler?.onData(Buffer.alloc(bytes));
const rest = (puppet: Puppet) => more(puppet, requestBytes - 200);
const areRead = (those: readonly Puppet[]) => those.map(({ reading }) => reading);

/** So much time goes by, with a look every second. */
function pass(ms: number): void {
  for (let passed = 0; passed < ms; passed += 1_000) {
    puppets.clock.advance(1_000);
    puppets.port.tick();
  }
}

test("announcing takes nothing from others", () => {
  const announcing = Array.from({ length: 256 }, () => sending("10.0.0.1", 4));
  expect(puppets.port.largeRequestBytes).toBe(0);
  puppets.told();
  const honest = sending("10.0.0.2");
  expect(areRead([honest])).toEqual([true]);
  rest(honest);
  expect(puppets.told()).toEqual(["257 connected", "257: 1", "257: 1"]);
  expect([...announcing, honest].some(({ destroyed }) => destroyed)).toBe(false);
});

test("an address has half of the room: its next waits, its session lives, and others come in", () => {
  const [first, second, third] = [sending("10.0.0.1"), sending("10.0.0.1"), sending("10.0.0.1")];
  const other = sending("10.0.0.2");
  expect(areRead([first, second, third, other])).toEqual([true, true, false, true]);
  expect(puppets.port.largeRequestBytes).toBe(3_000);
  puppets.told();
  puppets.port.tick();
  expect(puppets.told()).toEqual(["heard 3"]);
  rest(first);
  expect(areRead([third])).toEqual([true]);
  rest(third);
  expect(puppets.told()).toEqual(["1: 1", "3: 1"]);
  expect(puppets.port.largeRequestBytes).toBe(2_000);
  for (const id of [2, 4]) puppets.port.close(id, false);
  expect(puppets.port.largeRequestBytes).toBe(0);
});

test("the reader of a request that waits is not woken by the replica, but by the room", () => {
  const [first, , waiting] = [sending("10.0.0.1"), sending("10.0.0.1"), sending("10.0.0.1")];
  puppets.port.pauseReading(3, true);
  puppets.port.pauseReading(3, false);
  expect(waiting.reading).toBe(false);
  puppets.port.pauseReading(3, true);
  rest(first);
  expect(waiting.reading).toBe(false);
  puppets.port.pauseReading(3, false);
  expect(waiting.reading).toBe(true);
});

test("addresses take turns, however many wait at one of them", () => {
  const full = ["a", "a", "b", "b"].map((host) => sending(host));
  const waiting = ["a", "a", "a", "c", "d"].map((host) => sending(host));
  expect(areRead(waiting)).toEqual([false, false, false, false, false]);
  const order: number[] = [];
  for (const done of [...full, ...waiting]) {
    rest(done);
    waiting.forEach(({ reading }, at) => void (reading && !order.includes(at) && order.push(at)));
  }
  expect(order).toEqual([0, 3, 4, 1, 2]);
});

test("one that ends while it waits leaves the line", () => {
  const [first, second] = [sending("a"), sending("a"), sending("a"), sending("a")];
  puppets.port.close(3, false);
  rest(first);
  rest(second);
  expect(puppets.port.largeRequestBytes).toBe(1_000);
});

test("who dawdles is cut off when others wait for the room, and only then", () => {
  const [dawdler, steady] = [sending("a"), sending("a")];
  pass(100_000);
  expect([dawdler.destroyed, steady.destroyed]).toEqual([false, false]);
  const other = sending("b");
  const waiting = sending("a");
  for (let second = 0; second < 12; second++) {
    more(steady, 20);
    pass(1_000);
  }
  expect([dawdler, steady, other, waiting].map(({ destroyed }) => destroyed)).toEqual([true, false, false, false]);
  expect(waiting.reading).toBe(true);
});

test("who is not read because he takes no answer dawdles too; who takes some, or is kept waiting, does not", () => {
  const [unreading, reading, held] = [sending("a"), sending("b"), sending("a")];
  for (const id of [1, 2]) puppets.port.send(id, Buffer.alloc(100));
  for (const id of [1, 2, 3]) puppets.port.pauseReading(id, true);
  for (const host of ["a", "b"]) sending(host);
  for (let second = 0; second < 15; second++) {
    reading.take(1);
    pass(1_000);
  }
  expect([unreading, reading, held].map(({ destroyed }) => destroyed)).toEqual([true, false, false]);
});

test("what nobody's room would do for is too long", () => {
  const puppet = sending("a", 4, 4_001);
  expect(puppets.told().at(-1)).toBe("1 disconnected");
  expect(puppet.destroyed).toBe(false);
});
