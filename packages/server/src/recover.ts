/** From what is on the disk to the state: the newest snapshot, then every entry after it. Alone, all of them are committed. */

import { decodeEntry } from "./state/entry-codec.ts";
import { SnapshotReader } from "./state/snapshot.ts";
import { StateMachine } from "./state/state-machine.ts";
import type { Storage } from "./storage/storage.ts";

/** @throws StorageError or DecodeError when what is on the disk cannot be understood; nothing is changed then. */
export async function recover(storage: Storage): Promise<StateMachine> {
  const reader = storage.snapshotZxid > 0 ? new SnapshotReader() : undefined;
  let state: StateMachine | undefined;
  await storage.replay({
    onSnapshotChunk: (bytes) => reader?.onChunk(bytes),
    onRecord: ({ bytes }) => {
      state ??= new StateMachine(reader?.finish());
      state.apply(decodeEntry(bytes));
    },
  });
  return state ?? new StateMachine(reader?.finish());
}
