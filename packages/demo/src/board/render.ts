/** What the board looks like: state in, lines out. Pure. */
import { count, formatNumber } from "../tree/narrator.ts";
import { bar, type Line, plain, type Style, styled } from "./segments.ts";

/** What is known of a process: from the orchestrator whether it runs, from the tree what it does. */
export type MemberState = "primary" | "standing by" | "idle" | "working" | "killed" | "stopped" | "not registered";

/** A master or a worker on the board. */
export interface Member {
  readonly id: string;
  readonly state: MemberState;
  /** Tasks in its queue. Workers only. */
  readonly held: number;
  /** Tasks that left its queue for a result. Workers only. */
  readonly done: number;
}

/** Something that happened. */
export interface BoardEvent {
  /** Milliseconds since the demo began. */
  readonly atMs: number;
  readonly text: string;
}

/** Everything on the board. */
export interface BoardState {
  readonly title: string;
  readonly elapsedMs: number;
  readonly server: string;
  readonly serverUp: boolean;
  readonly epoch: number;
  readonly masters: readonly Member[];
  readonly workers: readonly Member[];
  readonly submitted: number;
  readonly waiting: number;
  readonly assigned: number;
  readonly done: number;
  /** Oldest first. */
  readonly events: readonly BoardEvent[];
}

const STYLES: Readonly<Record<MemberState, Style>> = {
  primary: "green",
  "standing by": "cyan",
  idle: "dim",
  working: "green",
  killed: "red",
  stopped: "dim",
  "not registered": "yellow",
};

const BAR_WIDTH = 40;
const LABEL_WIDTH = 11;
const STATE_WIDTH = 16;

/** The board's lines for a terminal of `rows` lines: the events get what room is left, the latest ones win. */
export function renderBoard(state: BoardState, rows: number): Line[] {
  const lines: Line[] = [
    [styled("bold", ` ${state.title}`), styled("dim", `   ${formatClock(state.elapsedMs)}`)],
    [],
    [label("server"), state.serverUp ? plain(state.server) : styled("red", state.server)],
    ...state.masters.map((master) => masterLine(master, state.epoch)),
    [],
    progressLine(state),
    [
      label(""),
      styled("green", `${formatNumber(state.done)} done`),
      plain(" · "),
      styled("yellow", `${formatNumber(state.assigned)} assigned`),
      plain(` · ${formatNumber(state.waiting)} waiting`),
    ],
    [],
    ...state.workers.map(workerLine),
    [],
  ];
  const room = Math.max(0, Math.min(EVENT_LINES, rows - lines.length));
  const latest = room === 0 ? [] : state.events.slice(-room);
  lines.push(...latest.map((event): Line => [styled("dim", ` ${formatClock(event.atMs)}  `), plain(event.text)]));
  // Room kept free, so that the board does not grow while one looks at it.
  lines.push(...Array.from({ length: room - latest.length }, (): Line => []));
  return lines.slice(0, Math.max(1, rows));
}

const EVENT_LINES = 14;

function label(text: string): ReturnType<typeof plain> {
  return plain(` ${text.padEnd(LABEL_WIDTH)}`);
}

function masterLine({ id, state }: Member, epoch: number): Line {
  const text = state === "primary" ? `primary, epoch ${epoch}` : state;
  return [label(id), styled(STYLES[state], text)];
}

function workerLine({ id, state, held, done }: Member): Line {
  const load = "■".repeat(Math.min(held, 16));
  return [
    label(id),
    styled(STYLES[state], state.padEnd(STATE_WIDTH)),
    styled(state === "killed" ? "red" : "yellow", load.padEnd(17)),
    plain(`${held > 0 ? `${count(held, "task")} assigned`.padEnd(18) : " ".repeat(18)}`),
    styled("dim", `${formatNumber(done)} done`),
  ];
}

function progressLine({ done, submitted }: BoardState): Line {
  const { full, empty } = bar(done, submitted, BAR_WIDTH);
  const share = submitted === 0 ? "" : `${Math.floor((100 * done) / submitted)} %`;
  return [
    label("tasks"),
    styled("green", full),
    styled("dim", empty),
    plain(` ${share} of ${formatNumber(submitted)}`),
  ];
}

/** "00:07.3": minutes, seconds and tenths. */
export function formatClock(elapsedMs: number): string {
  const tenths = Math.floor(elapsedMs / 100);
  const minutes = Math.floor(tenths / 600);
  const seconds = Math.floor((tenths % 600) / 10);
  return `${String(minutes).padStart(2, "0")}:${String(seconds).padStart(2, "0")}.${tenths % 10}`;
}
