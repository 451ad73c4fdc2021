import { of, Subject } from "rxjs";
import { expect, test } from "vitest";
import { LatestIterator } from "./latest.ts";

test("a slow loop is given the latest value, and then the end", async () => {
  const source = new Subject<number>();
  const iterator = new LatestIterator(source);
  const first = iterator.next();
  source.next(1);
  source.next(2);
  source.next(3);
  expect(await first).toEqual({ done: false, value: 1 });
  expect(await iterator.next()).toEqual({ done: false, value: 3 });
  source.next(4);
  source.complete();
  expect(await iterator.next()).toEqual({ done: false, value: 4 });
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
});

test("nothing is subscribed to before the first step, and nothing after leaving", async () => {
  const source = new Subject<number>();
  const iterator = new LatestIterator(source);
  expect(source.observed).toBe(false);
  const waiting = iterator.next();
  expect(source.observed).toBe(true);
  await iterator.return();
  expect(source.observed).toBe(false);
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
  expect(source.observed).toBe(false);
});

test("an error comes after the last value, once", async () => {
  const source = new Subject<number>();
  const iterator = new LatestIterator(source);
  const first = iterator.next();
  source.next(1);
  source.next(2);
  source.error(new Error("cannot be read"));
  expect(await first).toEqual({ done: false, value: 1 });
  expect(await iterator.next()).toEqual({ done: false, value: 2 });
  await expect(iterator.next()).rejects.toThrow("cannot be read");
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
});

test("several steps may wait at once, and a source may be over when it is subscribed to", async () => {
  const iterator = new LatestIterator(of(1));
  expect(await Promise.all([iterator.next(), iterator.next()])).toEqual([
    { done: false, value: 1 },
    { done: true, value: undefined },
  ]);
});
