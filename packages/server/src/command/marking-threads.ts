/** How much of the machine V8's garbage collector takes beside the server's own thread. */
import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";

/**
 * Leaves a core to the thread that answers. V8 marks what is in use on four threads of the same priority, for a tenth of a second and more
 * with a large tree: on two cores a request that needs three turns of the event loop waited for 100 ms. For a process of our own alone:
 * the flag counts for all of it. V8 looks at it whenever it marks, so that it may be set while the program runs.
 */
export function limitMarkingThreads(): void {
  setFlagsFromString(`--concurrent-marking-max-worker-num=${Math.max(1, availableParallelism() - 1)}`);
}
