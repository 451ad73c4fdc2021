/** Watching a proposal: looking again whenever something has moved on which it depends. */
import { Bell } from "@corral/recipe-kit";
import { merge } from "rxjs";
import { type Look, lookAt } from "./look.ts";
import type { Settings } from "./store.ts";

/**
 * A look now, and another after whatever has moved since, or when `bell` is rung; what moves while one is looked at is
 * seen with the next. Throws the signal's reason, and what a look throws.
 */
export async function* looks<I, T>(
  settings: Settings<I, T>,
  signal: AbortSignal,
  bell = new Bell(),
): AsyncGenerator<Look, never, undefined> {
  const { client, layout } = settings;
  let failure: { readonly error: unknown } | undefined;
  const watched = merge(
    client.watchTree(layout.subscribers),
    client.watchNode(layout.proposal),
    client.watchNode(layout.root),
  );
  const watching = watched.subscribe({
    next: bell.ring,
    // The client is closed, as the next look will find out.
    complete: bell.ring,
    error: (error: unknown) => {
      failure = { error };
      bell.ring();
    },
  });
  try {
    for (;;) {
      await bell.wait(signal);
      if (failure !== undefined) throw failure.error;
      yield await lookAt(settings, signal);
    }
  } finally {
    watching.unsubscribe();
  }
}
