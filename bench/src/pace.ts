/**
 * How quick the machine is at this moment: figures of two moments differ by that more than by what is measured. Neighbours of
 * a virtual machine take part of its cache and of its memory, and two processors may be the halves of one.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";

const loopMs = 300;
const lineInts = 16;
const lines = (16 << 20) / (lineInts * 4);
const steps = 1 << 20;

/** One line, for people. Takes about two seconds. */
export async function describePace(): Promise<string> {
  const step = stepNs();
  const alone = loops(loopMs);
  const company = new Worker(`${loops}; require("node:worker_threads").parentPort.postMessage(0); loops(60_000);`, {
    eval: true,
  });
  await once(company, "message");
  const beside = loops(loopMs);
  await company.terminate();
  const share = Math.round((100 * beside) / alone);
  return `a step to a random place in 16 MiB: ${step.toFixed(0)} ns; a thread beside another that computes: ${share} % as fast as alone`;
}

/** How often it multiplies 100,000 numbers in `ms`. */
function loops(ms: number): number {
  const end = performance.now() + ms;
  let count = 0;
  for (let x = 1; performance.now() < end; count++)
    for (let n = 0; n < 100_000; n++) x = (Math.imul(x, 1_664_525) + 1) | 0;
  return count;
}

/** What one step takes, ns, of a walk in which each place says where the next is: once through all cache lines, in no order. */
function stepNs(): number {
  const next = new Int32Array(lines * lineInts);
  const order = Int32Array.from({ length: lines }, (_, line) => line);
  for (let last = lines - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * last);
    [order[last], order[other]] = [order[other] ?? 0, order[last] ?? 0];
  }
  for (let n = 0; n < lines; n++) next[(order[n] ?? 0) * lineInts] = (order[(n + 1) % lines] ?? 0) * lineInts;
  // The first walk is compiled on the way.
  walk(next);
  const begun = performance.now();
  const end = walk(next);
  // What it comes to has to be of use, or nothing of it would be done.
  return ((performance.now() - begun) * 1e6) / steps + (end < 0 ? 1 : 0);
}

function walk(next: Int32Array): number {
  let at = 0;
  for (let n = 0; n < steps; n++) at = next[at] ?? 0;
  return at;
}
