/** Who reads slowly, and who does not read, on a clock that is moved by hand. Everything else of the port: test/integration. */
import { expect, test } from "vitest";
import { Puppet, PuppetPort } from "../../test-support/puppet-port.ts";

test.each([true, false])(
  "who takes a little is not cut off, who takes nothing is (told by a mark: %s)",
  async (tells) => {
    const puppets = await PuppetPort.listening({ stuckOutputMs: 10_000, handshakeMs: 1_000_000 });
    const { port, clock, inputs } = puppets;
    const [slow, stuck] = [puppets.connect(new Puppet(tells)), puppets.connect(new Puppet(tells))];
    for (const id of [1, 2]) port.send(id, Buffer.alloc(1_000));
    for (let round = 0; round < 20; round++) {
      clock.advance(2_000);
      if (round % 4 === 0) slow.take(1);
      port.tick();
    }
    expect([slow.destroyed, stuck.destroyed]).toEqual([false, true]);
    expect(inputs.filter(({ type }) => type === "disconnected")).toEqual([{ type: "disconnected", connection: 2 }]);
    clock.advance(12_000);
    port.tick();
    // It may have been this process that was held up: what has happened meanwhile is seen between two looks.
    expect(slow.destroyed).toBe(false);
    port.tick();
    expect(slow.destroyed).toBe(true);
  },
);

test("who takes nothing is cut off though it seemed at first to have taken everything", async () => {
  const puppets = await PuppetPort.listening({ stuckOutputMs: 10_000, handshakeMs: 1_000_000, hardUnsentBytes: 5_000 });
  const { port, clock } = puppets;
  const [stuck, greedy] = [puppets.connect(), puppets.connect()];
  puppets.told();
  stuck.unsentBytes = 1_000;
  stuck.handler?.onTakenBack?.();
  expect(puppets.inputs.splice(0)).toEqual([{ type: "unsent", connection: 1, bytes: 1_000 }]);
  greedy.unsentBytes = 6_000;
  greedy.handler?.onTakenBack?.();
  expect([stuck.destroyed, greedy.destroyed]).toEqual([false, true]);
  expect(puppets.inputs.splice(0)).toEqual([{ type: "disconnected", connection: 2 }]);
  for (let round = 0; round < 7; round++) {
    clock.advance(2_000);
    port.tick();
  }
  expect(stuck.destroyed).toBe(true);
});

test("who was told to go and has not gone makes room for others, the oldest first", async () => {
  const puppets = await PuppetPort.listening({ maxConnections: 3 });
  const { port } = puppets;
  const [first, second] = [puppets.connect(), puppets.connect()];
  for (const id of [1, 2]) port.close(id);
  const third = puppets.connect();
  expect([first.destroyed, second.destroyed, third.destroyed]).toEqual([false, false, false]);
  const more = [puppets.connect(), puppets.connect()];
  expect([first, second, third, ...more].map(({ destroyed }) => destroyed)).toEqual([true, true, false, false, false]);
  expect(puppets.connect().destroyed).toBe(true);
  expect(port.refusedTotal).toBe(1);
});

test("who is not read is heard by what it takes; who takes nothing is not, and who is read has to speak", async () => {
  const puppets = await PuppetPort.listening();
  const { port, clock } = puppets;
  const [slow, , read] = [puppets.connect(), puppets.connect(), puppets.connect()];
  for (const id of [1, 2, 3]) port.send(id, Buffer.alloc(1_000));
  for (const id of [1, 2]) port.pauseReading(id, true);
  puppets.told();
  for (let round = 0; round < 3; round++) {
    clock.advance(2_000);
    for (const puppet of [slow, read]) puppet.take(1);
    port.tick();
    expect(puppets.told()).toEqual(["heard 1"]);
  }
  clock.advance(2_000);
  port.tick();
  expect(puppets.told()).toEqual([]);
});

test("counts what has come of requests that are not whole, and who never said a word", async () => {
  const puppets = await PuppetPort.listening({ handshakeMs: 5_000 });
  const { port, clock } = puppets;
  const [half, silent] = [puppets.connect(), puppets.connect()];
  half.handler?.onData(Buffer.from([0, 0, 0, 100, 1, 2, 3]));
  expect([port.undecodedBytes, port.silentTotal]).toEqual([7, 0]);
  half.handler?.onData(Buffer.alloc(97));
  expect(port.undecodedBytes).toBe(0);
  clock.advance(6_000);
  for (const _ of [1, 2]) port.tick();
  expect([half.destroyed, silent.destroyed, port.silentTotal]).toEqual([false, true, 1]);
});
