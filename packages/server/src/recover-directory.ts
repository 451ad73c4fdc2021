/** How a server comes by its state and its log: from its data directory, or, where there is none, from nothing. */
import type { Clock, Disk, Logger, Random } from "@corral/io";
import { formatZxid, zxidEpoch } from "@corral/protocol";
import { type DurableLog, MemoryLog } from "./durable-log.ts";
import { newHashSeed } from "./hash-seed.ts";
import { otherDigests, Recovering } from "./recover.ts";
import type { ReplicaOptions } from "./replica.ts";
import { StateMachine } from "./state/state-machine.ts";
import { patientDisk } from "./storage/patient-disk.ts";
import { Storage } from "./storage/storage.ts";
import { timedDisk } from "./storage/timed-disk.ts";

/** What it took to come by the state. */
export interface StartupCost {
  /** From when the directory was opened, ms; of it the snapshot's and the log's parts. What else there is, is checking the log's files. */
  readonly tookMs: number;
  readonly snapshotMs: number;
  readonly logMs: number;
  /** Entries of the log that were applied. */
  readonly entries: number;
}

/** What a replica starts with. */
export interface RecoveredDirectory extends Pick<ReplicaOptions, "state" | "lastEpoch" | "sinceSnapshot"> {
  readonly log: DurableLog;
  /** Undefined in memory. */
  readonly startup?: StartupCost;
}

/** What is needed, and who is told. */
export interface RecoverDirectoryOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Random;
  /** A sync of the log has taken so long. */
  readonly onSync: (tookMs: number) => void;
  /** From now on it must be closed, whatever becomes of the rest. */
  readonly onOpened: (log: DurableLog) => void;
}

/** @throws StorageError when what is there cannot be understood, or is not what it was. */
export async function recoverDirectory(
  directory: string | undefined,
  { disk, clock, logger, random, onSync, onOpened }: RecoverDirectoryOptions,
): Promise<RecoveredDirectory> {
  const hashSeed = newHashSeed(random);
  if (directory === undefined) {
    return { state: new StateMachine(undefined, hashSeed), lastEpoch: 0, log: new MemoryLog() };
  }
  const openedMs = clock.elapsedMs();
  const timed = timedDisk(patientDisk({ disk, clock, logger }), clock, onSync);
  const storage = await Storage.open({ disk: timed, directory, logger, random, clock });
  onOpened(storage);
  const recovering = new Recovering(storage, hashSeed);
  const replayedMs = clock.elapsedMs();
  let loadedMs = replayedMs;
  recovering.onSnapshotLoaded = () => {
    loadedMs = clock.elapsedMs();
  };
  await storage.replay(recovering);
  const state = recovering.finish();
  const doneMs = clock.elapsedMs();
  const startup = {
    tookMs: doneMs - openedMs,
    snapshotMs: loadedMs - replayedMs,
    logMs: doneMs - loadedMs,
    entries: recovering.entryCount,
  };
  const { lastZxid, sessions } = state;
  logger.info(
    { dataDir: directory, zxid: formatZxid(lastZxid), sessions: sessions.size, ...rounded(startup) },
    "recovered",
  );
  if (recovering.hasOtherDigests) logger.warn({ dataDir: directory }, otherDigests);
  const lastEpoch = Math.max(storage.currentEpoch, zxidEpoch(lastZxid));
  const sinceSnapshot = { entries: recovering.entryCount, bytes: storage.replayedLogBytes };
  return { state, lastEpoch, sinceSnapshot, log: storage, startup };
}

/** As it is logged. */
function rounded({ tookMs, entries }: StartupCost): { readonly tookMs: number; readonly entries: number } {
  return { tookMs: Math.round(tookMs), entries };
}
