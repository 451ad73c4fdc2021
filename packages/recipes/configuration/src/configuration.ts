/**
 * A program's settings, shared: checked by a schema, changed while programs run, and every change known, agreed to if
 * that is wanted, and undone if need be.
 *
 * ```ts
 * const config = new Configuration(client, "/config/billing", { schema: Limits, defaults: { perMinute: 60 } });
 * await using live = await config.subscribe();
 * handle(request, live.value.perMinute); // always the newest version that fits the schema
 * await config.update((stored) => ({ ...stored, perMinute: 90 }), { comment: "INC-42" });
 * await config.rollback(3);
 * ```
 *
 * Znodes     <path>: what is stored, in the codec's format, for people and other tools as well; its version is the
 *            configuration's; <path>/history/<version>: what, by whom, why; <path>/proposal: the change that is proposed;
 *            <path>/subscribers/_c_<guid>-subscriber-<seq>: ephemeral, who wants to be asked, and what it says;
 *            <path>/receipts/<guid>: of changes that are under way
 * Invariant  all keys stand in one node, so they change together; each version is one write, from the version before. A
 *            program sees versions that fit its schema only. A proposal is activated only if each subscriber that had
 *            joined by then and was alive accepted it
 * Wake-up    who follows watches <path>; who is asked, <path>/proposal as well; who drives a proposal, the subscribers
 * Suspended  programs run on with what they have, and know that it may be old
 * Lost       a subscriber joins again by itself, under a new name; a canary is none any more then
 * Not given  that all programs change at the same moment; that an author is who it says (restrict who may write with
 *            `acl`); secrecy: whoever may read the node reads it all
 */
import {
  type Acl,
  type Client,
  type Codec,
  isCoordinationError,
  json,
  type Observed,
  type Transaction,
} from "@corral/client";
import {
  beginWait,
  isWriteOutcomeUnknownError,
  newGuid,
  Receipts,
  recipePath,
  sessionTimeoutIn,
  until,
  type WaitOptions,
} from "@corral/recipe-kit";
import { judge, type Standing } from "./decide.ts";
import { type Difference, diff } from "./diff.ts";
import { checkSize, otherVersion, perform, toMade } from "./edit.ts";
import { InvalidConfigurationError, isProposalClosedError, ProposalPendingError } from "./errors.ts";
import { follow } from "./follow.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { lookAt, readSlot } from "./look.ts";
import type { Overrides } from "./merge.ts";
import { checkTrial, Proposal } from "./proposal.ts";
import { type Cause, encodeRecord, type ProposalRecord, short } from "./records.ts";
import { type ConfigurationSchema, type Issue, messageOf, wrong } from "./schema.ts";
import { makeSkeleton } from "./skeleton.ts";
import {
  type Current,
  evaluate,
  type Made,
  type Revision,
  readCurrent,
  readHistory,
  readStored,
  readVersion,
  type Settings,
} from "./store.ts";
import { type SubscribeOptions, Subscription } from "./subscription.ts";
import { type ConfigurationView, viewOnce } from "./view.ts";

/** What a configuration is, to this program. */
export interface ConfigurationOptions<I, T> {
  /** What it must be: a schema of zod, valibot, arktype or any other library that follows Standard Schema. */
  readonly schema: ConfigurationSchema<I, T>;
  /** What holds where nothing is stored, at any depth. Not stored itself: a later program may have others. */
  readonly defaults?: Overrides<I> | undefined;
  /** How it is stored. Default: JSON, which people and other tools can read and write. */
  readonly codec?: Codec<unknown> | undefined;
  /** So many versions are kept, 2 … 1 000. Default 20. */
  readonly keep?: number | undefined;
  /** Who this is: what the history calls the author, and others the subscriber. Default: empty. */
  readonly identity?: string | undefined;
  /** Who may do what with the nodes that are made. Default: everybody everything. */
  readonly acl?: readonly Acl[] | undefined;
  /** The same for the node below which those join who want to be asked; they create there and write. Default: `acl`. */
  readonly subscriberAcl?: readonly Acl[] | undefined;
}

/** How to make a change. */
export interface EditOptions extends WaitOptions {
  /** Why, for the history. */
  readonly comment?: string | undefined;
}

/** Makes of what is stored what is to be stored. Called again when somebody else's change came first. */
export type Change<I> = (stored: Overrides<I>, version: number) => Overrides<I> | Promise<Overrides<I>>;

/** How to bring a change about with everybody's consent. */
export interface RollOutOptions extends EditOptions {
  /** By how many of those who are asked it is tried out first, 0 … 100. Default 0. */
  readonly canaryPercent?: number | undefined;
  /** For how long, ms. Default 0. */
  readonly soakMs?: number | undefined;
}

/** Who runs with a configuration and wants to be asked. */
export interface SubscriberInfo {
  readonly identity: string;
  /** The version that it runs with; `undefined`: none. */
  readonly version: number | undefined;
  /** Whether it tries a proposed change out. */
  readonly isTrying: boolean;
  readonly sessionId: bigint;
  /** So long after the server has last heard of it, it is gone, ms. `undefined`: nobody knows. */
  readonly sessionTimeoutMs: number | undefined;
  /** When it joined, wall clock of the server, ms since 1970. */
  readonly sinceMs: number;
}

/** A configuration as people want to see it. */
export interface ConfigurationExplanation {
  readonly version: number;
  /** In the order in which they joined. */
  readonly subscribers: readonly SubscriberInfo[];
  /** `undefined`: nothing is proposed. */
  readonly proposal:
    | (Standing & { readonly author: string; readonly comment: string; readonly isOutdated: boolean })
    | undefined;
}

/** The configuration at one path; see the head of this file. `I`: what is stored, with the defaults; `T`: what programs get. */
export class Configuration<I, T> implements AsyncDisposable {
  readonly path: string;
  readonly #settings: Settings<I, T>;

  /** Remembers; nothing is sent before it is used. @throws RangeError for an impossible `keep` */
  constructor(client: Client, path: string, options: ConfigurationOptions<I, T>) {
    this.path = recipePath("Configuration", path);
    const { codec = json, keep = 20, identity = "", schema, defaults, acl, subscriberAcl } = options;
    if (!(Number.isInteger(keep) && keep >= 2 && keep <= 1_000)) {
      throw new RangeError(`Configuration ${path}: keep is ${keep}; it must be a whole number from 2 to 1000.`);
    }
    const layout: Layout = layoutOf(path);
    this.#settings = { client, layout, codec, keep, identity, schema, defaults, acl, subscriberAcl };
  }

  /** What to run with, now and after every change: an Observable and an AsyncIterable. Completes with the client. */
  get view$(): Observed<ConfigurationView<T>> {
    return follow(this.#settings);
  }

  /** The same, once. `linearizable`: not older than any change that was answered before. */
  async view({
    linearizable = false,
    ...wait
  }: WaitOptions & { linearizable?: boolean } = {}): Promise<ConfigurationView<T>> {
    using limit = beginWait(this.#settings.client, "The configuration", this.path, wait);
    return await viewOnce(this.#settings, { linearizable, signal: limit.signal });
  }

  /**
   * Runs with it: gives the newest value that fits at any moment, and has its say about proposed changes if it wants to.
   * Resolves when there is a value.
   * @throws InvalidConfigurationError if nothing fits, in the history neither; WaitTimeoutError, the signal's reason,
   * ClientClosedError
   */
  async subscribe(options: SubscribeOptions<T> & WaitOptions = {}): Promise<Subscription<I, T>> {
    using limit = beginWait(this.#settings.client, "The configuration", this.path, options);
    return await Subscription.begin(this.#settings, options, limit.signal);
  }

  /**
   * Changes what is stored by `change`, which is called again when somebody else's change came first. Gives the version
   * that it made; or the present one, if it leaves all as it is.
   * @throws InvalidConfigurationError: nothing was written; what `change` throws; WriteOutcomeUnknownError: it was under way
   * when the wait ended; otherwise WaitTimeoutError or the signal's reason, and it has not happened; ClientClosedError
   */
  async update(change: Change<I>, { comment = "", ...wait }: EditOptions = {}): Promise<Made<I>> {
    return await this.#edit((current) => this.#next(change, current), comment, { kind: "edit" }, wait);
  }

  /**
   * Replaces what is stored, whatever it is; with `version`, only if the configuration has that version still (0: nothing
   * was ever stored).
   * @throws BadVersionError if it has another; otherwise as `update`
   */
  async set(stored: Overrides<I>, options: EditOptions & { readonly version?: number } = {}): Promise<Made<I>> {
    const { comment = "", version, ...wait } = options;
    const data = await this.#encode(stored);
    const decide = async (current: Current): Promise<Uint8Array> => {
      if (version !== undefined && version !== current.version) {
        throw otherVersion(this.path, version, current.version);
      }
      return data;
    };
    return await this.#edit(decide, comment, { kind: "edit" }, wait);
  }

  /**
   * Stores again what was stored at `version`, as a new version.
   * @throws VersionNotKeptError; InvalidConfigurationError if it does not fit any more; otherwise as `update`
   */
  async rollback(version: number, { comment = "", ...wait }: EditOptions = {}): Promise<Made<I>> {
    using limit = beginWait(this.#settings.client, "The rollback of", this.path, wait);
    const { data } = await readVersion(this.#settings, version, limit.signal);
    const checked = await evaluate(this.#settings, data);
    if (!checked.ok) throw new InvalidConfigurationError(`Version ${version} of`, this.path, checked.issues);
    const stored = data ?? (await this.#encode({} as Overrides<I>));
    const decide = async (): Promise<Uint8Array> => stored;
    return await this.#edit(decide, comment, { kind: "rollback", to: version }, { signal: limit.signal });
  }

  /** The versions that are kept, newest first: what, by whom, why, when. */
  async history(wait: WaitOptions = {}): Promise<Revision<I>[]> {
    using limit = beginWait(this.#settings.client, "The history of", this.path, wait);
    return await readHistory(this.#settings, limit.signal);
  }

  /**
   * What was stored differently at two versions. `to`: the present one by default.
   * @throws VersionNotKeptError, WaitTimeoutError, the signal's reason, ClientClosedError
   */
  async diff(from: number, to?: number, wait: WaitOptions = {}): Promise<Difference[]> {
    using limit = beginWait(this.#settings.client, "The history of", this.path, wait);
    const { signal } = limit;
    const latest = to ?? (await readCurrent(this.#settings, { signal, linearizable: true })).version;
    const before = await readVersion(this.#settings, from, signal);
    const after = await readVersion(this.#settings, latest, signal);
    return diff(before.revision.stored, after.revision.stored);
  }

  /**
   * Proposes a change. It becomes the configuration when it is activated, with the consent of everybody who is asked. If
   * the wait ends, a proposal that was under way is withdrawn.
   * @throws ProposalPendingError: one at a time; ProposalUnreadableError; InvalidConfigurationError; what `change` throws;
   * WaitTimeoutError, the signal's reason, ClientClosedError
   */
  async propose(change: Change<I>, { comment = "", ...wait }: EditOptions = {}): Promise<Proposal<I, T>> {
    const { client, layout, identity } = this.#settings;
    using limit = beginWait(client, "The proposal for", this.path, wait);
    const { signal } = limit;
    const id = newGuid(client.random);
    for (;;) {
      const current = await readCurrent(this.#settings, { signal, linearizable: true });
      const slot = await readSlot(this.#settings, signal);
      if (!current.exists) {
        await makeSkeleton(this.#settings, signal);
        continue;
      }
      const { version } = current;
      const data = await this.#next(change, current);
      if (slot.record !== undefined) {
        throw new ProposalPendingError(this.path, slot.record.author, slot.record.comment);
      }
      const record: ProposalRecord = {
        id,
        base: version,
        data,
        author: short(identity),
        comment: short(comment),
        canaries: undefined,
      };
      const build = (transaction: Transaction): void => {
        transaction
          .set(layout.proposal, encodeRecord(record), { version: slot.version })
          .check(layout.root, { version });
      };
      try {
        await Receipts.of(client, layout.receipts).commit({ what: "The proposal for", path: this.path, build }, signal);
        return new Proposal(this.#settings, record);
      } catch (error) {
        if (isWriteOutcomeUnknownError(error)) {
          // Not before it is known: what is on its way could arrive after the withdrawal.
          void error.outcome.then(() => this.#withdraw(new Proposal(this.#settings, record)));
          throw signal.aborted ? signal.reason : error;
        }
        if (isCoordinationError(error, "NoNode")) await makeSkeleton(this.#settings, signal);
        else if (!isCoordinationError(error, "BadVersion")) throw error;
      }
    }
  }

  /** The change that is proposed, by whomever; `undefined`: none is. */
  async proposal(wait: WaitOptions = {}): Promise<Proposal<I, T> | undefined> {
    using limit = beginWait(this.#settings.client, "The proposal for", this.path, wait);
    const { slot } = await lookAt(this.#settings, limit.signal);
    return slot.record && new Proposal(this.#settings, slot.record);
  }

  /**
   * Proposes a change, waits for everybody's consent, has it tried out if that is wanted, and activates it. If any of it
   * fails or takes too long, the proposal is withdrawn.
   * @throws ProposalPendingError, ProposalRefusedError, ProposalOutdatedError, ProposalClosedError,
   * ProposalUnreadableError; RangeError for a trial that cannot be; otherwise as `update`
   */
  async rollOut(change: Change<I>, options: RollOutOptions = {}): Promise<Made<I>> {
    const { canaryPercent = 0, soakMs = 0, comment = "", ...wait } = options;
    checkTrial({ percent: canaryPercent, soakMs });
    using limit = beginWait(this.#settings.client, "The consent to a change of", this.path, wait);
    const { signal } = limit;
    const proposal = await this.propose(change, { comment, signal });
    try {
      await proposal.accepted({ signal });
      if (canaryPercent > 0) await proposal.tryOut({ percent: canaryPercent, soakMs, signal });
      return await proposal.activate({ signal });
    } catch (error) {
      // Whoever has been waiting long enough is not kept any longer, the connection may be down.
      await until(this.#withdraw(proposal), signal).catch((reason: unknown) => {
        if (!signal.aborted) throw reason;
      });
      throw error;
    }
  }

  /** Never rejects. */
  async #withdraw(proposal: Proposal<I, T>): Promise<void> {
    try {
      await proposal.withdraw();
    } catch (err) {
      if (isProposalClosedError(err) || isCoordinationError(err, "ClientClosed")) return;
      this.#settings.client.logger.warn({ err, path: this.path }, "a proposal that failed is left to be withdrawn");
    }
  }

  /** Who wants to be asked, and what keeps the change that is proposed, if one is. */
  async explain(wait: WaitOptions = {}): Promise<ConfigurationExplanation> {
    using limit = beginWait(this.#settings.client, "A look at", this.path, wait);
    const look = await lookAt(this.#settings, limit.signal);
    const { record } = look.slot;
    return {
      version: look.version,
      subscribers: look.subscribers.map(({ name, identity, version, tries, stat }) => ({
        identity,
        version,
        isTrying: tries !== undefined,
        sessionId: stat.ephemeralOwner,
        sessionTimeoutMs: sessionTimeoutIn(name.slice("_c_".length)),
        sinceMs: stat.ctimeMs,
      })),
      proposal: record && {
        author: record.author,
        comment: record.comment,
        isOutdated: record.base !== look.version,
        ...judge(record, look.subscribers),
      },
    };
  }

  /** Removes what this client has left beside the configuration, which it does by itself after a while. */
  async close(): Promise<void> {
    const { client, layout } = this.#settings;
    await Receipts.of(client, layout.receipts).close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #edit(
    decide: (current: Current) => Promise<Uint8Array>,
    comment: string,
    cause: Cause,
    wait: WaitOptions,
  ): Promise<Made<I>> {
    using limit = beginWait(this.#settings.client, "The change of", this.path, wait);
    const { signal } = limit;
    const edit = { decide, author: this.#settings.identity, comment, cause };
    return await toMade(this.#settings, await perform(this.#settings, edit, signal), edit, signal);
  }

  async #next(change: Change<I>, { data, version }: Current): Promise<Uint8Array> {
    const stored = await readStored<I>(this.#settings.codec, data);
    if (!stored.ok) throw new InvalidConfigurationError("What is stored at", this.path, stored.issues);
    return await this.#encode(await change(stored.value, version));
  }

  /** The bytes of what is to be stored: only if what they mean with the defaults fits. */
  async #encode(stored: Overrides<I>): Promise<Uint8Array> {
    const refuse = (issues: readonly Issue[]): never => {
      throw new InvalidConfigurationError("What was to be stored at", this.path, issues);
    };
    let data: Uint8Array | null = null;
    try {
      data = await this.#settings.codec.encode(stored);
    } catch (error) {
      refuse(wrong(`it cannot be written: ${messageOf(error)}`).issues);
    }
    if (data === null) return refuse(wrong("the codec makes no data of it").issues);
    checkSize(this.path, data);
    const checked = await evaluate(this.#settings, data);
    return checked.ok ? data : refuse(checked.issues);
  }
}
