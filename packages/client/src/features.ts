/**
 * What the servers can do. They are asked once, by `srvr`, which of the two kinds they are and of what version; what that
 * leaves open is learned when an operation turns out to be missing. Until something is known the answer is the one that
 * is safe on every server.
 */

/** Whose servers: ours, or Apache ZooKeeper (and whatever else is no Corral). */
export type Engine = "corral" | "apache";

/** Operations that not every server has. */
export type Feature = "multiRead" | "persistentWatches";

/** The first version of Apache ZooKeeper with a feature that can be relied on. */
const since: Readonly<Record<Feature, readonly [major: number, minor: number]>> = {
  multiRead: [3, 6],
  // There from 3.6 on, but before 3.9 a plain read that leaves a watch takes the persistent one on the same path away.
  persistentWatches: [3, 9],
};

/** What is known of the servers of one client. */
export class Features {
  #engine: Engine | undefined;
  #version: readonly [major: number, minor: number] | undefined;
  readonly #lacking = new Set<Feature>();

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

  /** A server did not have it. */
  lacks(feature: Feature): void {
    this.#lacking.add(feature);
  }

  /** Whether to use it. What is not known is tried. */
  has(feature: Feature): boolean {
    if (this.#lacking.has(feature)) return false;
    if (this.#version === undefined) return true;
    const [major, minor] = since[feature];
    return this.#version[0] > major || (this.#version[0] === major && this.#version[1] >= minor);
  }
}
