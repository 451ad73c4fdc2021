import { describe, expect, test } from "vitest";
import { seededRandom } from "../seeded-random.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { type Cargo, Lane } from "./lane.ts";

const bytes = (text: string): Cargo => ({ kind: "bytes", bytes: Buffer.from(text) });
const told = (cargo: Cargo): string => (cargo.kind === "bytes" ? cargo.bytes.toString() : cargo.kind);

function lane(options: { delayMs?: () => number; deliver?: (cargo: Cargo) => boolean } = {}) {
  const clock = new VirtualClock();
  const delivered: string[] = [];
  const it = new Lane({
    clock,
    delayMs: options.delayMs ?? (() => 0),
    deliver: (cargo) => {
      delivered.push(told(cargo));
      return options.deliver?.(cargo) ?? true;
    },
  });
  return { it, clock, delivered };
}

describe("a lane", () => {
  test("hands on at once when nothing delays it", () => {
    const { it, delivered } = lane();
    it.push({ kind: "open" });
    it.push(bytes("a"));
    it.push({ kind: "end" });
    expect(delivered).toEqual(["open", "a", "end"]);
  });

  test("delays each piece from its own coming, so that pieces follow each other as they came", () => {
    const { it, clock, delivered } = lane({ delayMs: () => 100 });
    it.push(bytes("a"));
    clock.advance(40);
    it.push(bytes("b"));
    clock.advance(59);
    expect(delivered).toEqual([]);
    clock.advance(1);
    expect(delivered).toEqual(["a"]);
    expect(it.heldBytes).toBe(1);
    clock.advance(40);
    expect(delivered).toEqual(["a", "b"]);
    expect(it.heldBytes).toBe(0);
  });

  test("never lets a shorter delay overtake a longer one, nor an end the bytes before it", () => {
    const delays = [100, 10, 0];
    const { it, clock, delivered } = lane({ delayMs: () => delays.shift() ?? 0 });
    for (const cargo of [bytes("slow"), bytes("fast"), { kind: "reset" } as const]) it.push(cargo);
    clock.advance(99);
    expect(delivered).toEqual([]);
    clock.advance(1);
    expect(delivered).toEqual(["slow", "fast", "reset"]);
  });

  test("keeps what comes while it is stalled, and hands it on in order afterwards", () => {
    const { it, clock, delivered } = lane({ delayMs: () => 10 });
    it.push(bytes("a"));
    it.stall();
    clock.advance(1_000);
    it.push(bytes("b"));
    clock.advance(5);
    expect(delivered).toEqual([]);
    it.resume();
    expect(delivered).toEqual(["a"]);
    clock.advance(5);
    expect(delivered).toEqual(["a", "b"]);
  });

  test("waits for a receiver that has enough", () => {
    const { it, delivered } = lane({ deliver: () => false });
    it.push(bytes("a"));
    it.push(bytes("b"));
    expect(delivered).toEqual(["a"]);
    it.proceed();
    expect(delivered).toEqual(["a", "b"]);
  });

  test("obeys a receiver that stalls or discards it in the middle", () => {
    const stalling = lane({
      deliver(cargo) {
        if (told(cargo) === "b") stalling.it.stall();
        return true;
      },
    });
    stalling.it.stall();
    for (const text of ["a", "b", "c"]) stalling.it.push(bytes(text));
    stalling.it.resume();
    expect(stalling.delivered).toEqual(["a", "b"]);
    stalling.it.resume();
    expect(stalling.delivered).toEqual(["a", "b", "c"]);

    const discarding = lane({
      deliver() {
        discarding.it.discard();
        return true;
      },
    });
    discarding.it.stall();
    for (const text of ["a", "b"]) discarding.it.push(bytes(text));
    discarding.it.resume();
    discarding.it.push(bytes("c"));
    expect(discarding.delivered).toEqual(["a"]);
    expect(discarding.it.heldBytes).toBe(0);
    expect(discarding.clock.pendingTimers).toBe(0);
  });

  test("hands on exactly what came, in order, whatever happens on the way", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seededRandom(seed);
      const { it, clock, delivered } = lane({ delayMs: () => random.below(30), deliver: () => random.below(3) > 0 });
      const sent: string[] = [];
      for (let step = 0; step < 100; step++) {
        const what = random.below(5);
        if (what === 0) it.stall();
        else if (what === 1) it.resume();
        else if (what === 2) clock.advance(random.below(20));
        else if (what === 3) it.proceed();
        else {
          sent.push(String(sent.length));
          it.push(bytes(String(sent.length - 1)));
        }
        expect(delivered).toEqual(sent.slice(0, delivered.length));
      }
      it.resume();
      clock.advance(100);
      for (let i = 0; i < 100; i++) it.proceed();
      expect(delivered, `seed ${seed}`).toEqual(sent);
    }
  });
});
