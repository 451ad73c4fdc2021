/** What `npm run bench -- --recipes` measures, and of which libraries. */

/** A library's recipe. */
export interface Recipe {
  /** For the table. */
  readonly name: string;
  readonly library: "Corral" | "Curator" | "kazoo";
  /** As the library's contenders know it. */
  readonly recipe: string;
}

const ours = { name: "Corral", library: "Corral" } as const;
const kazoo = { name: "kazoo", library: "kazoo" } as const;

/** Locks, ours first. */
export const mutexes: readonly Recipe[] = [
  { ...ours, recipe: "mutex" },
  { name: "Curator", library: "Curator", recipe: "mutex" },
  { ...kazoo, recipe: "mutex" },
];

const latch: Recipe = { name: "LeaderLatch", library: "Curator", recipe: "latch" };
const selector: Recipe = { name: "LeaderSelector", library: "Curator", recipe: "selector" };
const elections: readonly Recipe[] = [
  { ...ours, recipe: "election" },
  latch,
  selector,
  { ...kazoo, recipe: "election" },
];

/** One line of a table: contenders that hold in turn. */
export interface TurnFigure {
  readonly kind: "hand-over" | "fail-over";
  readonly name: string;
  /** Over how many processes the contenders are spread, evenly. */
  readonly processes: number;
  readonly contenders: number;
  /** How long each holds. */
  readonly holdMs: number;
  /** How it lets go: gives back what it holds, or closes its session. */
  readonly end: "release" | "close";
  readonly recipes: readonly Recipe[];
}

/** One line of a table: leaders that are killed. */
export interface KillFigure {
  readonly kind: "kill";
  readonly name: string;
  /** Candidates, each a process. */
  readonly candidates: number;
  readonly sessionTimeoutMs: number;
  readonly recipes: readonly Recipe[];
}

function handOver(contenders: number, processes = 1): TurnFigure {
  const name = `mutex ${contenders}${processes > 1 ? ` in ${processes} processes` : ""}`;
  return { kind: "hand-over", name, processes, contenders, holdMs: 0, end: "release", recipes: mutexes };
}

/** In order. Whoever lets go in a fail-over holds first, so that the others are in line and at rest, and have come back. */
export const recipeFigures: readonly (TurnFigure | KillFigure)[] = [
  handOver(1),
  handOver(10),
  handOver(100),
  handOver(8, 4),
  {
    kind: "fail-over",
    name: "resigns",
    processes: 1,
    contenders: 5,
    holdMs: 10,
    end: "release",
    recipes: elections,
  },
  {
    kind: "fail-over",
    name: "closes its session",
    processes: 1,
    contenders: 5,
    holdMs: 40,
    end: "close",
    // A LeaderSelector's work runs inside of it, and cannot close the client that it needs to end.
    recipes: elections.filter((recipe) => recipe !== selector),
  },
  { kind: "kill", name: "is killed", candidates: 3, sessionTimeoutMs: 4000, recipes: elections },
];
