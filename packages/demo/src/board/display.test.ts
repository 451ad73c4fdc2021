import { expect, it } from "vitest";
import { createDisplay, type Output } from "./display.ts";
import type { BoardState } from "./render.ts";
import { plain } from "./segments.ts";

const state: BoardState = {
  title: "title",
  elapsedMs: 0,
  server: "running",
  serverUp: true,
  epoch: 1,
  masters: [],
  workers: [],
  submitted: 10,
  waiting: 10,
  assigned: 0,
  done: 0,
  events: [],
};

function terminal(columns: number, rows: number) {
  const size: [number, number] = [columns, rows];
  let written = "";
  const output: Output = {
    isTTY: true,
    getWindowSize: () => size,
    write: (text) => {
      written += text;
    },
  };
  const taken = () => {
    const text = written;
    written = "";
    return text;
  };
  return { output, size, taken };
}

it("redraws the board where it stands", () => {
  const { output, taken } = terminal(80, 24);
  const board = createDisplay(output, false);
  board.update(state);
  const lines = taken().split("\n").length - 1;
  board.update({ ...state, done: 5 });
  expect(taken()).toContain(`\r\u001b[${lines}A`);
  board.close();
  expect(taken()).toBe("\u001b[?25h");
});

it("draws nothing after its end", () => {
  const { output, taken } = terminal(80, 24);
  const board = createDisplay(output, false);
  board.update(state);
  board.close();
  taken();
  board.update(state);
  board.close();
  expect(taken()).toBe("");
});

it("starts on a clean screen when the terminal has another size", () => {
  const { output, size, taken } = terminal(80, 24);
  const board = createDisplay(output, false);
  board.update(state);
  taken();
  size[0] = 60;
  board.update(state);
  expect(taken()).toContain("\u001b[2J\u001b[H");
});

it("leaves the terminal to others while the demo is stopped, and then draws below what they wrote", () => {
  const { output, taken } = terminal(80, 24);
  const board = createDisplay(output, false);
  board.update(state);
  taken();
  board.suspend();
  expect(taken()).toBe("\u001b[?25h");
  board.update(state);
  board.suspend();
  expect(taken()).toBe("");
  board.resume();
  const drawn = taken();
  expect(drawn).toContain("title");
  // No step up to where the old board began.
  expect(drawn).toContain("\u001b[?25l\r title");
  const lines = drawn.split("\n").length - 1;
  board.update(state);
  expect(taken()).toContain(`\r\u001b[${lines}A`);
});

it("says nothing about being stopped before it has drawn, or after its end", () => {
  const { output, taken } = terminal(80, 24);
  const board = createDisplay(output, false);
  board.suspend();
  board.resume();
  expect(taken()).toBe("");
  board.update(state);
  board.close();
  taken();
  board.suspend();
  board.resume();
  expect(taken()).toBe("");
});

it("takes a terminal that does not know its size for a usual one", () => {
  const { output, taken } = terminal(0, 0);
  createDisplay(output, false).update(state);
  expect(taken()).toContain("title");
});

it("writes plain lines anywhere else: events, and each tenth of the work once", () => {
  let written = "";
  const output: Output = {
    write: (text) => {
      written += text;
    },
  };
  const lines = createDisplay(output, false);
  lines.event(1_000, "worker-1\u001b[2J has registered");
  lines.update(state);
  lines.update({ ...state, elapsedMs: 2_000, done: 3, waiting: 7 });
  lines.update({ ...state, elapsedMs: 3_000, done: 3, waiting: 7 });
  lines.line([plain("end")]);
  lines.close();
  expect(written).toBe(
    "00:01.0  worker-1\ufffd[2J has registered\n00:02.0  3 of 10 tasks done, 0 assigned, 7 waiting\nend\n",
  );
});
