/** What is measured besides single operations: things that take several sessions, each with a unit of its own. */

/** One line of the second table. */
export interface Scenario {
  readonly name: string;
  readonly kind: "sessions" | "watchers" | "lock";
  /** Sessions at once. */
  readonly connections: number;
  /** Watches in all, dealt over the connections; only of `watchers`. */
  readonly watchers?: number;
  readonly unit: "sessions/s" | "ms to the last" | "hand-overs/s";
  /** Which of two servers is the better one. */
  readonly better: "higher" | "lower";
}

/** One run of a scenario. */
export interface ScenarioSpec {
  readonly scenario: Scenario;
  readonly port: number;
  /** Not measured; of `watchers` it is one round instead. */
  readonly warmUpSeconds: number;
  /** Measured; of `watchers` it is `changes` instead. */
  readonly seconds: number;
  /** How often `watchers` see a change. */
  readonly changes: number;
}

const watchers = { kind: "watchers", watchers: 10_000, unit: "ms to the last", better: "lower" } as const;

/** All of them, in the order of the table. */
export const scenarios: readonly Scenario[] = [
  { name: "sessions 50", kind: "sessions", connections: 50, unit: "sessions/s", better: "higher" },
  { name: "watchers 10,000 on 10,000", ...watchers, connections: 10_000 },
  { name: "watchers 10,000 on 100", ...watchers, connections: 100 },
  { name: "lock 100", kind: "lock", connections: 100, unit: "hand-overs/s", better: "higher" },
];
