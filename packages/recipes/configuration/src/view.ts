/** What a program is to run with: the newest version that fits, and what is wrong with a newer one that does not. */
import type { NodeView } from "@corral/recipe-kit";
import type { Checked, Issue } from "./schema.ts";
import { evaluate, type Freshness, keptVersions, readNode, readRecord, type Settings } from "./store.ts";

/** A version that fits. */
export interface Active<T> {
  readonly value: T;
  /** Of the configuration; for a change that is tried out, the version that it would become. */
  readonly version: number;
  /** `canary`: it is being tried out here, and may be taken back. */
  readonly stage: "active" | "canary";
}

/** A version that does not fit: the program does not get to see it. */
export interface Problem {
  readonly version: number;
  readonly issues: readonly Issue[];
}

/** A configuration as it is watched. That it may be out of date, or wrong, is a value as well. */
export interface ConfigurationView<T> {
  /** `suspended`: not connected, or not read again since. */
  readonly state: "current" | "suspended";
  /** What to run with. `undefined`: nothing that fits has been seen, and the history has nothing either. */
  readonly active: Active<T> | undefined;
  /** Why it is not what is stored now. */
  readonly problem: Problem | undefined;
}

/** Follows what is stored: one state of the node after the other makes one view after the other. */
export class Reader<I, T> {
  readonly #settings: Settings<I, T>;
  #seen: string | undefined;
  #checked: Checked<T> | undefined;
  #active: Active<T> | undefined;
  #problem: Problem | undefined;
  /** Whether the history was looked into for something that fits. */
  #hasSearched = false;

  constructor(settings: Settings<I, T>) {
    this.#settings = settings;
  }

  /** What the node means, as far as it is known; and what was known before, where it is not. */
  async read({ state, node }: NodeView, signal: AbortSignal): Promise<ConfigurationView<T>> {
    if (node !== "unread") await this.#take(node?.data ?? null, node?.stat.version ?? 0, keyOf(node), signal);
    return { state, active: this.#active, problem: this.#problem };
  }

  async #take(data: Buffer | null, version: number, key: string, signal: AbortSignal): Promise<void> {
    if (this.#seen !== key) {
      this.#checked = await evaluate(this.#settings, data);
      this.#seen = key;
    }
    if (this.#checked?.ok) {
      this.#problem = undefined;
      if (this.#active?.version === version && this.#active.value === this.#checked.value) return;
      this.#active = { value: this.#checked.value, version, stage: "active" };
      return;
    }
    this.#problem = { version, issues: this.#checked?.issues ?? [] };
    if (this.#active !== undefined || this.#hasSearched) return;
    this.#active = await this.#newestGood(signal);
    this.#hasSearched = true;
  }

  /** For a program that starts when what is stored is wrong: the newest version in the history that is not. */
  async #newestGood(signal: AbortSignal): Promise<Active<T> | undefined> {
    for (const version of (await keptVersions(this.#settings, signal)).reverse()) {
      const record = await readRecord(this.#settings, version, signal);
      const checked = record && (await evaluate(this.#settings, record.data));
      if (checked?.ok) return { value: checked.value, version, stage: "active" };
    }
    return undefined;
  }
}

/** What to run with, as of one read. */
export async function viewOnce<I, T>(settings: Settings<I, T>, fresh: Freshness): Promise<ConfigurationView<T>> {
  const node = await readNode(settings, fresh);
  return await new Reader(settings).read({ state: "current", node }, fresh.signal);
}

/** Whether `a` was written before `b`. */
export function isOlder(a: NodeView["node"], b: NodeView["node"] | undefined): boolean {
  return typeof a === "object" && typeof b === "object" && a.stat.mzxid < b.stat.mzxid;
}

/** Tells one write of one incarnation of the node from every other. */
function keyOf(node: Exclude<NodeView["node"], "unread">): string {
  return node === undefined ? "none" : `${node.stat.czxid}/${node.stat.mzxid}`;
}

/** Whether two views say the same. */
export function isSameView<T>(a: ConfigurationView<T>, b: ConfigurationView<T>): boolean {
  const isSameActive = a.active?.value === b.active?.value && a.active?.version === b.active?.version;
  return (
    a.state === b.state &&
    isSameActive &&
    a.active?.stage === b.active?.stage &&
    a.problem?.version === b.problem?.version &&
    a.problem?.issues === b.problem?.issues
  );
}
