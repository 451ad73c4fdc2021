import { expect, test } from "vitest";
import { askedFor, marksOf, readingNow } from "./marks.ts";

test.each([
  [null, { identity: "", isAskedFor: false, readsNow: false }],
  ["", { identity: "", isAskedFor: false, readsNow: false }],
  ["host 1", { identity: "host 1", isAskedFor: false, readsNow: false }],
  ["__REVOKE__", { identity: "", isAskedFor: true, readsNow: false }],
  ["__REVOKE__ not", { identity: "__REVOKE__ not", isAskedFor: false, readsNow: false }],
  ["__READS_NOW__", { identity: "", isAskedFor: false, readsNow: true }],
  ["__READS_NOW__host 1", { identity: "host 1", isAskedFor: false, readsNow: true }],
  ["__READS_NOW____REVOKE__", { identity: "", isAskedFor: true, readsNow: true }],
])("%j", (text, marks) => {
  const data = text === null ? null : Buffer.from(text);
  expect(marksOf(data)).toEqual(marks);
  expect(marksOf(Buffer.from(askedFor(data)))).toEqual({ identity: "", isAskedFor: true, readsNow: marks.readsNow });
  expect(marksOf(Buffer.from(readingNow(data)))).toEqual({ ...marks, readsNow: true });
});
