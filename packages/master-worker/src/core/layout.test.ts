import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assignmentName, isName, Layout, newTaskName, parseAssignmentName, requireName } from "./layout.ts";

describe("Layout", () => {
  test("stands at the top or below a root", () => {
    expect(new Layout().assignment("w1", "t.1")).toBe("/assign/w1/t.1");
    expect(new Layout("/jobs/nightly").statusOf("t")).toBe("/jobs/nightly/status/t");
    expect(new Layout("/jobs").skeleton).toEqual([
      "/jobs/epoch",
      "/jobs/workers",
      "/jobs/tasks",
      "/jobs/assign",
      "/jobs/status",
    ]);
  });

  test.each(["", "jobs", "/jobs/", "//", "/a//b"])("refuses the root %j", (root) => {
    expect(() => new Layout(root)).toThrow(TypeError);
  });
});

describe("names", () => {
  test("an assignment's name gives back the task and the attempt", () => {
    const task = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,40}$/);
    fc.assert(
      fc.property(task, fc.integer({ min: 1, max: 999_999_999 }), (name, attempt) => {
        expect(parseAssignmentName(assignmentName(name, attempt))).toEqual({ task: name, attempt });
      }),
    );
  });

  test.each(["t", "t.", ".1", "t.0", "t.01", "t.-1", "t.1e3", "a.b.1", "t.1.x", "t.9999999999"])(
    "%j is no assignment",
    (name) => {
      expect(parseAssignmentName(name)).toBeUndefined();
    },
  );

  test.each(["", "a.b", "a/b", "-a", "ä", "x".repeat(129)])("%j names nothing", (name) => {
    expect(isName(name)).toBe(false);
    expect(() => requireName("The worker's id", name)).toThrow(/The worker's id/);
  });

  test("task names are names, and sort by time of submission", () => {
    const earlier = newTaskName(1_700_000_000_000, new Uint8Array(10).fill(255));
    const later = newTaskName(1_700_000_000_001, new Uint8Array(10));
    expect(isName(earlier)).toBe(true);
    expect(earlier < later).toBe(true);
    expect(earlier).toBe("task-018bcfe56800ffffffffffffffffffff");
  });
});
