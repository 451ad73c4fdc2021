/** The instances of a service as they come, change and go. */
import type { Client, ObservedNode, StateEvent } from "@corral/client";
import { concatMap, distinctUntilChanged, map, Observable, type Subscriber, Subscription } from "rxjs";
import { type InstanceFilter, isWanted } from "./filter.ts";
import type { ServiceInstance } from "./instance.ts";
import { type MalformedEntry, type ReadEntry, readEntry } from "./instances.ts";
import type { Layout } from "./layout.ts";
import type { StandardSchema } from "./standard-schema.ts";

/** The instances of a service as far as they can be known. */
export interface InstancesView<P = unknown> {
  /** `suspended`: not connected; `instances` are those that were known last, which is better than none. */
  readonly state: "current" | "suspended";
  /** Sorted by the names of their nodes. */
  readonly instances: readonly ServiceInstance<P>[];
  /** Entries that are none. */
  readonly malformed: readonly MalformedEntry[];
}

/**
 * The instances of `name`, now and after every change. The first view comes when all that are there have been read; it
 * converges to the truth after any disconnection and any loss of the session.
 */
export function observeInstances<In, P>(
  client: Client,
  layout: Layout,
  name: string,
  options: { readonly schema: StandardSchema<In, P> | undefined; readonly filter: InstanceFilter<P> },
): Observable<InstancesView<P>> {
  return new Observable<InstancesView<P>>((subscriber) => {
    const follower = new InstancesFollower(client, layout.service(name), options, subscriber);
    return follower.begin();
  }).pipe(distinctUntilChanged(isSameView));
}

/** One watch for the list, one for each entry: those of entries that stay are kept when others come and go. */
class InstancesFollower<In, P> {
  readonly #client: Client;
  readonly #path: string;
  readonly #schema: StandardSchema<In, P> | undefined;
  readonly #filter: InstanceFilter<P>;
  readonly #subscriber: Subscriber<InstancesView<P>>;
  readonly #all = new Subscription();
  readonly #subscriptions = new Map<string, Subscription>();
  /** What was read of each entry: `gone` until the list says so too. */
  readonly #entries = new Map<string, ReadEntry<P> | "gone">();
  #names: readonly string[] | undefined;
  #state: InstancesView<P>["state"] = "suspended";

  constructor(
    client: Client,
    path: string,
    options: { readonly schema: StandardSchema<In, P> | undefined; readonly filter: InstanceFilter<P> },
    subscriber: Subscriber<InstancesView<P>>,
  ) {
    this.#client = client;
    this.#path = path;
    this.#schema = options.schema;
    this.#filter = options.filter;
    this.#subscriber = subscriber;
  }

  begin(): Subscription {
    const error = (reason: unknown): void => this.#subscriber.error(reason);
    this.#all.add(
      this.#client.state$.subscribe({
        next: (event) => this.#onState(event),
        complete: () => this.#subscriber.complete(),
      }),
    );
    this.#all.add(
      this.#client.watchChildren(this.#path).subscribe({ next: (names) => this.#onNames(names ?? []), error }),
    );
    return this.#all;
  }

  #onState({ state }: StateEvent): void {
    this.#state = state === "connected" ? "current" : "suspended";
    this.#tell();
  }

  #onNames(names: readonly string[]): void {
    this.#names = names;
    const there = new Set(names);
    for (const [name, subscription] of this.#subscriptions) {
      if (there.has(name)) continue;
      this.#all.remove(subscription);
      subscription.unsubscribe();
      this.#subscriptions.delete(name);
      this.#entries.delete(name);
    }
    for (const name of names) if (!this.#subscriptions.has(name)) this.#follow(name);
    this.#tell();
  }

  #follow(name: string): void {
    const subscription = new Subscription();
    this.#subscriptions.set(name, subscription);
    this.#all.add(subscription);
    subscription.add(
      this.#client
        .watchNode(`${this.#path}/${name}`)
        .pipe(concatMap((node) => this.#read(node)))
        .subscribe({
          next: (entry) => {
            this.#entries.set(name, entry);
            this.#tell();
          },
          error: (reason: unknown) => this.#subscriber.error(reason),
        }),
    );
  }

  async #read(node: ObservedNode | undefined): Promise<ReadEntry<P> | "gone"> {
    if (node === undefined) return "gone";
    const entry = await readEntry(node, this.#schema);
    if (entry.kind === "malformed") this.#client.logger.warn({ ...entry.entry }, "an entry of a service is malformed");
    return entry;
  }

  /** Once every entry of the list has been read. */
  #tell(): void {
    const names = this.#names;
    if (names === undefined || names.some((name) => !this.#entries.has(name))) return;
    const instances: ServiceInstance<P>[] = [];
    const malformed: MalformedEntry[] = [];
    for (const name of names) {
      const entry = this.#entries.get(name);
      if (entry === undefined || entry === "gone") continue;
      if (entry.kind === "malformed") malformed.push(entry.entry);
      else if (isWanted(entry.instance, this.#filter)) instances.push(entry.instance);
    }
    this.#subscriber.next({ state: this.#state, instances, malformed });
  }
}

/** Instances are made anew whenever their node has changed: the same objects are the same instances. */
function isSameView<P>(a: InstancesView<P>, b: InstancesView<P>): boolean {
  return a.state === b.state && isSameList(a.instances, b.instances) && isSameList(a.malformed, b.malformed);
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index]);
}

/** The names of all services, sorted, now and after every change. A service without instances may stand among them for a while. */
export function observeNames(client: Client, layout: Layout): Observable<readonly string[]> {
  return client.watchChildren(layout.base).pipe(
    map((names) => names ?? []),
    distinctUntilChanged((a, b) => isSameList(a, b)),
  );
}
