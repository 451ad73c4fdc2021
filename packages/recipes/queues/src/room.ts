/** Whether there is room for more items. Pure. */

/** What was seen of a queue, and what is to be put. */
export interface RoomView {
  /** Items that it holds, those that are being worked on included. */
  readonly size: number;
  /** How many are to be put. */
  readonly adding: number;
  readonly itemsMax: number;
  /** Whether others came before and wait for room: they are served first. */
  readonly othersWait: boolean;
}

/** Whether to put now. If not, wait until there are fewer items. */
export function hasRoom({ size, adding, itemsMax, othersWait }: RoomView): boolean {
  return !othersWait && size + adding <= itemsMax;
}

/**
 * How many items may be put without looking again how many there are, having seen `size`. Several producers may each put
 * so many: the bound of a queue without `maxItems` is for its health, and has room for that.
 */
export function unseenPuts(size: number, itemsMax: number, atOnceMax: number): number {
  return Math.max(0, Math.min(atOnceMax, itemsMax - size));
}
