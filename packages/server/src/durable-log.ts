/** Where entries go before they are applied: the disk, or, for a server that lives in memory, nowhere. */
import type { LogRecord } from "./storage/record.ts";
import type { DirectorySizes, OpenSnapshot } from "./storage/storage.ts";

/** The log as the driver sees it. `Storage` is one. */
export interface DurableLog {
  /** Queues records; `onDurable` is told of them in order. */
  append(records: readonly LogRecord[]): void;
  /** Resolves when the epoch is durable. */
  writeEpoch(epoch: number): Promise<void>;
  /** Resolves when the snapshot is durable. Pulls the chunks at its own pace; rejects before if fewer than `roomBytes` are free. */
  writeSnapshot(zxid: number, chunks: Iterable<Uint8Array>, roomBytes: number): Promise<void>;
  /** The file of a snapshot that was written; undefined where nothing is written. */
  openSnapshot(zxid: number): Promise<OpenSnapshot | undefined>;
  /** How much lies on the disk. */
  sizes(): Promise<DirectorySizes>;
  /** Waits for what is in flight, but for a snapshot, which is given up. */
  close(): Promise<void>;
  /** Called with the zxid of the newest record that is durable, and how many bytes the log has grown by since the start. */
  onDurable: (zxid: number, logBytes: number) => void;
  /** Called once, when nothing can be made durable any more. */
  onFailure: (error: Error) => void;
}

/** Everything is as durable as the process the moment it is said. */
export class MemoryLog implements DurableLog {
  onDurable: (zxid: number, logBytes: number) => void = () => {};
  onFailure: (error: Error) => void = () => {};

  append(records: readonly LogRecord[]): void {
    const last = records.at(-1);
    if (last !== undefined) this.onDurable(last.zxid, 0);
  }

  writeEpoch(): Promise<void> {
    return Promise.resolve();
  }

  writeSnapshot(): Promise<void> {
    return Promise.resolve();
  }

  openSnapshot(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  sizes(): Promise<DirectorySizes> {
    return Promise.resolve({ logBytes: 0, snapshotBytes: 0 });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
