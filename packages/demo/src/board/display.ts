/** Shows the run: redrawn in place on a terminal, plain lines anywhere else. Both take the same calls. */
import { createColors } from "picocolors";
import { formatNumber } from "../tree/narrator.ts";
import type { BoardState } from "./render.ts";
import { formatClock, renderBoard } from "./render.ts";
import { type Line, type Painter, paint, printable } from "./segments.ts";

/** What is written to: `process.stdout` fits. */
export interface Output {
  readonly isTTY?: boolean;
  /** Columns and rows of the terminal, as of the last SIGWINCH; only where there is one. */
  getWindowSize?(): [columns: number, rows: number];
  write(text: string): unknown;
}

/** Where the run is shown. */
export interface Display {
  /** Something happened, `atMs` after the start. */
  event(atMs: number, text: string): void;
  /** The state to show; called whenever it has changed, and now and then for the clock. */
  update(state: BoardState): void;
  /** A line that stays, outside the board; on a terminal cut to its width. */
  line(line: Line): void;
  /** Leaves the terminal to others for a while: the demo is about to be stopped. */
  suspend(): void;
  /** Goes on below what others have written meanwhile. */
  resume(): void;
  /** Leaves the terminal as it was found, with the last state standing; updates no more. Idempotent. */
  close(): void;
}

/** The display that suits the output. */
export function createDisplay(output: Output, colours: boolean): Display {
  const painter: Painter = createColors(colours);
  return output.isTTY === true ? new LiveBoard(output, painter) : new PlainLines(output, painter);
}

function sizeOf(output: Output): [columns: number, rows: number] {
  const [columns, rows] = output.getWindowSize?.() ?? [80, 24];
  // A terminal that does not know its size says 0.
  return [columns || 80, rows || 24];
}

const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";
const TO_LINE_START = "\r";
const CLEAR_TO_LINE_END = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";
const CLEAN_SCREEN = "\u001b[2J\u001b[H";
const up = (lines: number) => (lines > 0 ? `\u001b[${lines}A` : "");

/** A board redrawn where it stands; what was in the terminal before scrolls up and stays. */
class LiveBoard implements Display {
  readonly #output: Output;
  readonly #painter: Painter;
  #state: BoardState | undefined;
  #linesShown = 0;
  /** The terminal's size at the last drawing, as text. */
  #sizeShown = "";
  #isSuspended = false;
  #isClosed = false;

  constructor(output: Output, painter: Painter) {
    this.#output = output;
    this.#painter = painter;
  }

  event(): void {
    // The board's state carries the events.
  }

  update(state: BoardState): void {
    this.#state = state;
    this.#draw();
  }

  line(line: Line): void {
    const [columns] = sizeOf(this.#output);
    this.#output.write(`${paint(line, columns, this.#painter)}\n`);
  }

  suspend(): void {
    this.#letGo();
    this.#isSuspended = true;
  }

  resume(): void {
    this.#isSuspended = false;
    // The old board stands somewhere above, torn or not: the shell has written below it.
    this.#linesShown = 0;
    this.#sizeShown = "";
    this.#draw();
  }

  close(): void {
    this.#letGo();
    this.#isClosed = true;
  }

  #letGo(): void {
    if (!this.#isClosed && !this.#isSuspended && this.#linesShown > 0) {
      this.#output.write(SHOW_CURSOR);
    }
  }

  #draw(): void {
    if (this.#state === undefined || this.#isSuspended || this.#isClosed) {
      return;
    }
    const [columns, rows] = sizeOf(this.#output);
    // One row stays free for the cursor: writing into the last one would scroll the board away from under itself.
    const lines = renderBoard(this.#state, rows - 1);
    // A terminal of another size has moved the old lines about: start on a clean screen.
    const size = `${columns} ${rows}`;
    const isMoved = this.#sizeShown !== "" && this.#sizeShown !== size;
    const start = isMoved ? CLEAN_SCREEN : `${TO_LINE_START}${up(this.#linesShown)}`;
    const body = lines.map((line) => `${paint(line, columns - 1, this.#painter)}${CLEAR_TO_LINE_END}\n`).join("");
    this.#output.write(`${HIDE_CURSOR}${start}${body}${CLEAR_BELOW}`);
    this.#linesShown = lines.length;
    this.#sizeShown = size;
  }
}

/** One line an event, and one whenever another tenth of the tasks is done. */
class PlainLines implements Display {
  readonly #output: Output;
  readonly #painter: Painter;
  #tenthsShown = 0;

  constructor(output: Output, painter: Painter) {
    this.#output = output;
    this.#painter = painter;
  }

  event(atMs: number, text: string): void {
    this.#output.write(`${formatClock(atMs)}  ${printable(text)}\n`);
  }

  update({ elapsedMs, done, submitted, assigned, waiting }: BoardState): void {
    const tenths = submitted === 0 ? 0 : Math.floor((10 * done) / submitted);
    if (tenths > this.#tenthsShown) {
      this.#tenthsShown = tenths;
      const [all, rest] = [formatNumber(submitted), formatNumber(waiting)];
      this.event(elapsedMs, `${formatNumber(done)} of ${all} tasks done, ${assigned} assigned, ${rest} waiting`);
    }
  }

  line(line: Line): void {
    this.#output.write(`${paint(line, Number.POSITIVE_INFINITY, this.#painter)}\n`);
  }

  suspend(): void {
    // Lines stand where they were written.
  }

  resume(): void {
    // The next line goes below.
  }

  close(): void {
    // Nothing to restore.
  }
}
