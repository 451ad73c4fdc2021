/** Signals and exit of the process behind the `ProcessEnd` port. */
import type { ProcessEnd, SignalName } from "../ports/process-end.ts";

interface Registered {
  readonly closers: Set<() => Promise<unknown>>;
  readonly listener: () => void;
}

const bySignal = new Map<SignalName, Registered>();

/** One listener a signal, however many register. */
export const nodeProcessEnd: ProcessEnd = {
  onSignal(signals, close) {
    // A function of its own, so that one can be registered twice.
    const closer = (): Promise<unknown> => close();
    for (const signal of signals) register(signal).closers.add(closer);
    return () => {
      for (const signal of signals) unregister(signal, closer);
    };
  },
  onExit(callback) {
    const listener = (): void => callback();
    process.on("exit", listener);
    return () => void process.off("exit", listener);
  },
};

function register(signal: SignalName): Registered {
  const known = bySignal.get(signal);
  if (known !== undefined) return known;
  const made: Registered = { closers: new Set(), listener: () => void end(signal, made) };
  bySignal.set(signal, made);
  process.on(signal, made.listener);
  return made;
}

function unregister(signal: SignalName, closer: () => Promise<unknown>): void {
  const registered = bySignal.get(signal);
  if (!registered?.closers.delete(closer) || registered.closers.size > 0) return;
  bySignal.delete(signal);
  process.off(signal, registered.listener);
}

/** A second signal, while things are put in order, ends the process at once. */
async function end(signal: SignalName, { closers, listener }: Registered): Promise<void> {
  process.off(signal, listener);
  bySignal.delete(signal);
  const programHandlesIt = process.listenerCount(signal) > 0;
  await Promise.allSettled([...closers].map((close) => close()));
  if (!programHandlesIt) process.kill(process.pid, signal);
}
