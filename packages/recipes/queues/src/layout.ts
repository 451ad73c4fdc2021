/**
 * Where a queue stands. `entries` and `taken` are where kazoo's LockingQueue has them, and what Curator's queues take as
 * queuePath and lockPath; the rest is ours alone.
 *
 *   <path>/entries/<item>      persistent sequential, data = the item; its version counts the deliveries. See item-name.ts
 *   <path>/taken/<item>        ephemeral of who works on it; made in one transaction with the item's next version
 *   <path>/dead/<item>.<czxid> what was given up: how it came to that; below it `item`, the bytes
 *   <path>/takers, /putters    the lines of those who wait for an item, and for room
 *   <path>/receipts            how a put whose reply was lost is not made twice
 *   <path>/clock               written to in order to learn the server's time; only where there are delays
 */
import { recipePath } from "@corral/recipe-kit";

/** The paths of one queue. */
export class Layout {
  readonly path: string;
  readonly entries: string;
  readonly taken: string;
  readonly dead: string;
  readonly takers: string;
  readonly putters: string;
  readonly receipts: string;
  readonly clock: string;

  /** @throws TypeError for a path that is none. */
  constructor(path: string) {
    this.path = recipePath("A queue", path);
    const base = path === "/" ? "" : path;
    this.entries = `${base}/entries`;
    this.taken = `${base}/taken`;
    this.dead = `${base}/dead`;
    this.takers = `${base}/takers`;
    this.putters = `${base}/putters`;
    this.receipts = `${base}/receipts`;
    this.clock = `${base}/clock`;
  }

  item(name: string): string {
    return `${this.entries}/${name}`;
  }

  claim(name: string): string {
    return `${this.taken}/${name}`;
  }

  /** `name` as `deadName` gives it. */
  deadLetter(name: string): string {
    return `${this.dead}/${name}`;
  }

  deadItem(name: string): string {
    return `${this.dead}/${name}/item`;
  }
}

/** What a dead letter is called: items' names come again when a queue was deleted and made anew, this one does not. */
export function deadName(itemName: string, czxid: bigint): string {
  return `${itemName}.${czxid.toString(16)}`;
}
