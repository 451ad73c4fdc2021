/** What goes into the replica and what comes out of it: plain data, performed by the driver in `server.ts`. */
import type { Address, LogFields } from "@corral/io";
import type { RestorePart } from "../state/operation.ts";
import type { LogRecord } from "../storage/record.ts";
import type { AuditRecord } from "./audit-record.ts";

/** A number that the driver gives each connection. */
export type ConnectionId = number;

/** The two clocks at the time of an input. */
export interface Now {
  /** Elapsed milliseconds; only grows. */
  readonly elapsedMs: number;
  /** Wall clock, ms since 1970. */
  readonly wallMs: number;
}

/** What can happen to a server. */
export type Input =
  /** Recovery is over: take up service. */
  | { readonly type: "start" }
  | {
      readonly type: "connected";
      readonly connection: ConnectionId;
      readonly remote: Address;
      /** The subject of the certificate that it has shown. */
      readonly subject?: string | undefined;
      /** Whether it came to the port that speaks nothing but TLS. */
      readonly isSecure?: boolean;
    }
  /** Complete frames that one read of the connection brought. */
  | {
      readonly type: "frames";
      readonly connection: ConnectionId;
      readonly frames: readonly Buffer[];
      /** Output of the connection that the operating system has not taken yet, bytes. */
      readonly unsentBytes: number;
    }
  /** These have said something that waits for its turn, or are not read and have taken answers: their sessions live. */
  | { readonly type: "heard"; readonly connections: readonly ConnectionId[] }
  /** So many bytes of its output wait after all, though it was said that all had been taken. */
  | { readonly type: "unsent"; readonly connection: ConnectionId; readonly bytes: number }
  /** All output of the connection has been taken. */
  | { readonly type: "drained"; readonly connection: ConnectionId }
  /** Its other side has ended in order: nothing more can be sent to it, and what it has asked for still comes, until it is disconnected. */
  | { readonly type: "ended"; readonly connection: ConnectionId }
  | { readonly type: "disconnected"; readonly connection: ConnectionId }
  /** Comes every `tickMs`, or later when the process was held up. */
  | { readonly type: "tick" }
  /** Comes twice a second, or later when the process was held up. */
  | { readonly type: "pulse" }
  /** Comes after the effect of that name. */
  | { readonly type: "goOn" }
  /** All persisted records up to `zxid` are on the disk, where the log has grown by so many bytes since the start. */
  | { readonly type: "durable"; readonly zxid: number; readonly logBytes: number }
  | { readonly type: "epochDurable"; readonly epoch: number }
  /** Entries are to be of this epoch or a later one; `epochDurable` comes back if they are not yet. */
  | { readonly type: "raiseEpoch"; readonly epoch: number }
  /** A snapshot is to be taken, whether or not one is due. */
  | { readonly type: "snapshotWanted" }
  /** A piece of a snapshot that is to replace the state; the pieces come in order, and have been found to be sound. */
  | { readonly type: "restorePart"; readonly part: RestorePart }
  /** The disk has nearly no room left, or has some again. */
  | { readonly type: "diskSpace"; readonly isLow: boolean }
  /** The log cannot be written any more: nothing after what was last reported durable ever will be. */
  | { readonly type: "logFailed" }
  /** Take nothing more in: what is under way is finished, then the server ends. */
  | { readonly type: "stop" }
  /** The snapshot asked for is on the disk after `tookMs`; or it failed or was given up, and there is none. */
  | { readonly type: "snapshotEnded"; readonly written?: { readonly zxid: number; readonly tookMs: number } };

/** What a server can want done. */
export type Effect =
  /** Write to the log; `durable` comes back. Nothing that depends on it leaves before. */
  | { readonly type: "persist"; readonly records: readonly LogRecord[] }
  | { readonly type: "persistEpoch"; readonly epoch: number }
  /** There is more to do than one step may take: `goOn` comes back when everybody else has had a turn. */
  | { readonly type: "goOn" }
  /** More was done in this turn than the port has counted: it counts as so many requests and bytes. */
  | { readonly type: "spend"; readonly requests: number; readonly bytes: number }
  /** From now on clients can be served; comes once. */
  | { readonly type: "serving" }
  | { readonly type: "send"; readonly connection: ConnectionId; readonly bytes: Buffer }
  /**
   * End the connection, after what was sent unless `isAbrupt`: then there is no room for what it has not taken. `isMutual`: the client
   * has asked for it, and says nothing more.
   */
  | {
      readonly type: "close";
      readonly connection: ConnectionId;
      readonly isMutual: boolean;
      readonly isAbrupt: boolean;
    }
  | { readonly type: "pauseReading"; readonly connection: ConnectionId; readonly paused: boolean }
  /** Write the chunks to a snapshot file, pulling them at leisure; `snapshotEnded` comes back. */
  | { readonly type: "snapshot"; readonly zxid: number; readonly chunks: Iterable<Uint8Array> }
  /** A line for the audit log, where there is one. */
  | { readonly type: "audit"; readonly record: AuditRecord }
  | {
      readonly type: "log";
      readonly level: "debug" | "info" | "warn" | "error";
      readonly fields: LogFields;
      readonly message: string;
    };
