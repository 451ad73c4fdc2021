/**
 * The rules of judge.ts in every interleaving of a small world: one owner that changes a value and may give up, somebody
 * else who changes it too, somebody who removes the receipt, and a network that loses requests and replies or is late.
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
import { judge, judgeWithdrawal, nextVersion } from "./judge.ts";

const refused = (index: number, cause: NoNodeError | BadVersionError | NoAuthError) =>
  new TransactionError(index, "set", cause);

describe("what the answer to an attempt says", () => {
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

test.each([
  ["it has moved on", new BadVersionError(), false, true, "applied"],
  ["it is gone, perhaps by us", new NoNodeError(), true, true, "withdrawn"],
  ["it is gone, not by us", new NoNodeError(), false, true, "unknown"],
  ["it is gone, perhaps by others", new NoNodeError(), true, false, "unknown"],
  ["the connection broke", new ConnectionLossError(), false, true, "again"],
  ["the client was closed", new ClientClosedError(), true, true, "unknown"],
] as const)("what the answer to removing the receipt says: %s", (_, error, isOpen, isAlone, kind) => {
  expect(judgeWithdrawal(error, isOpen, isAlone).kind).toBe(kind);
});

test("versions wrap around, past the one that means any", () => {
  expect([0, 2 ** 31 - 1, -3, -2, -1].map(nextVersion)).toEqual([1, -(2 ** 31), -2, 0, 0]);
});

/** The value and one receipt; increments and removals that are on their way, and one owner who waits for them. */
interface World {
  readonly value: number;
  readonly valueVersion: number;
  /** `undefined`: removed. */
  readonly receiptVersion: number | undefined;
  /** On their way, as long as they may still arrive. */
  readonly sent: readonly Sent[];
  /** Increments that have happened, by number: the truth that the owner is to find out. */
  readonly happened: readonly number[];
  readonly others: number;
  readonly sendsLeft: number;
  readonly owner: Owner;
}

/** An increment from the value that was read, or a removal of the receipt. */
interface Request {
  readonly increment: number;
  readonly isRemoval: boolean;
  readonly value: number;
  readonly valueVersion: number;
  readonly receiptVersion: number;
}

interface Sent {
  readonly request: Request;
  /** The owner still listens for its answer. */
  readonly isAwaited: boolean;
}

interface Owner {
  /** Number of the increment that it is about. */
  readonly increment: number;
  readonly receiptVersion: number;
  /** Whether an attempt, or a removal, may have happened. */
  readonly open: { readonly attempts: boolean; readonly removals: boolean };
  readonly isWaiting: boolean;
  readonly hasGivenUp: boolean;
  /** What it is to send again, or nothing: then it reads first. */
  readonly again: Request | undefined;
  /** What it has been told of each increment. */
  readonly told: readonly ("applied" | "unknown" | "not applied")[];
}

const increments = 2;
const nothingOpen = { attempts: false, removals: false };

function carryOut(world: World, request: Request): { readonly world: World; readonly error: Error | undefined } {
  const { receiptVersion, isRemoval } = request;
  const refuse = (index: number, cause: NoNodeError | BadVersionError) => ({
    world,
    error: isRemoval ? cause : refused(index, cause),
  });
  if (world.receiptVersion === undefined) return refuse(0, new NoNodeError());
  if (world.receiptVersion !== receiptVersion) return refuse(0, new BadVersionError());
  if (isRemoval) return { world: { ...world, receiptVersion: undefined }, error: undefined };
  if (world.valueVersion !== request.valueVersion) return refuse(1, new BadVersionError());
  const changed = {
    ...world,
    value: request.value + 1,
    valueVersion: world.valueVersion + 1,
    receiptVersion: world.receiptVersion + 1,
    happened: [...world.happened, request.increment],
  };
  return { world: changed, error: undefined };
}

/** `mayRemove`: others may remove the receipt, at any time; so nobody is ever alone. */
function verdictOn({ open }: Owner, { isRemoval }: Request, error: Error | undefined, mayRemove: boolean) {
  if (error === undefined) return { kind: isRemoval ? "withdrawn" : "applied" } as const;
  return isRemoval ? judgeWithdrawal(error, open.removals, !mayRemove) : judge(error, open.attempts);
}

function onAnswer(world: World, request: Request, error: Error | undefined, mayRemove: boolean): World {
  const { owner } = world;
  const verdict = verdictOn(owner, request, error, mayRemove);
  const next: Owner = { ...owner, isWaiting: false, open: nothingOpen, again: undefined, hasGivenUp: false };
  const over = (what: Owner["told"][number]): World => ({
    ...world,
    owner: { ...next, increment: increments, told: [...owner.told, what] },
  });
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
    case "again": {
      const part = request.isRemoval ? "removals" : "attempts";
      const open = { ...owner.open, [part]: owner.open[part] || verdict.mayHaveHappened };
      return { ...world, owner: { ...owner, isWaiting: false, open, again: request } };
    }
    case "overtaken":
      return { ...world, owner: next };
    case "unknown":
      return over("unknown");
    default:
      // The receipt is gone and nothing has happened: the owner would make another, which adds nothing here.
      return over("not applied");
  }
}

/** What the owner sends next. */
function nextRequest({ owner, value, valueVersion }: World): Request {
  const { increment, receiptVersion, again, hasGivenUp } = owner;
  if (again !== undefined) return { ...again, isRemoval: hasGivenUp };
  return { increment, isRemoval: false, value, valueVersion, receiptVersion };
}

function* steps(world: World, mayRemove: boolean): Generator<{ readonly step: string; readonly state: World }> {
  const { owner } = world;
  const canRead = world.receiptVersion !== undefined || owner.again !== undefined;
  if (!owner.isWaiting && owner.increment < increments && world.sendsLeft > 0 && canRead) {
    const request = nextRequest(world);
    const state = {
      ...world,
      sent: [...world.sent, { request, isAwaited: true }],
      sendsLeft: world.sendsLeft - 1,
      owner: { ...owner, isWaiting: true },
    };
    yield { step: request.isRemoval ? "withdraws" : owner.again === undefined ? "reads, sends" : "sends again", state };
  }
  if (!owner.isWaiting && owner.open.attempts && !owner.hasGivenUp) {
    yield { step: "gives up", state: { ...world, owner: { ...owner, hasGivenUp: true } } };
  }
  for (const [at, { request, isAwaited }] of world.sent.entries()) {
    const rest = world.sent.filter((_, other) => other !== at);
    const without = { ...world, sent: rest };
    const { world: after, error } = carryOut(without, request);
    if (!isAwaited) {
      yield { step: "arrives late", state: after };
      yield { step: "never arrives", state: without };
      continue;
    }
    const broken = new ConnectionLossError();
    yield { step: "arrives, is answered", state: onAnswer(after, request, error, mayRemove) };
    yield { step: "arrives, the reply is lost", state: onAnswer(after, request, broken, mayRemove) };
    yield { step: "is lost", state: onAnswer(without, request, broken, mayRemove) };
    const late = { ...world, sent: [...rest, { request, isAwaited: false }] };
    yield { step: "is held up", state: onAnswer(late, request, broken, mayRemove) };
  }
  if (world.others > 0) {
    const { value, valueVersion, others } = world;
    const state = { ...world, value: value + 100, valueVersion: valueVersion + 1, others: others - 1 };
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
  others: 1,
  sendsLeft: 5,
  owner: {
    increment: 0,
    receiptVersion: 0,
    open: nothingOpen,
    isWaiting: false,
    hasGivenUp: false,
    again: undefined,
    told: [],
  },
};

function problem({ happened, value, owner: { told } }: World): string | undefined {
  const twice = happened.find((one, at) => happened.indexOf(one) !== at);
  if (twice !== undefined) return `increment ${twice} happened twice`;
  if (value % 100 !== happened.length) return "the value is not what has happened to it";
  for (const [increment, what] of told.entries()) {
    const has = happened.includes(increment);
    if (what === "applied" && !has) return `increment ${increment} was only said to have happened`;
    if (what === "not applied" && has) return `increment ${increment} was said not to have happened`;
  }
  return happened.some((one) => one > told.length) ? "an increment happened before its turn" : undefined;
}

/** Every world that can come to be. @throws Error with the steps that lead to a problem. */
function worlds(mayRemove: boolean): World[] {
  const seen = new Map<string, World>();
  let frontier: { readonly world: World; readonly steps: readonly string[] }[] = [{ world: start, steps: [] }];
  while (frontier.length > 0) {
    const following: typeof frontier = [];
    for (const one of frontier) {
      const key = JSON.stringify(one.world);
      if (seen.has(key)) continue;
      seen.set(key, one.world);
      const wrong = problem(one.world);
      if (wrong !== undefined) throw new Error(`${wrong}, after: ${one.steps.join(", ")}`);
      for (const { step, state } of steps(one.world, mayRemove)) {
        following.push({ world: state, steps: [...one.steps, step] });
      }
    }
    frontier = following;
  }
  return [...seen.values()];
}

describe("in every interleaving", () => {
  test("an increment happens once at most, and what is said of it is true; nothing stays unknown", () => {
    const all = worlds(false);
    expect(all.length).toBeGreaterThan(1_000);
    expect(all.filter(({ owner }) => owner.told.includes("unknown"))).toEqual([]);
    expect(all.some(({ happened }) => happened.length === increments)).toBe(true);
    expect(all.some(({ owner }) => owner.told.includes("not applied"))).toBe(true);
  });

  test("also when somebody removes the receipt: then it may be unknown, but is never said wrongly", () => {
    const all = worlds(true);
    expect(all.some(({ owner }) => owner.told.includes("unknown"))).toBe(true);
    expect(all.some(({ owner }) => owner.told.includes("not applied"))).toBe(true);
  });
});
