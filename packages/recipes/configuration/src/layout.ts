/** Where things are. Pure. */

/** The paths of one configuration. */
export interface Layout {
  /** What is stored; its version is the configuration's. */
  readonly root: string;
  /** What was stored, by version. */
  readonly history: string;
  revision(version: number): string;
  /** The change that is proposed, or nothing. */
  readonly proposal: string;
  /** Those who are asked for their consent; its version moves when one joins. */
  readonly subscribers: string;
  subscriber(name: string): string;
  readonly receipts: string;
}

/** The layout of the configuration at `root`. */
export function layoutOf(root: string): Layout {
  const base = root === "/" ? "" : root;
  const history = `${base}/history`;
  const subscribers = `${base}/subscribers`;
  return {
    root,
    history,
    subscribers,
    proposal: `${base}/proposal`,
    receipts: `${base}/receipts`,
    revision: (version) => `${history}/${String(version).padStart(10, "0")}`,
    subscriber: (name) => `${subscribers}/${name}`,
  };
}

/** The versions of which there are nodes, oldest first. What has another kind of name is none of ours. */
export function versionsOf(names: readonly string[]): number[] {
  return names
    .filter((name) => /^\d{10}$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}
