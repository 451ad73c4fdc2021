/**
 * One run, from the first process to the last line: the cast is started, the job submitted, the kills performed, the results
 * awaited, everything stopped, and then what the tree and the journals say is weighed and compared.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "@corral/client";
import { Layout } from "@corral/master-worker";
import type { Display } from "../board/display.ts";
import { renderReckoning, renderStatistics } from "../board/report.ts";
import { styled } from "../board/segments.ts";
import type { TextFile } from "../input/find-texts.ts";
import { type DemoOptions, paceFor } from "../options.ts";
import type { Children } from "../processes/child.ts";
import { type Evidence, tally } from "../proof/tally.ts";
import type { GroupView } from "../tree/group-view.ts";
import { count, formatNumber, Narrator } from "../tree/narrator.ts";
import { GroupObserver } from "../tree/observe.ts";
import { type CorpusStatistics, differences } from "../words/statistics.ts";
import { Chronicle } from "./chronicle.ts";
import { changedSince, computeDirectly } from "./direct.ts";
import { readJournals, readTree } from "./evidence.ts";
import { Job } from "./job.ts";
import { performKills } from "./kill-plan.ts";
import { Showing } from "./showing.ts";
import { Stage } from "./stage.ts";
import { firstWhere, orAborted } from "./wait.ts";
import { watchForStall } from "./watchdog.ts";

/** How many of the most frequent words are asked for. */
const TOP_WORDS = 12;

/** How long a process may take to stop when it is asked to. */
const STOP_GRACE_MS = 3_000;

/** More than this takes so long to count that the person is told what goes on. */
const LONG_WAIT_BYTES = 50_000_000;

/** What a run is given. */
export interface Run {
  readonly options: DemoOptions;
  /** The directory of the texts, and those found in it. */
  readonly input: string;
  readonly texts: readonly TextFile[];
  /** Exists, is empty, and belongs to this run. */
  readonly directory: string;
  readonly children: Children;
  readonly display: Display;
  /** Aborts when the run must end, whoever wishes so: the person, or a process that ended unasked. */
  readonly end: AbortController;
}

/** Runs the demo. Resolves to whether everything is proven; rejects with what ended it early. */
export async function runDemo(run: Run): Promise<boolean> {
  const { options, input, texts, directory, children, display, end } = run;
  const { signal } = end;
  const paceMs = options.paceMs ?? paceFor(texts.length, options.workers);
  const chronicle = new Chronicle(display);
  await mkdir(join(directory, "logs"));
  await mkdir(join(directory, "journals"));
  const stage = new Stage(children, { directory, input, paceMs, topWords: TOP_WORDS }, signal);
  await stage.startServer();
  chronicle.tell(`server started, listening on ${stage.connectString}`);

  await using client = await connect(stage.connectString, { signal });
  const layout = new Layout();
  for (const path of layout.skeleton) {
    await client.ensurePath(path, { signal });
  }
  const looking = new AbortController();
  const observer = new GroupObserver(client, layout, AbortSignal.any([signal, looking.signal]));
  observer.run().catch((error: unknown) => looking.signal.aborted || end.abort(error));
  using _watchdog = watchForStall(observer.views, paceMs, end);
  const narrator = new Narrator();
  const title = `Corral: word statistics of ${count(texts.length, "text")}`;
  const showing = new Showing({ title, stage, observer, narrator, chronicle, display });
  showing.start();
  try {
    await startGroup(stage, options, observer, signal);
    const job = await startJob(run, stage);
    const tasks = await orAborted(job.submitted, signal);
    showing.submitted = tasks.length;
    chronicle.tell(`the client has submitted ${count(tasks.length, "task")}, one for each text`);
    if (options.kill) {
      await performKills({ stage, observer, narrator, chronicle, submitted: tasks.length, signal });
    }
    const statistics = await orAborted(job.statistics, signal);
    await firstWhere(observer.views, (view) => view.done.size >= tasks.length, signal);
    chronicle.tell("the client has all results");
    showing.stop();
    // Nobody writes any more from here on, so the tree and the journals are complete.
    await stage.stopGroup(STOP_GRACE_MS);
    const tree = await readTree(client, layout, signal);
    const workers = stage.workers.map(({ id }) => id);
    const journals = await readJournals(join(directory, "journals"), workers);
    return await report(run, statistics, { submitted: tasks, journals, ...tree });
  } finally {
    showing.stop();
    looking.abort();
  }
}

/** Starts masters and workers, and waits until one leads and all have registered. */
async function startGroup(stage: Stage, options: DemoOptions, observer: GroupObserver, signal: AbortSignal) {
  for (let started = 0; started < options.masters; started += 1) {
    stage.startMaster();
  }
  for (let started = 0; started < options.workers; started += 1) {
    stage.startWorker();
  }
  const isReady = (view: GroupView) => view.primary !== undefined && view.workers.length === options.workers;
  await firstWhere(observer.views, isReady, signal);
}

/** Starts the client on the texts. A task that fails ends the run. */
async function startJob({ directory, texts, end }: Run, stage: Stage): Promise<Job> {
  const jobFile = join(directory, "job.json");
  await writeFile(jobFile, JSON.stringify(texts.map(({ path }) => path)));
  const job = new Job((error) => end.abort(error));
  stage.startClient(jobFile, (line) => job.onLine(line));
  return job;
}

/** Weighs the evidence, computes the statistics directly, and prints both. Resolves to whether everything is proven. */
async function report(run: Run, statistics: CorpusStatistics, evidence: Evidence): Promise<boolean> {
  const { input, texts, directory, display, end, options } = run;
  const bytes = texts.reduce((sum, text) => sum + text.bytes, 0);
  if (bytes > LONG_WAIT_BYTES) {
    display.line([styled("dim", `Computing the same directly, to compare: ${formatNumber(bytes)} bytes …`)]);
  }
  const direct = await computeDirectly(input, texts, TOP_WORDS, end.signal);
  const found = differences(statistics, direct);
  if (found.length > 0) {
    const changed = await changedSince(input, texts);
    found.push(...changed.map((path) => `${path} was changed while the demo ran.`));
  }
  const tallied = tally(evidence);
  if (options.keep) {
    await writeFile(join(directory, "statistics.json"), JSON.stringify(statistics, undefined, 2));
  }
  for (const line of [[], ...renderStatistics(statistics), [], ...renderReckoning(tallied, found)]) {
    display.line(line);
  }
  return tallied.problems.length === 0 && found.length === 0;
}
