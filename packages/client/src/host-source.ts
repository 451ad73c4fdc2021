/**
 * Where the hosts to connect to come from: a list that stays, or a service's records in DNS, which are looked up anew when
 * a connection is needed. (Names of hosts are resolved by the dialer, at every attempt.)
 */
import type { Address, Clock, Random, Resolver, ServiceRecord } from "@corral/io";
import { assert } from "@corral/protocol";
import type { HostOrder } from "./host-rotation.ts";
import { limits } from "./limits.ts";

/** What finding hosts needs. */
export interface HostPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly resolver: Resolver;
}

/** Hosts, in the order in which to try them. */
export class HostSource {
  /** Those of the list; none for a service. */
  readonly initial: readonly Address[];
  readonly #service: string | undefined;
  readonly #ports: HostPorts;
  #foundAtMs = Number.NEGATIVE_INFINITY;
  #problem: Error | undefined;
  #finding: Promise<readonly Address[] | undefined> | undefined;

  constructor(
    { hosts, service }: { readonly hosts: readonly Address[]; readonly service?: string | undefined },
    order: HostOrder,
    ports: HostPorts,
  ) {
    this.initial = order === "shuffled" ? shuffle(hosts, ports.random) : hosts;
    this.#service = service;
    this.#ports = ports;
  }

  /** Whether the hosts should be looked up before the next attempt. */
  get isStale(): boolean {
    if (this.#service === undefined) return false;
    return this.#ports.clock.elapsedMs() >= this.#foundAtMs + limits.rediscoverMs;
  }

  /** Why the last lookup failed, if it did. */
  get problem(): { readonly host: string; readonly reason: string; readonly cause: Error } | undefined {
    if (this.#problem === undefined) return undefined;
    return {
      host: `srv:${this.#service}`,
      reason: `its SRV records cannot be had: ${this.#problem.message}`,
      cause: this.#problem,
    };
  }

  /**
   * Looks the hosts up; a lookup under way is not begun a second time. `undefined`: that failed; whatever was known before
   * may still be right. Never rejects.
   */
  find(): Promise<readonly Address[] | undefined> {
    this.#finding ??= this.#find().finally(() => {
      this.#finding = undefined;
    });
    return this.#finding;
  }

  async #find(): Promise<readonly Address[] | undefined> {
    const { resolver, random, clock } = this.#ports;
    try {
      const records = await resolver.services(this.#service ?? "");
      if (records.length === 0) throw new Error("there are none");
      this.#problem = undefined;
      this.#foundAtMs = clock.elapsedMs();
      return orderServices(records, random);
    } catch (thrown) {
      this.#problem = thrown instanceof Error ? thrown : new Error(String(thrown));
      return undefined;
    }
  }
}

/** Fisher and Yates's. */
function shuffle<T>(items: readonly T[], random: Random): T[] {
  const shuffled: T[] = [];
  for (const item of items) {
    const at = Math.floor(random.fraction() * (shuffled.length + 1));
    shuffled.splice(at, 0, item);
  }
  return shuffled;
}

/** As RFC 2782 has it: the lowest priority first; among equals by lot, each with a chance according to its weight. */
export function orderServices(records: readonly ServiceRecord[], random: Random): Address[] {
  const left = [...records];
  const ordered: Address[] = [];
  while (left.length > 0) {
    const priority = Math.min(...left.map((record) => record.priority));
    const equals = left.filter((record) => record.priority === priority);
    // One more than the weight, so that those of weight 0 are drawn as well, at the end.
    let drawn = random.fraction() * equals.reduce((sum, { weight }) => sum + weight + 1, 0);
    const next = equals.find(({ weight }) => {
      drawn -= weight + 1;
      return drawn < 0;
    });
    assert(next !== undefined, "a draw below the sum of all falls to one of them");
    left.splice(left.indexOf(next), 1);
    ordered.push({ host: next.host.replace(/\.$/, ""), port: next.port });
  }
  return ordered;
}
