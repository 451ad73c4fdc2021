/**
 * Again and again together: nobody goes on to the next phase before everybody has done with this one.
 *
 * ```ts
 * const barrier = new PhasedBarrier(client, "/barriers/simulation", { parties: 4 });
 * for (let round = 0; round < 100; round++) {
 *   await computeRound(round);
 *   await barrier.arrive({ phase: round, timeoutMs: 60_000 }); // resolves when four have arrived
 * }
 * ```
 *
 * Znodes     <path>: persistent, its data the number of the phase under way in decimal (none: 0);
 *            <path>/_c_<guid>-p<phase>-arrival-<seq>: ephemeral, one per party that has arrived
 * Invariant  the number goes from n to n + 1 at a zxid at which `parties` arrivals at phase n are there
 * Wake-up    who has arrived watches <path>, and the last to come advances it; that wakes everybody, for it concerns
 *            everybody
 * Suspended  a wait goes on
 * Lost       the arrival is gone; the wait goes on with a new one, unless the phase is complete by then
 * Not given  that each of the processes has arrived: a party is whoever arrives, so give `parties` as many as there are.
 *            The end of a wait for a party that has died: arrive with `timeoutMs`, see with `explain()` how many are there
 */
import { type Client, isCoordinationError, type WatchOptions } from "@corral/client";
import {
  abandonTicket,
  beginWait,
  type Contender,
  childrenOrNone,
  contenders,
  insist,
  recipePath,
  type Ticket,
  takeTicket,
  type WaitOptions,
  WakeUp,
} from "@corral/recipe-kit";
import { arrivalKind, decidePhase, decodePhase } from "./decide-phase.ts";
import { checkParties } from "./parties.ts";

/** Of a phased barrier. */
export interface PhasedBarrierOptions {
  /** How many must arrive before a phase is complete, 1 … 1000: the same for all of them. */
  readonly parties: number;
  /** Left in the node, for `explain()` and for people. Default: nothing. */
  readonly identity?: string | undefined;
}

/** Of an arrival. */
export interface ArriveOptions extends WaitOptions {
  /**
   * At which phase: one that is complete already is not waited for, so that a process can take up its work after a
   * restart. Default: the one under way.
   */
  readonly phase?: number | undefined;
}

/** Somebody who has arrived. */
export interface ArrivedParty extends Contender {
  /** What it gave as `identity`. */
  readonly identity: string;
}

/** A phased barrier as people want to see it. */
export interface PhasedBarrierExplanation {
  /** The phase under way. */
  readonly phase: number;
  /** Who has arrived at it, in the order in which they came. */
  readonly arrived: readonly ArrivedParty[];
  /** How many must still arrive. */
  readonly missing: number;
}

/** What the barrier's node says; zeros if it is not there yet. */
interface PhaseRecord {
  readonly phase: number;
  readonly version: number;
  /** zxid of the write that completed the phase before. */
  readonly mzxid: bigint;
}

/** A phased barrier at one path; see the head of this file. */
export class PhasedBarrier {
  readonly path: string;
  readonly #client: Client;
  readonly #options: PhasedBarrierOptions;

  /** Remembers; nothing is sent before `arrive()`. @throws RangeError for an impossible number of parties. */
  constructor(client: Client, path: string, options: PhasedBarrierOptions) {
    this.path = recipePath("PhasedBarrier", path);
    checkParties("PhasedBarrier", path, options.parties);
    this.#client = client;
    this.#options = options;
  }

  /**
   * Arrives, and waits until everybody has. Resolves with the number of the phase that is then complete. Each call is a
   * party of its own. Cancelled or timed out, it leaves nothing behind; if the phase was completed at that moment, it may
   * have been counted.
   * @throws RangeError for a phase that has not begun; TypeError if the node holds something else; WaitTimeoutError, the signal's reason, ClientClosedError
   */
  async arrive(options: ArriveOptions = {}): Promise<number> {
    const client = this.#client;
    using limit = beginWait(client, "The end of the phase of", this.path, options);
    const { signal } = limit;
    const { phase: asked } = options;
    if (asked !== undefined && !(Number.isInteger(asked) && asked >= 0)) {
      throw new RangeError(`${this.path}: the phase is ${asked}; phases are counted from 0.`);
    }
    let record = await this.#read({ signal });
    let phase = asked ?? record.phase;
    // zxid of the first arrival of this call: another may follow when the session is lost.
    let arrivedZxid: bigint | undefined;
    for (;;) {
      // What was read before arriving was old, and the phase was over by then: so this is an arrival at the next.
      const isLate = arrivedZxid !== undefined && record.phase > phase && arrivedZxid > record.mzxid;
      if (isLate && asked === undefined) [phase, arrivedZxid] = [record.phase, undefined];
      if (record.phase > phase) return phase;
      if (record.phase < phase) record = await this.#refuseEarly(phase, signal);
      const request = { parent: this.path, kind: arrivalKind(phase), data: this.#options.identity ?? "" };
      const ticket = await takeTicket(client, request, signal);
      arrivedZxid ??= ticket.czxid;
      try {
        record = await this.#waitForEnd(phase, ticket, signal);
      } finally {
        abandonTicket(client, ticket);
      }
    }
  }

  /** Returns what there is if the phase has begun after all: a server may lag behind. */
  async #refuseEarly(phase: number, signal: AbortSignal): Promise<PhaseRecord> {
    const record = await this.#read({ linearizable: true, signal });
    if (phase <= record.phase) return record;
    throw new RangeError(`${this.path}: phase ${phase} has not begun, phase ${record.phase} is under way.`);
  }

  /** The number of the phase under way. */
  async current(wait: WaitOptions = {}): Promise<number> {
    using limit = beginWait(this.#client, "A look at", this.path, wait);
    return (await this.#read({ linearizable: true, signal: limit.signal })).phase;
  }

  /** Which phase is under way, who has arrived, how many are missing. */
  async explain(wait: WaitOptions = {}): Promise<PhasedBarrierExplanation> {
    using limit = beginWait(this.#client, "The explanation of", this.path, wait);
    const { signal } = limit;
    const phase = await this.current({ signal });
    const arrived = await contenders(this.#client, this.path, [arrivalKind(phase)], signal);
    return {
      phase,
      arrived: arrived.map((party) => ({ ...party, identity: party.data?.toString("utf8") ?? "" })),
      missing: Math.max(0, this.#options.parties - arrived.length),
    };
  }

  /** Returns when the phase is over, or the ticket gone, with what there is then. */
  async #waitForEnd(phase: number, ticket: Ticket, signal: AbortSignal): Promise<PhaseRecord> {
    const client = this.#client;
    for (;;) {
      using wakeUp = new WakeUp(client);
      const record = await this.#read({ watch: wakeUp.watch(this.path), signal });
      const names = await insist(client, () => childrenOrNone(client, this.path, signal), signal);
      if (client.sessionId !== ticket.sessionId) return record;
      const view = { current: record.phase, phase, names, own: ticket.name, needed: this.#options.parties };
      const decision = decidePhase(view);
      switch (decision.kind) {
        case "passed":
        case "gone":
          return record;
        case "advance":
          await this.#advance(record, decision.arrived, signal);
          break;
        case "wait":
          await wakeUp.wait(signal);
      }
    }
  }

  async #read(options: WatchOptions): Promise<PhaseRecord> {
    try {
      const { data, stat } = await insist(this.#client, () => this.#client.get(this.path, options), options.signal);
      const phase = decodePhase(data);
      if (phase !== undefined) return { phase, version: stat.version, mzxid: stat.mzxid };
      throw new TypeError(
        `${this.path} is no phased barrier: its data is not the number of a phase. Use a path of its own.`,
      );
    } catch (error) {
      if (isCoordinationError(error, "NoNode")) return { phase: 0, version: 0, mzxid: 0n };
      throw error;
    }
  }

  /** Completes the phase if `arrived` are all still there. Whatever comes of it is seen at the next look. */
  async #advance({ phase, version }: PhaseRecord, arrived: readonly string[], signal: AbortSignal): Promise<void> {
    const client = this.#client;
    try {
      // Safe to repeat: once it has happened, the node has another version.
      await insist(
        client,
        async () => {
          const transaction = client.transaction();
          for (const name of arrived) transaction.check(`${this.path}/${name}`);
          await transaction.set(this.path, String(phase + 1), { version }).commit({ signal });
        },
        signal,
      );
    } catch (error) {
      if (!isCoordinationError(error, "NoNode") && !isCoordinationError(error, "BadVersion")) throw error;
    }
  }
}
