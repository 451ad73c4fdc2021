/**
 * Services and their instances: who offers what, where, and how it does.
 *
 * ```ts
 * const registry = new ServiceRegistry(client, { payload: z.object({ version: z.string() }) });
 * await using registration = await registry.register({ name: "billing", port: 8080, payload: { version: "1.4" } });
 * using pick = registry.provider("billing");
 * const { address, port, payload } = await pick.next();
 * ```
 *
 * Znodes     <base>/<name>/<id>: the entry, JSON as Curator's x-discovery has it; ephemeral, but for STATIC and PERMANENT
 *            <base>.claims/<name>/live/<guid>-<id>, ids/<id>: ephemeral, made in one transaction with the entry
 *            <base>.claims/<name>/holder, queue/…: for names that are held alone
 * Invariant  at any zxid an id has at most one registration, and a name that is held alone none but its holder's, among
 *            those that this package made
 * Wake-up    discovery has one watch for the list and one for each entry; who waits for a name watches the one before it
 * Suspended  a registration holds until its deadline: its entry cannot have gone before. Discovery shows what was known last
 * Lost       the entry is gone, or going; `signal` has aborted; register again, or let `keepRegistered()` do that
 * Not given  that an instance which is shown still answers: take the next one, and say so with `failed()`
 */
import { type Client, Observed } from "@corral/client";
import { nodeLocalAddress } from "@corral/io";
import { beginWait, newGuid, type WaitOptions } from "@corral/recipe-kit";
import { removeEntry, type SweepOptions, sweepStatic } from "./clean-up.ts";
import { Draft } from "./draft.ts";
import { type Entrance, enter } from "./enter.ts";
import type { EntryFormat } from "./entry-json.ts";
import { explainService, type ServiceExplanation } from "./explain.ts";
import type { InstanceFilter } from "./filter.ts";
import type { Health } from "./health.ts";
import { type HealthCheck, HealthMonitor, type HealthOptions } from "./health-monitor.ts";
import { type HttpHandler, type HttpOptions, httpHandler } from "./http-handler.ts";
import type { InstanceSpec, ServiceInstance, ServiceType } from "./instance.ts";
import { KeptRegistration } from "./kept-registration.ts";
import { Layout } from "./layout.ts";
import { type InstancesView, observeInstances, observeNames } from "./observe-instances.ts";
import { Provider, type ProviderOptions } from "./provider.ts";
import { readInstances, readNames } from "./read-instances.ts";
import { Registration } from "./registration.ts";
import type { StandardSchema } from "./standard-schema.ts";

/** Where a registry is, and what its payloads are. */
export interface RegistryOptions<In = unknown, Out = In> extends EntryFormat {
  /** Where the services are. Default `/services`. Not the root. */
  readonly basePath?: string | undefined;
  /** Where is what only this package needs. Default: the base path and `.claims`. */
  readonly claimsPath?: string | undefined;
  /** What payloads must be: a schema of zod, valibot, arktype or any other library that speaks Standard Schema. */
  readonly payload?: StandardSchema<In, Out> | undefined;
}

/** Payloads that are not `unknown` need a schema that makes them so: a type that nothing checks cannot be claimed. */
export type RegistryArguments<In, Out> = unknown extends Out
  ? [options?: RegistryOptions<In, Out>]
  : [options: RegistryOptions<In, Out> & { readonly payload: StandardSchema<In, Out> }];

/** What is registered: an instance, and how to find out how it does. */
export type RegistrationRequest<In = unknown> = InstanceSpec<In> & {
  /** A function that is called every ten seconds, or more said about it. Default: `passing` until said otherwise. */
  readonly health?: HealthCheck | HealthOptions | undefined;
};

/** How it is registered. */
export interface RegisterOptions extends WaitOptions {
  /** Holds the name alone: nobody else can be registered under it. Default false. */
  readonly exclusive?: boolean | undefined;
  /** When the name is held by somebody else: `refuse` (default) with NameTakenError, or `wait` until it is free. */
  readonly whenTaken?: "refuse" | "wait" | undefined;
  /**
   * Whoever is registered with the same id is the run before this one, of which the session has not expired yet: take its
   * place, and it ends. Default true. With false, that it is there counts as the name being held.
   */
  readonly takeOver?: boolean | undefined;
  /** `hold` (default): a broken connection ends the registration at its deadline. `abort`: at once. */
  readonly whenSuspended?: "hold" | "abort" | undefined;
}

/** A registry of services; see the head of this file. */
export class ServiceRegistry<In = unknown, Out = In> {
  readonly basePath: string;
  readonly #client: Client;
  readonly #layout: Layout;
  readonly #options: RegistryOptions<In, Out>;

  /** Remembers; nothing is sent. @throws TypeError for an impossible base path. */
  constructor(client: Client, ...[options = {}]: RegistryArguments<In, Out>) {
    this.#client = client;
    this.#options = options;
    this.#layout = new Layout(options.basePath ?? "/services", options.claimsPath);
    this.basePath = this.#layout.base;
  }

  /**
   * Registers an instance. Cancelled or timed out, it leaves nothing behind.
   * @throws NameTakenError, InvalidPayloadError, RangeError, WaitTimeoutError, the signal's reason, ClientClosedError
   */
  async register(request: RegistrationRequest<In>, options: RegisterOptions = {}): Promise<Registration<In, Out>> {
    return await this.#register(request, "DYNAMIC", request.health, options);
  }

  /**
   * Registers an instance, and again whenever the registration is lost, until released. Resolves when it is registered for
   * the first time. It ends by itself when somebody else has taken the id meanwhile, or the name.
   * @throws as `register` does
   */
  async keepRegistered(
    request: RegistrationRequest<In>,
    options: RegisterOptions = {},
  ): Promise<KeptRegistration<In, Out>> {
    using limit = beginWait(this.#client, "The registration of", request.name, options);
    const draft = await this.#draft(request, "DYNAMIC");
    let kept: KeptRegistration<In, Out> | undefined;
    const monitor = this.#monitor(request.health, draft, () => kept?.current);
    const earlierClaims = new Set<string>();
    // Only the first time may somebody else be the run before this one.
    let takeOver = options.takeOver ?? true;
    const acquire = async (signal: AbortSignal): Promise<Registration<In, Out>> => {
      const registration = await this.#acquire(draft, monitor, { ...options, takeOver }, earlierClaims, signal);
      takeOver = false;
      return registration;
    };
    kept = await KeptRegistration.begin(this.#client, { draft, monitor, acquire }, limit.signal);
    return kept;
  }

  /**
   * Writes a STATIC (default) or PERMANENT entry with nobody behind it, for an instance that cannot register itself.
   * Written again, a STATIC one is as good as new for `sweepStatic`.
   * @throws NameTakenError if somebody stands behind the entry, or holds the name; otherwise as `register` does
   */
  async put(spec: InstanceSpec<In>, wait: WaitOptions = {}): Promise<void> {
    const registration = await this.#register(spec, "STATIC", undefined, { ...wait, takeOver: false });
    await registration.leave();
  }

  /** Takes an entry out, whoever stands behind it: that registration is lost then. Resolves to whether there was one. */
  async remove(name: string, id: string, wait: WaitOptions = {}): Promise<boolean> {
    using limit = beginWait(this.#client, "The removal of", this.#layout.entry(name, id), wait);
    return await removeEntry(this.#client, this.#layout, name, id, limit.signal);
  }

  /** Takes out STATIC entries with nobody behind them that were not written for so long. Resolves to their paths. */
  async sweepStatic(options: SweepOptions & WaitOptions): Promise<readonly string[]> {
    using limit = beginWait(this.#client, "The sweep of", this.basePath, options);
    return await sweepStatic(this.#client, this.#layout, options, limit.signal);
  }

  /** The names of all services, sorted. One that has no instance any more may be among them for a while. */
  async names(wait: WaitOptions = {}): Promise<string[]> {
    using limit = beginWait(this.#client, "The names of", this.basePath, wait);
    return await readNames(this.#client, this.#layout, limit.signal);
  }

  /** The instances of a service as they are now, sorted by the names of their nodes. */
  async instances(
    name: string,
    filter: InstanceFilter<Out> = {},
    wait: WaitOptions = {},
  ): Promise<ServiceInstance<Out>[]> {
    using limit = beginWait(this.#client, "The instances of", name, wait);
    return await readInstances(this.#client, this.#layout.service(name), this.#options.payload, filter, limit.signal);
  }

  /** The names of all services, sorted, now and after every change. */
  get names$(): Observed<readonly string[]> {
    return new Observed(observeNames(this.#client, this.#layout));
  }

  /**
   * The instances of a service, now and after every change. Completes when `signal` aborts or the client is closed.
   *
   * ```ts
   * for await (const { instances } of registry.instances$("billing", { tags: ["v2"] })) render(instances);
   * ```
   */
  instances$(
    name: string,
    filter: InstanceFilter<Out> = {},
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Observed<InstancesView<Out>> {
    const options = { schema: this.#options.payload, filter };
    return new Observed(observeInstances(this.#client, this.#layout, name, options), signal);
  }

  /** Hands out the instances of a service. Close it when done. @throws RangeError for an impossible policy. */
  provider(name: string, options: ProviderOptions<Out> = {}): Provider<Out> {
    return new Provider(this.#client, name, this.instances$(name), options);
  }

  /** Answers HTTP requests with what is registered here, and registers; see the head of `http-handler.ts`. */
  httpHandler(options: HttpOptions = {}): HttpHandler {
    return httpHandler(this.#client, this, options);
  }

  /** Who is registered under a name, since when, by which session; who holds it alone, and who waits to. */
  async explain(name: string, wait: WaitOptions = {}): Promise<ServiceExplanation<Out>> {
    using limit = beginWait(this.#client, "The explanation of", name, wait);
    return await explainService(this.#client, this.#layout, name, this.#options.payload, limit.signal);
  }

  async #register(
    spec: InstanceSpec<In>,
    serviceType: ServiceType,
    health: HealthCheck | HealthOptions | undefined,
    options: RegisterOptions,
  ): Promise<Registration<In, Out>> {
    using limit = beginWait(this.#client, "The registration of", spec.name, options);
    const draft = await this.#draft(spec, serviceType);
    let registration: Registration<In, Out> | undefined;
    const monitor = this.#monitor(health, draft, () => registration);
    registration = await this.#acquire(draft, monitor, options, new Set(), limit.signal);
    void monitor.run(registration.signal);
    return registration;
  }

  async #draft(spec: InstanceSpec<In>, serviceType: ServiceType): Promise<Draft<In, Out>> {
    const { random, clock } = this.#client;
    const id = (): string => newGuid(random);
    const defaults = { id, address: nodeLocalAddress, serviceType, wallMs: clock.wallMs() };
    return await Draft.make(spec, defaults, { ...this.#options, schema: this.#options.payload });
  }

  #monitor(
    health: HealthCheck | HealthOptions = {},
    draft: Draft<In, Out>,
    current: () => Registration<In, Out> | undefined,
  ): HealthMonitor {
    const onChange = (news: Health): void => {
      draft.setHealth(news);
      current()?.flushSoon();
    };
    const options = typeof health === "function" ? { check: health } : health;
    const monitor = new HealthMonitor(this.#client.clock, options, onChange);
    draft.setHealth(monitor.health);
    return monitor;
  }

  async #acquire(
    draft: Draft<In, Out>,
    monitor: HealthMonitor,
    options: RegisterOptions,
    earlierClaims: Set<string>,
    signal: AbortSignal,
  ): Promise<Registration<In, Out>> {
    const { exclusive = false, whenTaken = "refuse", takeOver = true, whenSuspended } = options;
    const { name, id, serviceType } = draft.fields;
    for (;;) {
      const data = draft.encode();
      const entrance: Entrance = { name, id, serviceType, data, exclusive, takeOver, whenTaken, earlierClaims };
      const entered = await enter(this.#client, this.#layout, entrance, signal);
      const registration = new Registration<In, Out>(this.#client, { entered, data, draft, monitor, whenSuspended });
      if (registration.held) {
        // Something may have been changed while it waited.
        registration.flushSoon();
        return registration;
      }
      // Lost again before anybody had it: go on as if it had never been.
      await registration.release();
    }
  }
}
