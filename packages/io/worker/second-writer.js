/**
 * The other thread of src/node/second-thread.ts, where the shared memory is described. Plain JavaScript: a thread starts from a file that Node
 * can read as it is, also where the rest is run from its sources.
 */
import { writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

const { words, open, jobs, room, slots, slotRoom, layout } = workerData;
const { bell, ready, ending, failed, finished, count, batch, chunkJobs, jobWords } = layout;
const { published, written, shorts, settled, slots: slotCount, slotBytes, slotWords } = layout;
const roomBytes = new Uint8Array(room);
const slotRoomBytes = new Uint8Array(slotRoom);

function write(descriptor, bytes, start, length) {
  try {
    return writeSync(descriptor, bytes, start, length);
  } catch {
    // Nothing was taken: why, the first thread finds out when it writes the same.
    return 0;
  }
}

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

/** Returns whether it was done: the first thread may have given up waiting for it. */
function writeChunk(chunk) {
  const current = Atomics.load(words, batch);
  const end = Math.min(words[count], (chunk + 1) * chunkJobs);
  for (let job = chunk * chunkJobs; job < end; job++) {
    if (Atomics.load(words, batch) !== current) return false;
    const at = job * jobWords;
    jobs[at + 3] = write(jobs[at], roomBytes, jobs[at + 1], jobs[at + 2]);
  }
  return true;
}

function writeBatch() {
  for (let chunk = takeChunk(); chunk !== undefined; chunk = takeChunk()) {
    if (!writeChunk(chunk)) continue;
    Atomics.add(words, finished, 1);
    Atomics.notify(words, finished);
  }
}

/** Descriptors of sockets that did not take a write whole. */
const leftAlone = new Set();
let done = Atomics.load(words, written);

function writeQueued() {
  for (; done !== Atomics.load(words, published); done = (done + 1) | 0) {
    if (Atomics.load(words, ending) === 2) return;
    const slot = done & (slotCount - 1);
    const descriptor = slots[slot * slotWords];
    const length = slots[slot * slotWords + 1];
    if (leftAlone.size > 0 && Atomics.load(words, settled) === Atomics.load(words, shorts)) leftAlone.clear();
    const taken = leftAlone.has(descriptor) ? 0 : write(descriptor, slotRoomBytes, slot * slotBytes, length);
    slots[slot * slotWords + 2] = taken;
    if (taken < length) {
      leftAlone.add(descriptor);
      Atomics.add(words, shorts, 1);
      parentPort.postMessage(undefined);
    }
    Atomics.store(words, written, (done + 1) | 0);
    Atomics.notify(words, written);
  }
}

function work() {
  for (;;) {
    const rung = Atomics.load(words, bell);
    writeQueued();
    writeBatch();
    if (Atomics.load(words, ending) > 0) return;
    Atomics.wait(words, bell, rung);
  }
}

Atomics.store(words, ready, 1);
try {
  work();
} catch (error) {
  // The first thread may be waiting, and hears of the error only when it does not wait any more.
  Atomics.store(words, failed, 1);
  for (const word of [finished, written]) Atomics.notify(words, word);
  throw error;
}
