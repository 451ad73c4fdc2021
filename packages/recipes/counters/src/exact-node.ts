/**
 * Changes of one node's data by one client, each made exactly once or not at all, whatever becomes of requests and
 * replies; see judge.ts for how. One attempt at a time, as a receipt demands; changes that come meanwhile wait, and those
 * that may are made in one write.
 */
import type { Acl, Client, Transaction, TransactionResult } from "@corral/client";
import { beginWait, insist, sleep, type WaitOptions } from "@corral/recipe-kit";
import { filter, firstValueFrom } from "rxjs";
import { judge, judgeWithdrawal, nextVersion, type Verdict } from "./judge.ts";
import { readOrNone } from "./observe-value.ts";
import { type Content, type Operation, Pending } from "./pending.ts";
import { isAliveSince, type Receipt } from "./receipt.ts";
import { ReceiptKeeper } from "./receipt-keeper.ts";

/** How the node is made if there is none. */
export interface Seed {
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[] | undefined;
}

/** So many changes are made in one write at most. */
const batchMax = 1_000;

/** First pause after somebody else's change came first; doubles, up to the longest; half of it random. ms. */
const overtakenMs = 2;
const overtakenMsMax = 64;

/** See the head of this file. Shared by all who change the node through one client. */
export class ExactNode {
  readonly #client: Client;
  readonly #path: string;
  readonly #receipts: ReceiptKeeper;
  #queue: Pending<unknown>[] = [];
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();
  #receiptPath: string | undefined;
  /** What the node was last seen to hold. */
  #known: Content | undefined;
  #overtakes = 0;

  /** `onIdle`: nothing of it is left on the server, and nothing worth keeping here. */
  constructor(client: Client, path: string, onIdle: () => void) {
    this.#client = client;
    this.#path = path;
    this.#receipts = new ReceiptKeeper(client, path, onIdle);
  }

  /**
   * Makes a change.
   * @throws what `operation` throws, WaitTimeoutError or the signal's reason: it was not made and will not be.
   * WriteOutcomeUnknownError: it was under way when the wait ended.
   */
  async perform<T>(operation: Operation<T>, seed: Seed, wait: WaitOptions): Promise<T> {
    using limit = beginWait(this.#client, "The change of", this.#path, wait);
    const pending = new Pending(this.#path, operation, limit.signal);
    this.#queue.push(pending as Pending<unknown>);
    if (!this.#isRunning) this.#running = this.#run(seed);
    return await pending.promise;
  }

  /** Removes the receipt, when nothing is under way any more. The next change makes another. */
  async close(): Promise<void> {
    // A receipt that is given back while it is being used could not tell what it is for.
    while (this.#isRunning) await this.#running;
    await this.#receipts.giveBack();
  }

  async #run(seed: Seed): Promise<void> {
    this.#isRunning = true;
    this.#receipts.stay();
    try {
      while (this.#settle().length > 0) await this.#round(seed);
    } catch (error) {
      for (const pending of this.#queue) pending.abort(error);
      this.#queue = [];
    } finally {
      this.#isRunning = false;
      this.#receipts.leaveWhenIdle();
    }
  }

  /** What is still to be made. */
  #settle(): readonly Pending<unknown>[] {
    this.#queue = this.#queue.filter((pending) => !pending.isOver);
    return this.#queue;
  }

  /** Makes the changes at the head of the queue, or finds out that they must wait for another round. */
  async #round(seed: Seed): Promise<void> {
    // Before anything is under way, so that whoever gives up knows that nothing was.
    await isReachable(this.#client);
    const receipt = await this.#receipts.receipt(seed);
    // What was read before the receipt was there may be of another node by now, one that was deleted and made again.
    if (receipt.path !== this.#receiptPath) this.#known = undefined;
    this.#receiptPath = receipt.path;
    this.#known ??= await this.#read(false);
    const batch = this.#batch();
    if (batch.length === 0) return;
    let folded = this.#known && (await fold(batch, this.#known));
    if (folded?.isWritten === false) {
      // Nothing to write, if what is known is still so: on that decision, nobody else would check.
      this.#known = await this.#read(true);
      folded = this.#known && (await fold(batch, this.#known));
    }
    // Deleted, by somebody who means it: it is made anew, with another receipt.
    if (this.#known === undefined || folded === undefined) return this.#receipts.forget();
    // Somebody gave up while that was decided: what was put together may hold what is not wanted any more.
    if (folded.members.some((pending) => !pending.isWaiting)) return;
    if (!folded.isWritten) {
      for (const pending of folded.members) pending.succeed(this.#known);
      return;
    }
    const sinceMs = this.#client.clock.elapsedMs();
    const verdict = await this.#attempt(receipt, this.#known, folded);
    this.#conclude(verdict, folded, sinceMs);
    if (verdict.kind !== "overtaken" && verdict.kind !== "receipt gone") return;
    const fullMs = Math.min(overtakenMsMax, overtakenMs * 2 ** Math.min(this.#overtakes++, 10));
    await sleep(this.#client.clock, fullMs * (0.5 + this.#client.random.fraction() / 2));
  }

  #conclude(verdict: Verdict, { members, content }: Folded, sinceMs: number): void {
    if (verdict.kind === "applied") {
      // Where others change it as well, what is known will not be true for long.
      this.#known = this.#overtakes === 0 ? content : undefined;
      this.#overtakes = 0;
      this.#receipts.use(sinceMs);
      for (const pending of members) pending.succeed(content);
      return;
    }
    this.#known = undefined;
    if (verdict.kind !== "overtaken" && verdict.kind !== "failed") this.#receipts.forget();
    for (const pending of members) {
      if (verdict.kind === "failed") pending.fail(verdict.error);
      else if (verdict.kind === "unknown") pending.lose(verdict.cause);
      else pending.postpone();
    }
  }

  #batch(): Pending<unknown>[] {
    const waiting = this.#queue.filter((pending) => pending.isWaiting);
    const alone = waiting.findIndex((pending) => !pending.joins);
    return waiting.slice(0, alone < 0 ? batchMax : Math.max(1, Math.min(alone, batchMax)));
  }

  async #read(linearizable: boolean): Promise<Content | undefined> {
    const node = await insist(this.#client, () => readOrNone(this.#client, this.#path, { linearizable }));
    return node && { data: node.data, version: node.stat.version, czxid: node.stat.czxid };
  }

  /** Makes the change, or finds out that it was not made. When nobody waits for it any more, it is withdrawn if it can be. */
  async #attempt(receipt: Receipt, current: Content, { content, members }: Folded): Promise<Verdict> {
    const unwanted = new AbortController();
    const onCancel = (): void => {
      if (members.every(({ isCancelled }) => isCancelled)) unwanted.abort();
    };
    for (const pending of members) pending.begin(onCancel);
    const sinceMs = this.#client.clock.elapsedMs();
    const verdict = await this.#write(receipt, current, content, unwanted.signal);
    return verdict ?? (await this.#withdraw(receipt, sinceMs));
  }

  /** Tries until there is an answer. `undefined`: it was given up, and may have happened. */
  async #write(receipt: Receipt, current: Content, wanted: Content, signal: AbortSignal): Promise<Verdict | undefined> {
    let isOpen = false;
    return await insist(this.#client, async () => {
      if (signal.aborted) return isOpen ? undefined : { kind: "failed", error: signal.reason };
      try {
        await this.#transaction(receipt, current, wanted).commit({ signal });
        return { kind: "applied" };
      } catch (error) {
        if (error === signal.reason) return undefined;
        const verdict = judge(error, isOpen);
        if (verdict.kind !== "again") return verdict;
        isOpen ||= verdict.mayHaveHappened;
        throw error;
      }
    });
  }

  /** Removes the receipt, so that no attempt can happen any more, and finds out whether one has. */
  async #withdraw({ path, version }: Receipt, sinceMs: number): Promise<Verdict> {
    let isOpen = false;
    return await insist(this.#client, async () => {
      try {
        await this.#client.delete(path, { version });
        return { kind: "withdrawn" };
      } catch (error) {
        const isAlone = isAliveSince(sinceMs, this.#client.clock.elapsedMs());
        const verdict = judgeWithdrawal(error, isOpen, isAlone);
        if (verdict.kind !== "again") return verdict;
        isOpen ||= verdict.mayHaveHappened;
        throw error;
      }
    });
  }

  #transaction(receipt: Receipt, current: Content, wanted: Content): Transaction<TransactionResult[]> {
    const attempt: Transaction<TransactionResult[]> = this.#client.transaction();
    attempt
      .set(receipt.path, null, { version: receipt.version })
      .set(this.#path, wanted.data, { version: current.version });
    // A node of version −1 could not be changed under a condition.
    if (current.version === -2) attempt.set(this.#path, wanted.data);
    return attempt;
  }
}

/** Changes put together. */
interface Folded {
  /** Those that count on what is written. */
  readonly members: readonly Pending<unknown>[];
  /** What the node holds after them. */
  readonly content: Content;
  readonly isWritten: boolean;
}

/** Each change sees what the one before it wrote. */
async function fold(batch: readonly Pending<unknown>[], current: Content): Promise<Folded> {
  const members: Pending<unknown>[] = [];
  let content = current;
  for (const pending of batch) {
    if (!pending.isWaiting) continue;
    const written = await pending.decide(content);
    if (written === "failed") continue;
    members.push(pending);
    if (written !== undefined) {
      const data = written === null ? null : Buffer.from(written);
      content = { ...current, data, version: nextVersion(current.version) };
    }
  }
  return { members, content, isWritten: content !== current };
}

/** Resolves when a server answers, or when none ever will. */
async function isReachable(client: Client): Promise<void> {
  if (client.state === "connected" || client.state === "closed") return;
  await firstValueFrom(client.state$.pipe(filter(({ state }) => state === "connected" || state === "closed")));
}
