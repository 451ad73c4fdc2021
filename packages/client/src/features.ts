/**
 * What the servers can do. They are asked once, by `srvr`, which of the two kinds they are and of what version; what that
 * leaves open is learned when an operation turns out to be missing. Until something is known the answer is the one that
 * is safe on every server.
 */

/** Whose servers: ours, or Apache ZooKeeper (and whatever else is no Corral). */
export type Engine = "corral" | "apache";

/** Operations that not every server has. */
export type Feature = "multiRead" | "persistentWatches" | "getEphemerals" | "getAllChildrenNumber" | "whoAmI";

/** The first version of Apache ZooKeeper with a feature that can be relied on. */
const since: Readonly<Record<Feature, readonly [major: number, minor: number]>> = {
  multiRead: [3, 6],
  getEphemerals: [3, 6],
  getAllChildrenNumber: [3, 6],
  whoAmI: [3, 7],
  // There from 3.6 on, but before 3.9 a plain read that leaves a watch takes the persistent one on the same path away.
  persistentWatches: [3, 9],
};

/** What is known of the servers of one client. */
export class Features {
  #engine: Engine | undefined;
  #version: readonly [major: number, minor: number] | undefined;
  readonly #found = new Map<Feature, boolean>();

  constructor(engine?: Engine) {
    this.#engine = engine;
  }

  /** `undefined`: not known. */
  get engine(): Engine | undefined {
    return this.#engine;
  }

  /** Takes note of what a server answered to `srvr`. Something else than that answer says nothing. */
  learn(srvr: string): void {
    const version = /^Zookeeper version: ((\d+)\.(\d+)\S*)/.exec(srvr);
    if (version === null) return;
    this.#engine ??= version[1]?.includes("corral") ? "corral" : "apache";
    this.#version = [Number(version[2]), Number(version[3])];
  }

  /** A server was seen to have it, or not to have it. */
  found(feature: Feature, there: boolean): void {
    this.#found.set(feature, there);
  }

  /** Whether it is there; `undefined`: not known. */
  has(feature: Feature): boolean | undefined {
    const found = this.#found.get(feature);
    if (found !== undefined || this.#version === undefined) return found;
    const [major, minor] = since[feature];
    return this.#version[0] > major || (this.#version[0] === major && this.#version[1] >= minor);
  }
}
