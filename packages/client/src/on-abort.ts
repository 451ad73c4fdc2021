/**
 * Listening to a signal, however often. A program may pass one signal to thousands of calls; with a listener each, Node
 * takes that for a leak and says so. Here they share one.
 */

const listeners = new WeakMap<AbortSignal, { readonly callbacks: Set<() => void>; readonly listener: () => void }>();

/**
 * Calls `callback` once when `signal` aborts, after what was registered before it. Returns how to take it back. Nothing
 * happens for a signal that has aborted already: look first.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => {};
  let shared = listeners.get(signal);
  if (shared === undefined) {
    const callbacks = new Set<() => void>();
    const listener = (): void => {
      listeners.delete(signal);
      for (const each of callbacks) each();
    };
    shared = { callbacks, listener };
    listeners.set(signal, shared);
    signal.addEventListener("abort", listener, { once: true });
  }
  const { callbacks, listener } = shared;
  // A function of its own, so that one callback can be registered twice.
  const own = (): void => callback();
  callbacks.add(own);
  return () => {
    if (!callbacks.delete(own) || callbacks.size > 0) return;
    signal.removeEventListener("abort", listener);
    if (listeners.get(signal)?.listener === listener) listeners.delete(signal);
  };
}
