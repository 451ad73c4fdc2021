/**
 * The other thread of src/node/second-writer.ts, where the shared memory is described. Plain JavaScript: a thread starts from a file that Node
 * can read as it is, also where the rest is run from its sources.
 */
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";

const { words, open, jobs, room, layout, idleMs } = workerData;
const { bell, finished, count, ready, batch, chunkJobs, jobWords } = layout;
const bytes = new Uint8Array(room);

/** Takes the next chunk of the batch, if there is one. */
function takeChunk() {
  for (let seen = Atomics.load(open, 0); ; ) {
    const left = Number(BigInt.asUintN(32, seen));
    if (left === 0) return undefined;
    const found = Atomics.compareExchange(open, 0, seen, seen - 1n);
    if (found === seen) return left - 1;
    seen = found;
  }
}

function write(descriptor, start, length) {
  try {
    return writeSync(descriptor, bytes, start, length);
  } catch {
    // Nothing was taken: why, the first thread finds out when it writes the same.
    return 0;
  }
}

/** Returns whether it was done: the first thread may have given up waiting for it. */
function writeChunk(chunk) {
  const current = Atomics.load(words, batch);
  const end = Math.min(words[count], (chunk + 1) * chunkJobs);
  for (let job = chunk * chunkJobs; job < end; job++) {
    if (Atomics.load(words, batch) !== current) return false;
    const at = job * jobWords;
    jobs[at + 3] = write(jobs[at], jobs[at + 1], jobs[at + 2]);
  }
  return true;
}

Atomics.store(words, ready, 1);
for (let isNeeded = true; isNeeded; ) {
  const rung = Atomics.load(words, bell);
  for (let chunk = takeChunk(); chunk !== undefined; chunk = takeChunk()) {
    if (!writeChunk(chunk)) continue;
    Atomics.add(words, finished, 1);
    Atomics.notify(words, finished);
  }
  isNeeded = Atomics.wait(words, bell, rung, idleMs) !== "timed-out";
}
Atomics.store(words, ready, 0);
