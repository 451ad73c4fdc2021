/** Who may send a large request when many do, and who waits. The bounds here: large is above 64 KiB, and all may be 800,000 bytes. */
import { beforeEach, expect, test } from "vitest";
import { Puppet, PuppetPort } from "../../test-support/puppet-port.ts";

const handshakeMs = 10_000;
const requestBytes = 200_000;
const beganBytes = 80_000;
let puppets: PuppetPort;

beforeEach(async () => {
  puppets = await PuppetPort.listening({ largeRequestBytes: 64 << 10, maxLargeRequestBytes: 800_000, handshakeMs });
});

/** A connection that has said hello. */
function connect(host: string): Puppet {
  const puppet = puppets.connect(new Puppet(true, host));
  puppet.say(1);
  return puppet;
}

/** One that has sent so much of a request. */
function sending(host: string, cameBytes = beganBytes, bytes = requestBytes): Puppet {
  const puppet = connect(host);
  const frame = Buffer.alloc(4 + cameBytes);
  frame.writeInt32BE(bytes);
  puppet.handler?.onData(frame);
  return puppet;
}

const more = (puppet: Puppet, bytes: number) => puppet.handler?.onData(Buffer.alloc(bytes));
const rest = (puppet: Puppet) => more(puppet, requestBytes - beganBytes);
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
  expect(puppets.port.largeRequestBytes).toBe(600_000);
  puppets.told();
  puppets.port.tick();
  expect(puppets.told()).toEqual(["heard 3"]);
  rest(first);
  expect(areRead([third])).toEqual([true]);
  rest(third);
  expect(puppets.told()).toEqual(["1: 1", "3: 1"]);
  expect(puppets.port.largeRequestBytes).toBe(400_000);
  for (const id of [2, 4]) puppets.port.close(id);
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
  puppets.port.close(3);
  rest(first);
  rest(second);
  expect(puppets.port.largeRequestBytes).toBe(200_000);
});

test("who dawdles is cut off when others wait for the room, and only then; who is merely slow is not", () => {
  const [dawdler, slow] = [sending("a"), sending("a")];
  pass(100_000);
  expect([dawdler.destroyed, slow.destroyed]).toEqual([false, false]);
  const other = sending("b");
  const waiting = [sending("a"), sending("a"), sending("a"), sending("a")];
  for (let second = 1; second <= 40; second++) {
    // Less than is large in `handshakeMs`, and more than the least.
    more(slow, 2_100);
    pass(1_000);
    if (second === 10 || second === 13) expect(dawdler.destroyed).toBe(second === 13);
  }
  expect([dawdler, slow, other].map(({ destroyed }) => destroyed)).toEqual([true, false, false]);
  expect(waiting.map(({ destroyed }) => destroyed)).toEqual([true, true, false, false]);
});

test("who brings less than the least a second is cut off when he is as far behind as one may be silent", () => {
  const [tooSlow, other] = [sending("a"), sending("a")];
  sending("a");
  const cutOff: number[] = [];
  for (let second = 1; second <= 30; second++) {
    more(tooSlow, 1_024);
    more(other, 2_048);
    pass(1_000);
    if (tooSlow.destroyed) cutOff.push(second);
  }
  expect(cutOff[0]).toBe(23);
  expect(other.destroyed).toBe(false);
});

test("who is not read because he takes no answer dawdles too; who takes some does later, who is kept waiting never", () => {
  const [unreading, reading, held] = [sending("a"), sending("b"), sending("a"), sending("b")];
  for (const id of [1, 2]) puppets.port.send(id, Buffer.alloc(100));
  for (const id of [1, 2, 3, 4]) puppets.port.pauseReading(id, true);
  // What was under way already is held back as well.
  for (const one of [unreading, reading]) more(one, 100);
  for (const host of ["a", "a", "b"]) sending(host);
  const ends = new Map<Puppet, number>();
  for (let second = 1; second <= 200; second++) {
    if (second % 9 === 0) reading.take(1);
    pass(1_000);
    for (const one of [unreading, reading, held]) if (one.destroyed && !ends.has(one)) ends.set(one, second);
  }
  // 200,000 bytes at the least rate take 97.7 s.
  expect([unreading, reading, held].map((one) => ends.get(one))).toEqual([13, 110, undefined]);
});

test("what nobody's room would do for is too long", () => {
  const puppet = sending("a", 4, 800_001);
  expect(puppets.told().at(-1)).toBe("1 disconnected");
  expect(puppet.destroyed).toBe(false);
});
