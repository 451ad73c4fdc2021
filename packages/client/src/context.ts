/** What every operation of a client works with: its session, and its view of the tree. */
import { Chroot } from "./chroot.ts";
import type { ClientCore } from "./client-core.ts";
import { Requests } from "./requests.ts";
import { ViewWatchers } from "./view-watchers.ts";

/** One view of the tree, on a session that it may share with other views. */
export interface Context {
  readonly core: ClientCore;
  /** From the paths of this view to the server's. */
  readonly chroot: Chroot;
  readonly requests: Requests;
  readonly watchers: ViewWatchers;
}

/** The view of the tree below `prefix` (the server's path, or the empty string for all of it). */
export function viewOf(core: ClientCore, prefix: string): Context {
  const chroot = new Chroot(prefix);
  return {
    core,
    chroot,
    requests: new Requests(core.session, chroot, core.requestBytesMax),
    watchers: new ViewWatchers(chroot),
  };
}
