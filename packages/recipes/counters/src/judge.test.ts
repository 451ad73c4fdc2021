/**
 * The rules of judge.ts in every interleaving of a small world: one owner that changes a value, somebody else who does,
 * somebody who removes the receipt, and a network that loses requests and replies or delivers them late.
 */
import {
  BadVersionError,
  ClientClosedError,
  ConnectionLossError,
  NoAuthError,
  NoNodeError,
  SessionExpiredError,
  ThrottledOpError,
  TransactionError,
} from "@corral/client";
import { describe, expect, test } from "vitest";
import { judge, nextVersion } from "./judge.ts";

const refused = (index: number, cause: NoNodeError | BadVersionError | NoAuthError) =>
  new TransactionError(index, "set", cause);

describe("what an answer says", () => {
  test.each([
    ["the receipt has moved on", refused(0, new BadVersionError()), true, "applied"],
    ["the value has moved on, the receipt has not", refused(1, new BadVersionError()), true, "overtaken"],
    ["the receipt is gone before anything was sent", refused(0, new NoNodeError()), false, "receipt gone"],
    ["the receipt is gone after something was sent", refused(0, new NoNodeError()), true, "unknown"],
    ["no permission", refused(1, new NoAuthError()), false, "failed"],
    ["no permission any more, after something was sent", refused(1, new NoAuthError()), true, "unknown"],
    ["the connection broke", new ConnectionLossError(), false, "again"],
    ["the session is over, nothing was sent", new SessionExpiredError(), false, "again"],
    ["the client was closed before anything was sent", new ClientClosedError(), false, "failed"],
    ["the client was closed after something was sent", new ClientClosedError(), true, "unknown"],
  ] as const)("%s", (_, error, isOpen, kind) => {
    expect(judge(error, isOpen).kind).toBe(kind);
  });

  test("only what may have left may have happened", () => {
    expect(judge(new ConnectionLossError(), false)).toEqual({ kind: "again", mayHaveHappened: true });
    expect(judge(new SessionExpiredError(), false)).toEqual({ kind: "again", mayHaveHappened: false });
    expect(judge(new ThrottledOpError(), false)).toEqual({ kind: "again", mayHaveHappened: false });
  });
});

test("versions wrap around, past the one that means any", () => {
  expect([0, 2 ** 31 - 1, -3, -2, -1].map(nextVersion)).toEqual([1, -(2 ** 31), -2, 0, 0]);
});

/** The value and one receipt; increments that are on their way, and one owner who waits for them. */
interface World {
  readonly value: number;
  readonly valueVersion: number;
  /** `undefined`: removed. */
  readonly receiptVersion: number | undefined;
  /** Attempts on their way, as long as they may still arrive. */
  readonly sent: readonly Attempt[];
  /** Increments that have happened, by number: the truth that the owner is to find out. */
  readonly happened: readonly number[];
  readonly others: number;
  readonly sendsLeft: number;
  readonly owner: Owner;
}

interface Attempt {
  readonly increment: number;
  readonly value: number;
  readonly valueVersion: number;
  readonly receiptVersion: number;
  /** The owner still listens for its answer. */
  readonly isAwaited: boolean;
}

interface Owner {
  /** Number of the increment that it is about. */
  readonly increment: number;
  readonly receiptVersion: number;
  readonly isOpen: boolean;
  readonly isWaiting: boolean;
  /** What it is to send again, or nothing: then it reads first. */
  readonly attempt: Attempt | undefined;
  /** What it has been told of each increment. */
  readonly told: readonly ("applied" | "unknown" | "not applied")[];
}

const increments = 2;

function carryOut(world: World, attempt: Attempt): { world: World; error: Error | undefined } {
  if (world.receiptVersion === undefined) return { world, error: refused(0, new NoNodeError()) };
  if (world.receiptVersion !== attempt.receiptVersion) return { world, error: refused(0, new BadVersionError()) };
  if (world.valueVersion !== attempt.valueVersion) return { world, error: refused(1, new BadVersionError()) };
  const changed = {
    ...world,
    value: attempt.value + 1,
    valueVersion: world.valueVersion + 1,
    receiptVersion: world.receiptVersion + 1,
    happened: [...world.happened, attempt.increment],
  };
  return { world: changed, error: undefined };
}

function onAnswer(world: World, attempt: Attempt, error: Error | undefined): World {
  const { owner } = world;
  const verdict = error === undefined ? ({ kind: "applied" } as const) : judge(error, owner.isOpen);
  const next: Owner = { ...owner, isWaiting: false, isOpen: false, attempt: undefined };
  switch (verdict.kind) {
    case "applied":
      return {
        ...world,
        owner: {
          ...next,
          increment: owner.increment + 1,
          receiptVersion: owner.receiptVersion + 1,
          told: [...owner.told, "applied"],
        },
      };
    case "unknown":
      return { ...world, owner: { ...next, increment: increments, told: [...owner.told, "unknown"] } };
    case "again":
      return { ...world, owner: { ...next, isOpen: owner.isOpen || verdict.mayHaveHappened, attempt } };
    case "overtaken":
      return { ...world, owner: next };
    default:
      // The receipt is gone and nothing was open: it would make another, which adds nothing here.
      return { ...world, owner: { ...next, increment: increments, told: [...owner.told, "not applied"] } };
  }
}

function* steps(world: World, mayRemove: boolean): Generator<{ step: string; state: World }> {
  const { owner } = world;
  const resend = owner.attempt;
  if (!owner.isWaiting && owner.increment < increments && world.sendsLeft > 0 && world.receiptVersion !== undefined) {
    const attempt: Attempt = resend ?? {
      increment: owner.increment,
      value: world.value,
      valueVersion: world.valueVersion,
      receiptVersion: owner.receiptVersion,
      isAwaited: true,
    };
    const sent = [...world.sent, attempt];
    yield {
      step: resend === undefined ? "reads and sends" : "sends again",
      state: { ...world, sent, sendsLeft: world.sendsLeft - 1, owner: { ...owner, isWaiting: true } },
    };
  } else if (resend !== undefined && !owner.isWaiting && world.receiptVersion === undefined && world.sendsLeft > 0) {
    yield {
      step: "sends again",
      state: {
        ...world,
        sent: [...world.sent, resend],
        sendsLeft: world.sendsLeft - 1,
        owner: { ...owner, isWaiting: true },
      },
    };
  }
  for (const [at, attempt] of world.sent.entries()) {
    const rest = world.sent.filter((_, other) => other !== at);
    const without = { ...world, sent: rest };
    const { world: after, error } = carryOut(without, attempt);
    if (attempt.isAwaited && owner.isWaiting) {
      yield { step: "arrives and is answered", state: onAnswer(after, attempt, error) };
      yield { step: "arrives, the reply is lost", state: onAnswer(after, attempt, new ConnectionLossError()) };
      yield { step: "is lost", state: onAnswer(without, attempt, new ConnectionLossError()) };
      const late = { ...world, sent: [...rest, { ...attempt, isAwaited: false }] };
      yield { step: "is held up", state: onAnswer(late, attempt, new ConnectionLossError()) };
    } else {
      yield { step: "arrives late", state: after };
      yield { step: "never arrives", state: without };
    }
  }
  if (world.others > 0) {
    const state = {
      ...world,
      value: world.value + 100,
      valueVersion: world.valueVersion + 1,
      others: world.others - 1,
    };
    yield { step: "another adds 100", state };
  }
  if (mayRemove && world.receiptVersion !== undefined) {
    yield { step: "the receipt is removed", state: { ...world, receiptVersion: undefined } };
  }
}

const start: World = {
  value: 0,
  valueVersion: 0,
  receiptVersion: 0,
  sent: [],
  happened: [],
  others: 2,
  sendsLeft: 5,
  owner: { increment: 0, receiptVersion: 0, isOpen: false, isWaiting: false, attempt: undefined, told: [] },
};

function problem(world: World): string | undefined {
  const { told } = world.owner;
  const twice = world.happened.find((one, at) => world.happened.indexOf(one) !== at);
  if (twice !== undefined) return `increment ${twice} happened twice`;
  if (world.value % 100 !== world.happened.length) return "the value is not what has happened to it";
  for (const [increment, what] of told.entries()) {
    const has = world.happened.includes(increment);
    if (what === "applied" && !has) return `increment ${increment} was only said to have happened`;
    if (what === "not applied" && has) return `increment ${increment} was said not to have happened`;
  }
  const over = world.happened.filter((one) => one > told.length);
  if (over.length > 0) return "an increment happened before its turn";
  return undefined;
}

/** Every world that can come to be. @throws Error with the steps that lead to a problem. */
function worlds(mayRemove: boolean): World[] {
  const seen = new Map<string, World>();
  const open: { readonly world: World; readonly steps: readonly string[] }[] = [{ world: start, steps: [] }];
  for (let one = open.shift(); one !== undefined; one = open.shift()) {
    const key = JSON.stringify(one.world);
    if (seen.has(key)) continue;
    seen.set(key, one.world);
    const wrong = problem(one.world);
    if (wrong !== undefined) throw new Error(`${wrong}, after: ${one.steps.join(", ")}`);
    for (const { step, state } of steps(one.world, mayRemove)) open.push({ world: state, steps: [...one.steps, step] });
  }
  return [...seen.values()];
}

describe("in every interleaving", () => {
  test("an increment happens once at most, and what is said of it is true; nothing stays unknown", () => {
    const all = worlds(false);
    expect(all.length).toBeGreaterThan(1_000);
    expect(all.filter(({ owner }) => owner.told.includes("unknown"))).toEqual([]);
    expect(all.some(({ happened }) => happened.length === increments)).toBe(true);
  });

  test("also when somebody removes the receipt: then it may be unknown, but is never said wrongly", () => {
    const all = worlds(true);
    expect(all.some(({ owner }) => owner.told.includes("unknown"))).toBe(true);
    expect(all.some(({ owner }) => owner.told.includes("not applied"))).toBe(true);
  });
});
