/** What is taken up in one turn of the event loop, of whom, and in which order. */
import { OpCode } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { PuppetPort } from "../../test-support/puppet-port.ts";

/** With three connections, of which all have said hello. */
async function withThree(limits: { maxTurnRequests?: number; maxTurnBytes?: number }) {
  const puppets = await PuppetPort.listening(limits);
  const streams = [puppets.connect(), puppets.connect(), puppets.connect()] as const;
  for (const stream of streams) stream.say(1);
  puppets.clock.advance(0);
  puppets.told();
  return { puppets, streams };
}

/** What will have been told when the next turn is over; it was asked for already. */
function toldInNextTurn(puppets: PuppetPort): string[] {
  const told: string[] = [];
  puppets.clock.setTimer(0, () => told.push(...puppets.told()));
  return told;
}

describe("requests", () => {
  test("as long as there is room they are taken up as they come", async () => {
    const { puppets, streams } = await withThree({ maxTurnRequests: 1_000 });
    streams[0].say(150);
    expect(puppets.told()).toEqual(["1: 64", "1: 64", "1: 22"]);
    expect(puppets.port.waitingCount).toBe(0);
  });

  test("then connections take turns, a slice each, until the turn is used up", async () => {
    const { puppets, streams } = await withThree({ maxTurnRequests: 130 });
    streams[0].say(300);
    expect(puppets.told()).toEqual(["1: 64", "1: 64"]);
    streams[1].say(100);
    streams[2].say(100);
    expect(puppets.told()).toEqual([]);
    expect(puppets.port.waitingCount).toBe(3);
    const first = toldInNextTurn(puppets);
    puppets.clock.advance(0);
    expect(first).toEqual(["1: 64", "2: 64"]);
    expect(puppets.told()).toEqual(["3: 64", "1: 64", "2: 36", "3: 36", "1: 44"]);
    expect(puppets.port.waitingCount).toBe(0);
  });

  test.each([OpCode.multi, OpCode.multiRead])("a list counts for as many as it can have parts (%i)", async (type) => {
    const { puppets, streams } = await withThree({ maxTurnRequests: 1_000 });
    streams[0].say(1, 14_000, type);
    streams[1].say(1, 14_000, type);
    streams[2].say(1, 14_000, type);
    expect(puppets.told()).toEqual(["1: 1", "2: 1"]);
    puppets.clock.advance(0);
    expect(puppets.told()).toEqual(["3: 1"]);
    streams[0].say(10, 14_000);
    expect(puppets.told()).toEqual(["1: 10"]);
  });

  test.each([OpCode.getEphemerals, OpCode.multiRead])(
    "what may take long is the last of its slice (%i)",
    async (type) => {
      const { puppets, streams } = await withThree({ maxTurnRequests: 1_000 });
      streams[0].say(2, 16, type);
      streams[0].say(2);
      expect(puppets.told()).toEqual(["1: 1", "1: 1", "1: 2"]);
    },
  );

  test("what was done beside counts", async () => {
    const { puppets, streams } = await withThree({ maxTurnRequests: 1_000 });
    puppets.port.spend(1_000, 0);
    streams[0].say(100);
    expect(puppets.told()).toEqual([]);
    puppets.clock.advance(0);
    expect(puppets.told()).toEqual(["1: 64", "1: 36"]);
  });

  test("who asks for little waits as well when far too much was done", async () => {
    const { puppets, streams } = await withThree({ maxTurnRequests: 100 });
    puppets.port.spend(150, 0);
    streams[0].say(2);
    expect(puppets.told()).toEqual(["1: 2"]);
    puppets.port.spend(100, 0);
    streams[0].say(2);
    expect(puppets.told()).toEqual([]);
    puppets.clock.advance(0);
    expect(puppets.told()).toEqual(["1: 2"]);
  });

  test("who asks for little and has taken all answers goes before those who wait", async () => {
    const { puppets, streams } = await withThree({ maxTurnRequests: 64 });
    streams[0].say(300);
    puppets.told();
    streams[1].say(2);
    expect(puppets.told()).toEqual(["2: 2"]);
    streams[2].unsentBytes = 1;
    streams[2].say(2);
    expect(puppets.told()).toEqual([]);
    puppets.clock.advance(0);
    expect(puppets.told()).toContain("3: 2");
  });

  test("what lies undecoded does not grow", async () => {
    const { puppets, streams } = await withThree({ maxTurnRequests: 1 });
    const [big] = streams;
    big.say(100, 1_000);
    big.say(100, 1_000);
    expect(big.reading).toBe(false);
    puppets.clock.advance(0);
    expect(big.reading).toBe(true);
    expect(
      puppets
        .told()
        .map((text) => Number(text.slice(3)))
        .reduce((sum, n) => sum + n),
    ).toBe(200);
  });
});

describe("answers", () => {
  test("when enough is written, those who have taken theirs get the next ones in turn", async () => {
    const { puppets, streams } = await withThree({ maxTurnBytes: 1_000 });
    for (const id of [1, 2, 3]) puppets.port.pauseReading(id, true);
    puppets.onInput = (input) => {
      if (input.type === "drained") puppets.port.send(input.connection, Buffer.alloc(600));
    };
    puppets.port.send(1, Buffer.alloc(1_500));
    for (const stream of streams) stream.drain();
    expect(puppets.told()).toEqual([]);
    const first = toldInNextTurn(puppets);
    puppets.clock.advance(0);
    expect(first).toEqual(["1 drained", "2 drained"]);
    expect(puppets.told()).toEqual(["3 drained"]);
  });

  test("who has nothing that waits is told at once that its output was taken", async () => {
    const { puppets, streams } = await withThree({ maxTurnBytes: 1_000 });
    puppets.port.send(1, Buffer.alloc(1_500));
    streams[1].drain();
    expect(puppets.told()).toEqual(["2 drained"]);
  });
});

describe("a connection that the replica wants nothing more of", () => {
  test("keeps what it has said, and goes on from there", async () => {
    const { puppets, streams } = await withThree({});
    puppets.onInput = (input) => {
      if (input.type === "frames") puppets.port.pauseReading(1, true);
    };
    streams[0].say(100);
    streams[0].say(10);
    expect(puppets.told()).toEqual(["1: 64"]);
    puppets.onInput = () => {};
    puppets.port.pauseReading(1, false);
    puppets.clock.advance(0);
    expect(puppets.told()).toEqual(["1: 46"]);
  });
});

describe("who waits for its turn", () => {
  test("has been heard: its session lives, and it is not taken for one that says nothing", async () => {
    const puppets = await PuppetPort.listening({ maxTurnRequests: 1, handshakeMs: 10 });
    const [busy, late] = [puppets.connect(), puppets.connect()];
    busy.say(100);
    late.say(100);
    puppets.told();
    puppets.clock.stall(1_000);
    puppets.port.tick();
    puppets.port.tick();
    expect(puppets.told()).toEqual(["heard 1, 2", "heard 1, 2"]);
    expect(late.destroyed).toBe(false);
  });

  test("and ends in order meanwhile, is gone when its last words have been taken up", async () => {
    const { puppets, streams } = await withThree({ maxTurnRequests: 64 });
    streams[0].say(100);
    streams[0].handler?.onClose();
    expect(puppets.told()).toEqual(["1: 64", "1 ended"]);
    puppets.clock.advance(0);
    expect(puppets.told()).toEqual(["1: 36", "1 disconnected"]);
    expect(puppets.port.waitingCount).toBe(0);
  });

  test("and ends in order while nothing more is wanted of it, is gone when that is over and its last words have been taken up", async () => {
    const { puppets, streams } = await withThree({ maxTurnRequests: 64 });
    streams[0].say(200);
    streams[0].handler?.onClose();
    puppets.port.pauseReading(1, true);
    streams[1].say(1);
    puppets.port.pauseReading(2, true);
    streams[1].handler?.onClose();
    puppets.clock.advance(0);
    expect(puppets.told()).toEqual(["1: 64", "1 ended", "2: 1", "2 ended"]);
    for (const id of [1, 2]) puppets.port.pauseReading(id, false);
    for (let turn = 0; turn < 3; turn++) puppets.clock.advance(0);
    expect(puppets.told()).toEqual(["1: 64", "2 disconnected", "1: 64", "1: 8", "1 disconnected"]);
  });

  test("and breaks, is gone at once", async () => {
    const { puppets, streams } = await withThree({ maxTurnRequests: 64 });
    streams[0].say(200);
    streams[0].handler?.onClose(new Error("reset"));
    expect(puppets.told()).toEqual(["1: 64", "1 disconnected"]);
  });
});
