/**
 * A receipt: a node of one's own below the value, whose version moves with every change that its owner makes, in the same
 * transaction. So whoever did not get an answer can find out whether the change happened: by trying again. Pure.
 */

const prefix = "receipt-";

/**
 * A receipt that nobody has used for so long may be removed by anybody, ms. Its owner has stopped using it long before;
 * an owner that is cut off in the middle of a change for so long is told that the outcome is unknown.
 */
const receiptLifetimeMs = 60 * 60 * 1_000;

/** So long after the last change its owner removes it, ms. */
export const receiptIdleMs = 30_000;

/** A receipt is not used any more once it is so old, since its last use, ms. */
const receiptStaleMs = receiptLifetimeMs / 2;

/** Versions have 31 bits. Far before they run out another receipt is made. */
const receiptVersionMax = 2 ** 30;

/** A receipt of one's own. */
export interface Receipt {
  readonly path: string;
  /** How often it was used. */
  readonly version: number;
  /** When it was last used, on `clock.elapsedMs()`. */
  readonly usedAtMs: number;
}

/** The path of the receipt named by `guid` for the value at `path`. */
export function receiptPath(path: string, guid: string): string {
  return childPath(path, prefix + guid);
}

/** The path of a child. */
export function childPath(path: string, name: string): string {
  return `${path === "/" ? "" : path}/${name}`;
}

/** Whether a child of a value is somebody's receipt. */
export function isReceipt(name: string): boolean {
  return name.startsWith(prefix);
}

/** Whether the owner may use it once more. */
export function isUsable(receipt: Receipt, nowMs: number): boolean {
  return receipt.version < receiptVersionMax && nowMs - receipt.usedAtMs < receiptStaleMs;
}

/** Whether a receipt that was usable at `sinceMs` has certainly not been removed by others. On `clock.elapsedMs()`. */
export function isAliveSince(sinceMs: number, nowMs: number): boolean {
  return nowMs - sinceMs < receiptLifetimeMs - receiptStaleMs;
}

/** Whether anybody may remove a receipt that was last used at `mtimeMs`. Both by the server's clock. */
export function isLeftBehind(mtimeMs: number, nowMs: number): boolean {
  return nowMs - mtimeMs > receiptLifetimeMs;
}

/** A receipt used once more, in a change that began at `usedAtMs`. */
export function used(receipt: Receipt, usedAtMs: number): Receipt {
  return { ...receipt, version: receipt.version + 1, usedAtMs };
}
