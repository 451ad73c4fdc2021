/** Watchers of one view of the tree: those that the session calls name paths as the server does. */
import type { Chroot } from "./chroot.ts";
import type { Watcher } from "./watch-event.ts";

/** Each watcher of the view, as the session knows it. The same function is always the same watcher there. */
export class ViewWatchers {
  readonly #chroot: Chroot;
  readonly #known = new WeakMap<Watcher, Watcher>();

  constructor(chroot: Chroot) {
    this.#chroot = chroot;
  }

  /** What to register with the session for `watcher`. */
  toServer(watcher: Watcher): Watcher {
    if (this.#chroot.prefix === "") return watcher;
    const known = this.#known.get(watcher);
    if (known !== undefined) return known;
    const made: Watcher = (event) => watcher({ ...event, path: this.#chroot.toClient(event.path) });
    this.#known.set(watcher, made);
    return made;
  }
}
