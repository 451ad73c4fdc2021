/**
 * From what is on the disk to the state: the newest snapshot, then every entry after it. Alone, all of them are committed.
 * What comes out is what the server had: digests on the way say so (state/witness.ts).
 */
import { DecodeError, formatZxid } from "@corral/protocol";
import { newHashSeed } from "./hash-seed.ts";
import { decodeEntry } from "./state/entry-codec.ts";
import type { Entry } from "./state/operation.ts";
import { choiceOf, type SnapshotMend } from "./state/snapshot-mend.ts";
import { SnapshotContentError, SnapshotReader } from "./state/snapshot-reader.ts";
import { StateMachine } from "./state/state-machine.ts";
import { formatDigest } from "./state/tree-digest.ts";
import { WitnessCheck } from "./state/witness.ts";
import type { LogRecord } from "./storage/record.ts";
import { differentState, unknownContent, wrongRestore, wrongSnapshot } from "./storage/refusal.ts";
import type { ReplaySink } from "./storage/replay.ts";

/** Where the state comes from. `Storage` is one. */
export interface ReplaySource {
  /** 0: there is no snapshot. */
  readonly snapshotZxid: number;
  /** The path of that snapshot. */
  readonly snapshotPath: string;
  /** Set: the snapshot is wrong, and this is what is taken of it. */
  readonly mend?: SnapshotMend | undefined;
  replay(sink: ReplaySink): Promise<unknown>;
}

/** @throws StorageError when what is on the disk cannot be understood, or is not what it was. */
export async function recover(source: ReplaySource): Promise<StateMachine> {
  const recovering = new Recovering(source);
  await source.replay(recovering);
  return recovering.finish();
}

/** What is said where `hasOtherDigests` is true. */
export const otherDigests =
  "digests that an earlier version has written could not be compared: whether this is the state that they speak of is not known";

/** Applies what is replayed. @throws StorageError as `recover` does. */
export class Recovering implements ReplaySink {
  readonly #source: Omit<ReplaySource, "replay">;
  readonly #hashSeed: number;
  readonly #reader: SnapshotReader | undefined;
  readonly #check = new WitnessCheck();
  /** Entries behind the snapshot, so far. */
  entryCount = 0;
  /** Called when the state of the snapshot is there, before the first entry is applied. */
  onSnapshotLoaded: () => void = () => {};
  #state: StateMachine | undefined;
  #wrongRestoreAfter: number | undefined;
  #hasOtherWitnesses = false;

  /** `hashSeed`: see `DataTree`. */
  constructor(source: Omit<ReplaySource, "replay">, hashSeed = newHashSeed()) {
    this.#source = source;
    this.#hashSeed = hashSeed;
    const choice = source.mend && choiceOf(source.mend);
    this.#reader = source.snapshotZxid > 0 ? new SnapshotReader(hashSeed, choice) : undefined;
  }

  /**
   * Up to where the log can be followed that could not be to its end: to before a restore of what is no state, which nothing before it
   * contradicts; otherwise to the last zxid of which the log itself says that the state there was what it is here.
   */
  get followableZxid(): number | undefined {
    return this.#wrongRestoreAfter ?? this.#check.confirmedZxid;
  }

  /** Whether there are digests of another version, which could not be compared. */
  get hasOtherDigests(): boolean {
    return this.#hasOtherWitnesses || this.#reader?.hasOtherDigest === true;
  }

  onSnapshotChunk(bytes: Buffer): void {
    const { snapshotPath } = this.#source;
    understand(snapshotPath, theSnapshot, () => this.#reader?.onChunk(bytes));
  }

  onRecord(record: LogRecord, file: string): void {
    const { zxid } = record;
    const state = this.finish();
    const entry = readEntry(record, file);
    const { witness, hasOtherWitness } = entry;
    if (hasOtherWitness) this.#hasOtherWitnesses = true;
    const digest = witness && this.#check.contradiction(witness);
    if (witness !== undefined && digest !== undefined) {
      const said = { zxid: witness.zxid, digest: formatDigest(witness.digest) };
      throw differentState({ file, zxid, witness: said, digest: formatDigest(digest) });
    }
    this.#apply(state, entry, file);
    this.entryCount += 1;
    this.#check.pass(zxid, state.digest);
  }

  #apply(state: StateMachine, entry: Entry, file: string): void {
    const before = state.lastZxid;
    try {
      state.apply(entry);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const at = formatZxid(entry.zxid);
      if (!(error instanceof SnapshotContentError)) {
        throw unknownContent(file, `the snapshot that the entry ${at} restores`, error);
      }
      this.#wrongRestoreAfter = before;
      throw wrongRestore(file, entry.zxid, error.why, error);
    }
  }

  /** The state up to here: from the first record on it begins with the snapshot. */
  finish(): StateMachine {
    this.#state ??= this.#begin();
    return this.#state;
  }

  #begin(): StateMachine {
    const { snapshotPath } = this.#source;
    const restored = understand(snapshotPath, theSnapshot, () => this.#reader?.finish());
    const state = new StateMachine(restored, this.#hashSeed);
    this.#check.pass(state.lastZxid, state.digest);
    this.onSnapshotLoaded();
    return state;
  }
}

/** The entry that a record of `file` holds. @throws StorageError when it cannot be understood. */
export function readEntry({ zxid, bytes }: LogRecord, file: string): Entry {
  const what = () => `the entry ${formatZxid(zxid)}`;
  return understand(file, what, () => {
    const entry = decodeEntry(bytes);
    if (entry.zxid !== zxid) throw new DecodeError(`an entry that calls itself ${formatZxid(entry.zxid)}`, 0);
    return entry;
  });
}

const theSnapshot = () => "the snapshot";

/** `what` is not understood, if it is not. */
function understand<T>(file: string, what: () => string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    if (error instanceof SnapshotContentError) throw wrongSnapshot(file, error.why, error);
    throw unknownContent(file, what(), error);
  }
}
