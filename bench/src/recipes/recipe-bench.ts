/**
 * Measures recipes: on each server in turn, our locks and elections next to Curator's and kazoo's. The libraries' processes
 * live through all rounds of a figure, so that what a virtual machine has learnt in one helps it in the next.
 */
import type { Timing } from "../drivers.ts";
import type { Running } from "../servers.ts";
import { type Commands, Contenders } from "./contenders.ts";
import type { KillFigure, Recipe, TurnFigure } from "./figures.ts";
import { inOrder, type Turnover, turnover } from "./holdings.ts";
import type { RecipeRow } from "./report.ts";

/** What all figures have in common. */
export interface RecipeBench {
  readonly commands: Commands;
  readonly timing: Timing;
  readonly rounds: number;
  /** How long each library contends before the first round of a figure. */
  readonly warmUpSeconds: number;
  readonly signal: AbortSignal;
  /** What has been started; whoever ends the bench stops it. */
  readonly started: { stop(): Promise<void> }[];
  progress(line: string): void;
}

/** Sessions outlive whatever a busy machine does to them. */
const sessionTimeoutMs = 20_000;

let paths = 0;

/** Measures a figure on a server. */
export async function measureRecipes(
  bench: RecipeBench,
  figure: TurnFigure | KillFigure,
  server: Running,
): Promise<RecipeRow> {
  const recipes = figure.recipes.filter(({ library }) => bench.commands.has(library));
  const begun = bench.started.length;
  try {
    const runs =
      figure.kind === "kill"
        ? await measureKills(bench, figure, recipes, server)
        : await measureTurns(bench, figure, recipes, server);
    return { figure: figure.name, kind: figure.kind, server: server.name, runs };
  } finally {
    bench.progress("");
    await Promise.all(bench.started.splice(begun).map((one) => one.stop()));
  }
}

async function start(bench: RecipeBench, server: Running, recipe: Recipe, contenders: number, timeoutMs: number) {
  const started = await Contenders.start({
    command: bench.commands.get(recipe.library) ?? [],
    recipe,
    port: server.port,
    contenders,
    sessionTimeoutMs: timeoutMs,
    signal: bench.signal,
  });
  bench.started.push(started);
  return started;
}

async function measureTurns(
  bench: RecipeBench,
  figure: TurnFigure,
  recipes: readonly Recipe[],
  server: Running,
): Promise<Map<Recipe, Turnover[]>> {
  const { contenders, processes, holdMs, end } = figure;
  const crews = new Map<Recipe, readonly Contenders[]>();
  for (const recipe of recipes) {
    bench.progress(`${figure.name} on ${server.name}: ${contenders} sessions of ${recipe.name}`);
    const one = () => start(bench, server, recipe, contenders / processes, sessionTimeoutMs);
    crews.set(recipe, await Promise.all(Array.from({ length: processes }, one)));
  }
  const run = async (recipe: Recipe, warmUpSeconds: number, seconds: number): Promise<Turnover> => {
    const path = `/bench-${++paths}`;
    const forMs = (warmUpSeconds + seconds) * 1000;
    const crew = crews.get(recipe) ?? [];
    const holdings = await Promise.all(crew.map((one) => one.run(path, forMs, holdMs, end)));
    return turnover(inOrder(holdings.flat(), contenders), warmUpSeconds, seconds);
  };
  const runs = new Map(recipes.map((recipe) => [recipe, [] as Turnover[]]));
  for (const recipe of bench.warmUpSeconds > 0 ? recipes : []) {
    bench.progress(`${figure.name} on ${server.name}: warming up ${recipe.name}`);
    await run(recipe, 0, bench.warmUpSeconds);
  }
  for (let round = 0; round < bench.rounds; round++) {
    // Who comes first changes, so that nobody always finds the machine as the same one left it.
    for (const recipe of round % 2 === 1 ? recipes.toReversed() : recipes) {
      bench.progress(`${figure.name} on ${server.name}, round ${round + 1} of ${bench.rounds}: ${recipe.name}`);
      runs.get(recipe)?.push(await run(recipe, bench.timing.warmUpSeconds, bench.timing.seconds));
    }
  }
  return runs;
}

/** A process that stands for election, and when it leads. */
interface Candidate {
  readonly process: Contenders;
  readonly leads: Promise<{ readonly candidate: Candidate; readonly atMs: number }>;
}

/**
 * Kills the leaders of all libraries at the same moment, again and again: how long they are mourned is mostly how long the
 * server waits for their sessions, and that depends on the moment.
 */
async function measureKills(
  bench: RecipeBench,
  figure: KillFigure,
  recipes: readonly Recipe[],
  server: Running,
): Promise<Map<Recipe, Turnover[]>> {
  const stand = async (recipe: Recipe): Promise<Candidate> => {
    const process = await start(bench, server, recipe, 1, figure.sessionTimeoutMs);
    const stands = process.stand(`/bench-kill-${server.pid}-${recipe.recipe}-${recipe.library}`);
    const candidate: Candidate = { process, leads: stands.then((atMs) => ({ candidate, atMs })) };
    // Those that never lead are stopped in the end.
    candidate.leads.catch(() => undefined);
    return candidate;
  };
  bench.progress(`${figure.name} on ${server.name}: the candidates come`);
  const fields = await Promise.all(
    recipes.map(async (recipe) => {
      const candidates = await Promise.all(Array.from({ length: figure.candidates }, () => stand(recipe)));
      const { candidate: leader } = await Promise.race(candidates.map(({ leads }) => leads));
      return { recipe, leader, others: candidates.filter((one) => one !== leader), runs: [] as Turnover[] };
    }),
  );
  for (let round = 0; round < bench.rounds; round++) {
    bench.progress(`${figure.name} on ${server.name}, round ${round + 1} of ${bench.rounds}`);
    // Servers count time in ticks of two seconds; a kill may fall anywhere in between.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 2000));
    await Promise.all(
      fields.map(async (field) => {
        const killedMs = await field.leader.process.kill();
        const { candidate: leader, atMs } = await Promise.race(field.others.map(({ leads }) => leads));
        const gapMs = atMs - killedMs;
        field.runs.push({ perSecond: 1000 / gapMs, gapMs: { p50: gapMs, p99: gapMs } });
        field.others = field.others.filter((one) => one !== leader);
        field.leader = leader;
      }),
    );
    for (const field of fields) field.others.push(await stand(field.recipe));
  }
  return new Map(fields.map(({ recipe, runs }) => [recipe, runs]));
}
