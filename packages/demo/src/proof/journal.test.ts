import { expect, it } from "vitest";
import { formatEntry, type JournalEntry, parseJournal } from "./journal.ts";

const start: JournalEntry = { event: "start", worker: "worker-1", task: "task-1", attempt: 1, atMs: 5 };
const report: JournalEntry = { ...start, event: "report", outcome: "recorded" };

it("reads back what was written", () => {
  expect(parseJournal(formatEntry(start) + formatEntry(report), "worker-1")).toEqual([start, report]);
});

it("leaves out a line that was being written when the worker was killed", () => {
  expect(parseJournal(formatEntry(start) + formatEntry(report).slice(0, 20), "worker-1")).toEqual([start]);
  expect(parseJournal("", "worker-1")).toEqual([]);
});

it.each(["not json", "null", "7", '{"event":"start"}', '{"event":"x","worker":"w","task":"t","attempt":1}'])(
  "refuses a damaged line: %s",
  (line) => {
    expect(() => parseJournal(`${formatEntry(start)}${line}\n`, "worker-1")).toThrow("Line 2 of the journal worker-1");
  },
);
