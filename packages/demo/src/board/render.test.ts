import { describe, expect, it } from "vitest";
import { type BoardState, formatClock, renderBoard } from "./render.ts";
import { bar, type Painter, paint, plain, printable, styled } from "./segments.ts";

const none = (text: string) => text;
const uncoloured: Painter = { bold: none, dim: none, green: none, yellow: none, red: none, cyan: none };

const state: BoardState = {
  title: "word counts of 51 files",
  elapsedMs: 7_340,
  server: "running on 127.0.0.1:40123",
  serverUp: true,
  epoch: 2,
  masters: [
    { id: "master-1", state: "killed", held: 0, done: 0 },
    { id: "master-2", state: "primary", held: 0, done: 0 },
  ],
  workers: [
    { id: "worker-1", state: "working", held: 3, done: 11 },
    { id: "worker-2", state: "killed", held: 0, done: 4 },
  ],
  submitted: 51,
  waiting: 33,
  assigned: 3,
  done: 15,
  events: Array.from({ length: 20 }, (_, index) => ({ atMs: index * 100, text: `event ${index}` })),
};

const shown = (rows: number, columns = 100) =>
  renderBoard(state, rows).map((line) => paint(line, columns, uncoloured).trimEnd());

describe("renderBoard", () => {
  it("shows everything there is to know", () => {
    expect(shown(40)).toMatchInlineSnapshot(`
      [
        " word counts of 51 files   00:07.3",
        "",
        " server     running on 127.0.0.1:40123",
        " master-1   killed",
        " master-2   primary, epoch 2",
        "",
        " tasks      ████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 29 % of 51",
        "            15 done · 3 assigned · 33 waiting",
        "",
        " worker-1   working         ■■■              3 tasks assigned  11 done",
        " worker-2   killed                                             4 done",
        "",
        " 00:00.6  event 6",
        " 00:00.7  event 7",
        " 00:00.8  event 8",
        " 00:00.9  event 9",
        " 00:01.0  event 10",
        " 00:01.1  event 11",
        " 00:01.2  event 12",
        " 00:01.3  event 13",
        " 00:01.4  event 14",
        " 00:01.5  event 15",
        " 00:01.6  event 16",
        " 00:01.7  event 17",
        " 00:01.8  event 18",
        " 00:01.9  event 19",
      ]
    `);
  });

  it("fits a low terminal: the latest events stay, then the bottom is cut", () => {
    expect(shown(15).at(-1)).toMatch(/event 19/);
    expect(shown(15)).toHaveLength(15);
    expect(shown(4)).toHaveLength(4);
  });

  it("keeps its height while events come in", () => {
    expect(renderBoard({ ...state, events: [] }, 40)).toHaveLength(renderBoard(state, 40).length);
  });

  it("fits a narrow terminal", () => {
    expect(Math.max(...shown(40, 30).map((line) => line.length))).toBeLessThanOrEqual(30);
  });
});

describe("paint", () => {
  it("cuts text, never colours", () => {
    const red: Painter = { ...uncoloured, red: (text) => `<${text}>` };
    expect(paint([plain("abc"), styled("red", "defgh"), plain("i")], 5, red)).toBe("abc<de>");
  });
  it("shows no control characters", () => {
    expect(printable("a\u001b[2Jb\nc")).toBe("a\ufffd[2Jb\ufffdc");
  });
});

describe("bar", () => {
  it.each([
    [0, 10, 0],
    [1, 1000, 1],
    [5, 10, 5],
    [999, 1000, 9],
    [10, 10, 10],
    [0, 0, 0],
  ])("%i of %i", (part, whole, filled) => {
    const { full, empty } = bar(part, whole, 10);
    expect([full.length, full.length + empty.length]).toEqual([filled, 10]);
  });
});

it("formats the clock", () => {
  expect([0, 7_340, 61_999].map(formatClock)).toEqual(["00:00.0", "00:07.3", "01:01.9"]);
});
