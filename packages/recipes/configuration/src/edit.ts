/**
 * Changing what is stored: one transaction from the version that was read, which writes the new version, what the history
 * says of it, and what the history forgets. Each change happens once or not at all, whatever becomes of requests and
 * replies: see Receipts of the recipe kit.
 */
import { BadVersionError, isCoordinationError, type Transaction } from "@corral/client";
import { Receipts, sleep } from "@corral/recipe-kit";
import { InvalidConfigurationError } from "./errors.ts";
import { planHistory } from "./history.ts";
import type { Layout } from "./layout.ts";
import { limits } from "./limits.ts";
import { type Cause, encodeRecord, short } from "./records.ts";
import { makeSkeleton } from "./skeleton.ts";
import {
  type Current,
  keptVersions,
  type Made,
  outsideRecord,
  readCurrent,
  readRecord,
  readStored,
  type Settings,
} from "./store.ts";

/** A change of what is stored. */
export interface Edit {
  /** What to store instead of what is there. Called again when somebody else's change came first. */
  readonly decide: (current: Current) => Promise<Uint8Array>;
  readonly author: string;
  readonly comment: string;
  readonly cause: Cause;
  /** What else must hold, and be done. If it is refused, `perform` rejects with the TransactionError. */
  readonly along?: ((transaction: Transaction) => void) | undefined;
}

/** What a change came to. */
export interface Performed {
  readonly version: number;
  readonly data: Uint8Array;
  /** `false`: it left all as it was, at `version`. */
  readonly isNew: boolean;
}

/**
 * Makes the change; or, if `decide` leaves all as it is and nothing else is to be done, none.
 * @throws what `decide` throws; TransactionError of what `along` asks for; WriteOutcomeUnknownError: it was under way when
 * the signal aborted; the signal's reason: it has not happened
 */
export async function perform<I, T>(settings: Settings<I, T>, edit: Edit, signal: AbortSignal): Promise<Performed> {
  const { client, layout } = settings;
  let linearizable = false;
  let failures = 0;
  for (let attempt = 1; ; attempt++) {
    const current = await readCurrent(settings, { signal, linearizable });
    if (!current.exists) {
      await makeSkeleton(settings, signal);
      continue;
    }
    const data = await edit.decide(current);
    const isSame = edit.along === undefined && current.data !== null && Buffer.compare(current.data, data) === 0;
    // That there is nothing to do nobody else would check.
    if (isSame && linearizable) return { version: current.version, data, isNew: false };
    linearizable = true;
    if (isSame) continue;
    const build = await planned(settings, edit, current, data, signal);
    try {
      await Receipts.of(client, layout.receipts).commit({ what: "The change of", path: layout.root, build }, signal);
      return { version: current.version + 1, data, isNew: true };
    } catch (error) {
      const obstacle = obstacleIn(error, layout);
      if (obstacle === "another" || (obstacle === "nodes" && ++failures >= limits.attempts)) throw error;
      if (isCoordinationError(error, "NoNode")) await makeSkeleton(settings, signal);
      const fullMs = Math.min(limits.againMsMax, limits.againMs * 2 ** Math.min(attempt, 20));
      await sleep(client.clock, fullMs * (0.5 + client.random.fraction() / 2), signal);
    }
  }
}

/** `overtaken`: by somebody's change. `nodes`: those beside the configuration are not as they were read a moment ago. */
function obstacleIn(error: unknown, { root, history }: Layout): "overtaken" | "nodes" | "another" {
  if (!isCoordinationError(error) || error.path === undefined) return "another";
  if (error.path === root && error.code === "BadVersion") return "overtaken";
  const isAmongNodes = error.path === root || error.path === history || error.path.startsWith(`${history}/`);
  return isAmongNodes && (error.code === "NoNode" || error.code === "NodeExists") ? "nodes" : "another";
}

/** The transaction that makes of `current` what `data` is. */
async function planned<I, T>(
  settings: Settings<I, T>,
  edit: Edit,
  current: Current,
  data: Uint8Array,
  signal: AbortSignal,
): Promise<(transaction: Transaction) => void> {
  const { layout, keep, acl } = settings;
  const { version } = current;
  const options = acl === undefined ? {} : { acl };
  const { author, comment, cause } = edit;
  const record = { data, author: short(author), comment: short(comment), cause, atMs: undefined };
  const kept = await keptVersions(settings, signal);
  const { addsReplaced, forgotten } = planHistory({ kept, replaced: version, keep });
  // What is too large for the history can be replaced all the same.
  const isAdded = addsReplaced && (current.data?.length ?? 0) <= limits.valueBytes;
  return (transaction) => {
    transaction.set(layout.root, data, { version });
    // What something else has written becomes part of the history before it is gone.
    if (isAdded) transaction.create(layout.revision(version), encodeRecord(outsideRecord(current)), options);
    transaction.create(layout.revision(version + 1), encodeRecord(record), options);
    for (const one of forgotten) transaction.delete(layout.revision(one));
    edit.along?.(transaction);
  };
}

/** The error of a change from a version that is not there any more. */
export function otherVersion(path: string, expected: number, current: number): Error {
  return new BadVersionError({
    operation: "change",
    path,
    detail: `version ${expected} was expected, and ${current} is there`,
  });
}

/** @throws InvalidConfigurationError if it is too large */
export function checkSize(path: string, data: Uint8Array): void {
  if (data.length <= limits.valueBytes) return;
  const message = `it takes ${data.length} bytes, and ${limits.valueBytes} is the most`;
  throw new InvalidConfigurationError("What was to be stored at", path, [{ path: [], message }]);
}

/** What there is to tell of it. Nothing is read if it is new: by now the history may have forgotten it. */
export async function toMade<I, T>(
  settings: Settings<I, T>,
  { version, data, isNew }: Performed,
  { author, comment, cause }: Pick<Edit, "author" | "comment" | "cause">,
  signal: AbortSignal,
): Promise<Made<I>> {
  const stored = await readStored<I>(settings.codec, data);
  const made = { version, stored: stored.ok ? stored.value : undefined };
  if (isNew) return { ...made, author: short(author), comment: short(comment), cause };
  const record = await readRecord(settings, version, signal);
  if (record === undefined) return { ...made, author: "", comment: "", cause: { kind: "outside" } };
  return { ...made, author: record.author, comment: record.comment, cause: record.cause };
}
