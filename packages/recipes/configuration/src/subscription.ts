/**
 * A program that runs with a configuration: it always has the newest version that fits, and, if it wants to be asked, has
 * its say about changes that are proposed, and tries them out.
 */
import { type Client, ClientClosedError, isCoordinationError, Observed } from "@corral/client";
import {
  abandonTicket,
  Bell,
  Grant,
  insist,
  isInterruption,
  type NodeView,
  returnTicket,
  Standing,
  takeTicket,
  until,
  viewNode,
} from "@corral/recipe-kit";
import {
  BehaviorSubject,
  distinctUntilChanged,
  filter,
  firstValueFrom,
  map,
  type Subscription as RxSubscription,
} from "rxjs";
import { type Consent, Opinions } from "./consent.ts";
import { InvalidConfigurationError } from "./errors.ts";
import { subscriberKind } from "./look.ts";
import { decodeProposal, encodeRecord, type ProposalRecord, type SubscriberRecord, short } from "./records.ts";
import { makeSkeleton } from "./skeleton.ts";
import { readNodeOnce, type Settings } from "./store.ts";
import { type Active, type ConfigurationView, isOlder, isSameView, Reader } from "./view.ts";

/** How a program runs with a configuration. */
export interface SubscribeOptions<T> {
  /** By what the others know it. Default: the configuration's `identity`. */
  readonly identity?: string | undefined;
  /**
   * It wants to be asked about proposed changes, and then may be among those who try them out. `true`: it accepts
   * whatever fits its schema. A function: see Consent. Default: it is not asked.
   */
  readonly consent?: Consent<T> | true | undefined;
}

/** See the head of this file. Made by `Configuration.subscribe()`. */
export class Subscription<I, T> implements AsyncDisposable {
  readonly #settings: Settings<I, T>;
  readonly #client: Client;
  readonly #identity: string;
  readonly #reader: Reader<I, T>;
  readonly #opinions: Opinions<I, T> | undefined;
  readonly #stop = new AbortController();
  /** Something is to be looked at again. */
  readonly #news = new Bell();
  /** Something is to be told. */
  readonly #say = new Bell();
  #view: ConfigurationView<T> = { state: "suspended", active: undefined, problem: undefined };
  readonly #view$ = new BehaviorSubject(this.#view);
  readonly #watches: RxSubscription[] = [];
  #loops: Promise<void>[] = [];
  #node: NodeView | undefined;
  #proposal: ProposalRecord | undefined;
  /** The proposal has changed; it may have become the configuration in the same moment. */
  #isRootInDoubt = false;
  #rootRead: AbortController | undefined;
  #place: Standing<Grant> | undefined;
  #grant: Grant | undefined;
  #record: SubscriberRecord;
  #end: unknown;

  private constructor(settings: Settings<I, T>, options: SubscribeOptions<T>) {
    this.#settings = settings;
    this.#client = settings.client;
    this.#identity = short(options.identity ?? settings.identity);
    this.#reader = new Reader(settings);
    if (options.consent !== undefined) this.#opinions = new Opinions(settings, options.consent, this.#news.ring);
    this.#record = { identity: this.#identity, version: undefined, tries: undefined, answer: undefined };
  }

  /**
   * Begins, and resolves when there is something to run with and, if it wants to be asked, everybody knows that.
   * @throws InvalidConfigurationError, the signal's reason
   */
  static async begin<I, T>(
    settings: Settings<I, T>,
    options: SubscribeOptions<T>,
    signal: AbortSignal,
  ): Promise<Subscription<I, T>> {
    const subscription = new Subscription(settings, options);
    try {
      await subscription.#begin(signal);
      return subscription;
    } catch (error) {
      subscription.#fail(error);
      throw error;
    }
  }

  /** The newest value that fits, or, at a canary, the one that it tries out. */
  get value(): T {
    return this.#active.value;
  }

  /** The version that `value` is of. */
  get version(): number {
    return this.#active.version;
  }

  /** What is known now. */
  get view(): ConfigurationView<T> {
    return this.#view;
  }

  /** What is known, now and after every change: an Observable and an AsyncIterable. Completes when it is over. */
  get view$(): Observed<ConfigurationView<T>> {
    return new Observed(this.#view$);
  }

  /** The value, now and after every change of it. */
  get value$(): Observed<T> {
    const values = this.#view$.pipe(
      map(({ active }) => active),
      filter((active) => active !== undefined),
      map(({ value }) => value),
      distinctUntilChanged(),
    );
    return new Observed(values);
  }

  /**
   * Refuses the change that is proposed, also after having accepted it: a canary that finds out what is wrong with it goes
   * back to the version before. It counts when the server knows of it, which is written in the background. `false`:
   * nothing is proposed, or this program is not asked.
   */
  refuse(reason: string): boolean {
    return this.#opinions?.refuse(reason) ?? false;
  }

  /** Ends it: it is not asked any more, and hears of nothing. Idempotent. */
  async release(): Promise<void> {
    this.#stop.abort(new DOMException("released", "AbortError"));
    this.#opinions?.end();
    for (const watch of this.#watches) watch.unsubscribe();
    await this.#place?.release();
    await Promise.all(this.#loops);
    if (this.#end === undefined) this.#view$.complete();
    else this.#view$.error(this.#end);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  get #active(): Active<T> {
    const { active } = this.#view;
    if (active === undefined) throw new Error("Subscription.begin gives none without a value.");
    return active;
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const { client, layout } = this.#settings;
    this.#loops = [this.#guarded(() => this.#follow()), this.#guarded(() => this.#tell())];
    this.#watch(viewNode(client, layout.root), (view) => {
      // What was read meanwhile for a proposal's sake may be newer.
      const node = isOlder(view.node, this.#node?.node) ? this.#node?.node : view.node;
      this.#node = { state: view.state, node };
      if (view.state === "suspended") this.#rootRead?.abort();
    });
    const ended = new Promise<never>((_, reject) => {
      this.#stop.signal.addEventListener("abort", () => reject(this.#stop.signal.reason), { once: true });
    });
    const known = firstValueFrom(this.#view$.pipe(filter(({ active, problem }) => (active ?? problem) !== undefined)));
    const { active, problem } = await until(Promise.race([known, ended]), signal);
    if (active === undefined) {
      throw new InvalidConfigurationError("What is stored at", layout.root, problem?.issues ?? []);
    }
    if (this.#opinions === undefined) return;
    await makeSkeleton(this.#settings, signal);
    this.#watch(viewNode(client, layout.proposal), ({ node }) => {
      if (node === "unread") return;
      this.#proposal = this.#proposalIn(node?.data ?? null);
      this.#isRootInDoubt = true;
    });
    const onChange = (grant: Grant | undefined): void => {
      this.#grant = grant;
      this.#news.ring();
      this.#say.ring();
    };
    this.#place = await Standing.begin(client, { acquire: (s) => this.#join(s), onChange }, signal);
    this.#place.signal.addEventListener("abort", () => this.#onPlaceOver(), { once: true });
    if (!this.#stop.signal.aborted) return;
    await this.#place.release();
    throw this.#stop.signal.reason;
  }

  /** What cannot be read it has no opinion of, and so it is not activated. */
  #proposalIn(data: Uint8Array | null): ProposalRecord | undefined {
    try {
      return decodeProposal(data);
    } catch (err) {
      this.#client.logger.warn({ err, path: this.#settings.layout.proposal }, "a proposal cannot be read");
      return undefined;
    }
  }

  /** It could not join again, for want of a permission for instance: it runs on, and is not asked any more. */
  #onPlaceOver(): void {
    const err: unknown = this.#place?.signal.reason;
    if (this.#stop.signal.aborted || isCoordinationError(err, "ClientClosed")) return;
    this.#client.logger.error({ err, path: this.#settings.layout.root }, "a subscriber is not asked any more");
  }

  /** Whoever looks at the subscribers after this has resolved sees this one, or sees that there is somebody new. */
  async #join(signal: AbortSignal): Promise<Grant> {
    const { client, layout } = this.#settings;
    const data = encodeRecord(this.#record);
    const ticket = await takeTicket(client, { parent: layout.subscribers, kind: subscriberKind, data }, signal);
    try {
      await insist(client, () => client.set(layout.subscribers, null, { signal }), signal);
    } catch (error) {
      abandonTicket(client, ticket);
      throw error;
    }
    return new Grant(client, {
      path: ticket.path,
      sessionId: ticket.sessionId,
      fencingToken: ticket.czxid,
      giveBack: () => returnTicket(client, ticket),
    });
  }

  #watch(views: ReturnType<typeof viewNode>, take: (view: NodeView) => void): void {
    const next = (view: NodeView): void => {
      take(view);
      this.#news.ring();
    };
    // When the client is closed, all of this is over.
    const closed = { operation: "subscribe to", path: this.#settings.layout.root };
    const complete = (): void => this.#fail(new ClientClosedError(closed));
    this.#watches.push(views.subscribe({ next, complete, error: (error: unknown) => this.#fail(error) }));
  }

  /** Looks again at whatever is new. */
  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    for (;;) {
      await this.#news.wait(signal);
      if (this.#node === undefined) continue;
      if (this.#isRootInDoubt && !(await this.#readRoot(this.#node, signal))) {
        this.#show({ ...this.#view, state: "suspended" });
        continue;
      }
      const seen = this.#node;
      const view = await this.#reader.read(seen, signal);
      const opinion = this.#opinions?.of(this.#proposal, view.active?.value, this.#grant !== undefined);
      const tried = this.#isCanary(seen, opinion?.answer?.kind) ? opinion?.active : undefined;
      this.#show(tried === undefined ? view : { ...view, active: tried });
      this.#record = {
        identity: this.#identity,
        version: view.active?.version,
        tries: tried === undefined ? undefined : opinion?.id,
        answer: opinion?.answer,
      };
      this.#say.ring();
    }
  }

  #show(view: ConfigurationView<T>): void {
    if (isSameView(this.#view, view)) return;
    this.#view = view;
    this.#view$.next(view);
  }

  /**
   * A canary must not go back to the version before, only to come to the new one a moment later. `false`: it cannot be
   * read now; there is news when there is a connection again.
   */
  async #readRoot({ state }: NodeView, signal: AbortSignal): Promise<boolean> {
    if (state === "suspended") return false;
    this.#rootRead = new AbortController();
    const fresh = { signal: AbortSignal.any([signal, this.#rootRead.signal]), linearizable: false };
    this.#isRootInDoubt = false;
    try {
      const node = await readNodeOnce(this.#settings, fresh);
      if (node === undefined || isOlder(node, this.#node?.node)) return true;
      this.#node = { state: this.#node?.state ?? "current", node };
      return true;
    } catch (error) {
      if (signal.aborted || !(fresh.signal.aborted || isInterruption(error))) throw error;
      this.#isRootInDoubt = true;
      return false;
    } finally {
      this.#rootRead = undefined;
    }
  }

  /** Whether this program is to run with what is proposed. */
  #isCanary({ node }: NodeView, answer: "accepts" | "refuses" | undefined): boolean {
    const name = this.#grant?.path.slice(this.#grant.path.lastIndexOf("/") + 1);
    if (name === undefined || answer !== "accepts" || this.#proposal === undefined) return false;
    const { canaries, base } = this.#proposal;
    return canaries?.includes(name) === true && typeof node === "object" && node.stat.version === base;
  }

  /** Keeps its own node up to date. */
  async #tell(): Promise<void> {
    const { signal } = this.#stop;
    let said: Uint8Array | undefined;
    let saidBy: Grant | undefined;
    for (;;) {
      await this.#say.wait(signal);
      const grant = this.#grant;
      if (grant === undefined) continue;
      if (grant !== saidBy) this.#news.ring();
      const data = encodeRecord(this.#record);
      if (grant === saidBy && said !== undefined && Buffer.compare(said, data) === 0) continue;
      try {
        // Its only writer: what was written before, by a request whose reply was lost, is written over.
        await insist(this.#client, () => this.#client.set(grant.path, data, { signal: grant.signal }), grant.signal);
        [said, saidBy] = [data, grant];
      } catch (error) {
        // The place is lost: the next one is told anew.
        if (!grant.signal.aborted && !isCoordinationError(error, "NoNode")) throw error;
      }
    }
  }

  /** A loop that ends with the subscription, or ends it. Never rejects. */
  async #guarded(loop: () => Promise<void>): Promise<void> {
    try {
      await loop();
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#fail(error);
    }
  }

  /** It cannot go on, or could not begin. */
  #fail(error: unknown): void {
    if (this.#stop.signal.aborted) return;
    if (!isCoordinationError(error, "ClientClosed")) this.#end = error;
    this.#stop.abort(error);
    const { logger } = this.#client;
    this.release().catch((err: unknown) => logger.warn({ err, path: this.#settings.layout.root }, "giving up failed"));
  }
}
