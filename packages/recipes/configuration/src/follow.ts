/** A configuration as a stream, for those who only follow. */
import { isCoordinationError, Observed } from "@corral/client";
import { viewNode } from "@corral/recipe-kit";
import { Observable, type Subscriber } from "rxjs";
import type { Settings } from "./store.ts";
import { type ConfigurationView, isSameView, Reader } from "./view.ts";

/**
 * The configuration, now and after every change of it or of what is known of it. Changes that come faster than the schema
 * can check them are told as one. Completes with the client; errors only for what repeating cannot mend.
 */
export function follow<I, T>(settings: Settings<I, T>): Observed<ConfigurationView<T>> {
  const views = new Observable<ConfigurationView<T>>((subscriber) => {
    const stop = new AbortController();
    run(settings, subscriber, stop.signal).then(
      () => subscriber.complete(),
      (error: unknown) => {
        if (isCoordinationError(error, "ClientClosed")) subscriber.complete();
        // Whoever has unsubscribed hears nothing of this.
        else subscriber.error(error);
      },
    );
    return () => stop.abort();
  });
  return new Observed(views);
}

async function run<I, T>(
  settings: Settings<I, T>,
  subscriber: Subscriber<ConfigurationView<T>>,
  signal: AbortSignal,
): Promise<void> {
  const reader = new Reader(settings);
  let told: ConfigurationView<T> | undefined;
  for await (const node of new Observed(viewNode(settings.client, settings.layout.root), signal)) {
    const view = await reader.read(node, signal);
    if (told !== undefined && isSameView(told, view)) continue;
    told = view;
    subscriber.next(view);
  }
}
