/**
 * Receipts: how a transaction that must not happen twice is sent as often as it takes. Its first operation moves a receipt
 * on, a node of the sender's own, from the version that the sender knows. So of all attempts under way one can happen,
 * and afterwards the receipt tells whether it has.
 *
 * Znodes     <parent>/<guid>: persistent, one for each transaction that a client has under way at one time, used again
 *            and again; removed when idle. What a dead client leaves, the next one that makes a receipt removes an hour later
 * Suspended  a transaction under way is sent again on the next connection, of whatever session; one that was given up
 *            meanwhile is not: its receipt is removed instead, from the version that no attempt has moved, which settles it
 * Not given  an answer to a client that is cut off for more than an hour in the middle: WriteOutcomeUnknownError
 */
import { type Client, isCoordinationError, isRecoverable, type Transaction } from "@corral/client";
import type { TimerHandle } from "@corral/io";
import { newGuid } from "./guid.ts";
import { insist } from "./insist.ts";
import { type WriteOutcome, WriteOutcomeUnknownError } from "./outcome.ts";
import { childrenOrNone } from "./ticket.ts";
import { until } from "./until.ts";

/** A receipt that was not used for so long may be removed by anybody, ms. Its owner has given it up long before. */
const lifetimeMs = 60 * 60 * 1_000;
/** So long after the last use its owner removes it, ms. */
const idleMs = 30_000;
/** So old, it is not used again, ms. */
const staleMs = lifetimeMs / 2;
/** So many of others are looked at, at one time, and at most. */
const sweepMax = 100;
/** So many transactions are under way at one time at most. */
const atOnceMax = 16;

interface Receipt {
  readonly path: string;
  version: number;
  /** On `clock.elapsedMs()`. */
  usedAtMs: number;
}

/** A transaction to be carried out. */
export interface ReceiptedWrite {
  /** Such as "The put to". */
  readonly what: string;
  readonly path: string;
  readonly build: (transaction: Transaction) => void;
}

/** What became of a transaction. */
type Verdict =
  | { readonly kind: "applied" }
  | { readonly kind: "refused"; readonly error: unknown }
  /** It did not happen: the receipt was gone before. */
  | { readonly kind: "no receipt" }
  | { readonly kind: "unknown"; readonly cause: unknown };

const all = new WeakMap<Client, Map<string, Receipts>>();

/** See the head of this file. */
export class Receipts {
  readonly #client: Client;
  readonly #parent: string;
  readonly #onIdle: () => void;
  #free: Receipt[] = [];
  #underWay = 0;
  #waiting: (() => void)[] = [];
  #leaving: TimerHandle | undefined;

  private constructor(client: Client, parent: string, onIdle: () => void) {
    this.#client = client;
    this.#parent = parent;
    this.#onIdle = onIdle;
  }

  /** Those of `client` below `parent`, one for all who ask: an object made for a single write must not cost a receipt. */
  static of(client: Client, parent: string): Receipts {
    const ofClient = all.get(client) ?? new Map<string, Receipts>();
    all.set(client, ofClient);
    const there = ofClient.get(parent);
    if (there !== undefined) return there;
    const made: Receipts = new Receipts(client, parent, () => {
      if (ofClient.get(parent) === made) ofClient.delete(parent);
    });
    ofClient.set(parent, made);
    return made;
  }

  /**
   * Carries out a transaction exactly once or not at all; `build` adds its operations, of which the first has index 1.
   * `what` and `path` are for the message of an error.
   * @throws TransactionError: an operation was refused, nothing happened; the signal's reason: nothing was sent;
   * WriteOutcomeUnknownError: it was under way when `signal` aborted; ClientClosedError
   */
  async commit({ what, path, build }: ReceiptedWrite, signal: AbortSignal): Promise<void> {
    await this.#enter(signal);
    let change: Promise<Verdict>;
    try {
      // Before anything is under way, so that whoever gives up knows that nothing was.
      await isReachable(this.#client, signal);
      const borrowing = this.#borrow();
      const receipt = await until(borrowing, signal).catch((error: unknown) => {
        borrowing.then((late) => this.#free.push(late), ignore);
        throw error;
      });
      change = this.#carryOut(receipt, build, signal);
    } catch (error) {
      this.#leave();
      throw error;
    }
    void change.then(() => this.#leave());
    const outcome = change.then(toOutcome);
    const unknown = (cause: unknown) => new WriteOutcomeUnknownError(what, path, outcome, cause);
    const verdict = await until(change, signal).catch((reason: unknown) => {
      throw unknown(reason);
    });
    if (verdict.kind === "unknown") throw unknown(verdict.cause);
    if (verdict.kind === "refused") throw verdict.error;
  }

  /** Removes the receipts that are not in use. They are made again when they are needed. */
  async close(): Promise<void> {
    this.#leaving?.cancel();
    this.#client.off("state", this.#onState);
    const idle = this.#free;
    this.#free = [];
    if (this.#underWay === 0) this.#onIdle();
    await Promise.all(idle.map(({ path }) => this.#remove(path)));
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (this.#underWay >= atOnceMax) {
      await until(new Promise<void>((resolve) => this.#waiting.push(resolve)), signal);
    }
    this.#underWay++;
    this.#leaving?.cancel();
    this.#client.off("state", this.#onState);
  }

  #leave(): void {
    this.#underWay--;
    // All of them, for some may have given up; whoever came first looks first.
    for (const wake of this.#waiting.splice(0)) wake();
    if (this.#underWay === 0) this.#leaveWhenIdle();
  }

  #leaveWhenIdle(): void {
    if (this.#client.state === "closed") return this.#onIdle();
    this.#leaving = this.#client.clock.setTimer(idleMs, () => this.#abandonIdle());
    // The timer must not keep a program alive that is done.
    this.#client.on("state", this.#onState);
  }

  readonly #onState = ({ state }: { readonly state: string }): void => {
    if (state !== "closed") return;
    this.#leaving?.cancel();
    this.#onIdle();
  };

  #abandonIdle(): void {
    const { logger } = this.#client;
    this.close().catch((err: unknown) => logger.warn({ err, path: this.#parent }, "receipts could not be removed"));
  }

  /** Never rejects. */
  async #carryOut(first: Receipt, build: (t: Transaction) => void, signal: AbortSignal): Promise<Verdict> {
    for (let receipt = first; ; ) {
      const verdict = await this.#attempt(receipt, build, signal);
      if (verdict.kind !== "no receipt") return verdict;
      try {
        receipt = await this.#borrow();
      } catch (error) {
        return { kind: "refused", error };
      }
    }
  }

  async #attempt(receipt: Receipt, build: (t: Transaction) => void, signal: AbortSignal): Promise<Verdict> {
    const client = this.#client;
    const { path, version } = receipt;
    const sinceMs = client.clock.elapsedMs();
    const applied = (): Verdict => {
      this.#free.push({ path, version: version + 1, usedAtMs: sinceMs });
      return { kind: "applied" };
    };
    let isOpen = false;
    try {
      const transaction: Transaction = client.transaction().set(path, null, { version });
      build(transaction);
      await insist(client, async () => {
        if (isOpen && signal.aborted) throw new GivenUp();
        await transaction.commit().catch((error: unknown) => {
          isOpen ||= isRecoverable(error) && !isCoordinationError(error, "ThrottledOp");
          throw error;
        });
      });
      return applied();
    } catch (error) {
      const index = refusedIndex(error);
      // Only its owner moves a receipt: an earlier attempt has happened.
      if (index === 0 && isCoordinationError(error, "BadVersion")) return applied();
      if (index === 0 && !isOpen) return { kind: "no receipt" };
      if (index === 0) return { kind: "unknown", cause: error };
      if (!isOpen) {
        this.#free.push(receipt);
        return { kind: "refused", error };
      }
      // An earlier attempt may be on its way still, and this one's refusal does not hold it up.
      const sealed = await this.#seal(receipt);
      if (sealed === "never") return { kind: "refused", error: signal.aborted ? signal.reason : error };
      return sealed === "happened" ? applied() : { kind: "unknown", cause: error };
    }
  }

  /** Makes sure that no attempt can happen any more, and finds out whether one has. */
  async #seal({ path, version }: Receipt): Promise<"happened" | "never" | "unknown"> {
    const client = this.#client;
    let isOpen = false;
    try {
      await insist(client, async () => {
        try {
          await client.delete(path, { version });
        } catch (error) {
          // By an earlier delete of ours, of which the reply was lost.
          if (isOpen && isCoordinationError(error, "NoNode")) return;
          isOpen ||= isRecoverable(error);
          throw error;
        }
      });
      return "never";
    } catch (error) {
      return isCoordinationError(error, "BadVersion") ? "happened" : "unknown";
    }
  }

  async #borrow(): Promise<Receipt> {
    const { clock } = this.#client;
    for (let free = this.#free.pop(); free !== undefined; free = this.#free.pop()) {
      if (clock.elapsedMs() - free.usedAtMs < staleMs) return free;
      void this.#remove(free.path);
    }
    // Counted from before the create: it is never younger than it is believed to be.
    const usedAtMs = clock.elapsedMs();
    const path = `${this.#parent}/${newGuid(this.#client.random)}`;
    const { version, ctimeMs } = await insist(this.#client, () => this.#make(path));
    void this.#sweep(ctimeMs);
    return { path, version, usedAtMs };
  }

  /** Makes the node, or finds out that an earlier attempt has. */
  async #make(path: string): Promise<{ readonly version: number; readonly ctimeMs: number }> {
    for (;;) {
      try {
        return (await this.#client.create2(path, null, { createParents: true })).stat;
      } catch (error) {
        if (!isCoordinationError(error, "NodeExists")) throw error;
      }
      const stat = await this.#client.exists(path);
      if (stat !== undefined) return stat;
    }
  }

  /** Never rejects. */
  async #remove(path: string): Promise<void> {
    try {
      await insist(this.#client, () => this.#client.delete(path));
    } catch (err) {
      if (isCoordinationError(err, "NoNode")) return;
      this.#client.logger.debug({ err, path }, "a receipt is left to the others to remove");
    }
  }

  /** Removes what dead clients have left. `nowMs`: by the server's clock. Never rejects. */
  async #sweep(nowMs: number): Promise<void> {
    const client = this.#client;
    try {
      const names = await childrenOrNone(client, this.#parent);
      const from = Math.floor(client.random.fraction() * names.length);
      const some = [...names.slice(from), ...names.slice(0, from)].slice(0, sweepMax);
      for (const name of some) {
        const path = `${this.#parent}/${name}`;
        const stat = await client.exists(path);
        if (stat === undefined || nowMs - stat.mtimeMs <= lifetimeMs) continue;
        await client.delete(path, { version: stat.version });
      }
    } catch (err) {
      client.logger.debug({ err, path: this.#parent }, "receipts that others left were not all removed this time");
    }
  }
}

/** What was under way when its sender gave up. */
class GivenUp extends Error {}

function toOutcome(verdict: Verdict): WriteOutcome {
  if (verdict.kind === "unknown") return { kind: "unknown", cause: verdict.cause };
  return { kind: verdict.kind === "applied" ? "applied" : "not applied" };
}

/** What whoever waited has been told. */
function ignore(): void {}

/** Which operation of a transaction was refused. */
function refusedIndex(error: unknown): number | undefined {
  const index: unknown = isCoordinationError(error) ? Reflect.get(error, "index") : undefined;
  return typeof index === "number" ? index : undefined;
}

/** Resolves when a server answers, or when none ever will. */
async function isReachable(client: Client, signal: AbortSignal): Promise<void> {
  while (client.state !== "connected" && client.state !== "closed") {
    await until(new Promise<void>((resolve) => client.once("state", () => resolve())), signal);
  }
}
