/**
 * One life of a durable tree without clients and sockets: writes are proposed, logged on a disk in memory, and applied
 * when they are durable, as a server does it. What comes back in the next life can then be compared node by node.
 */
import { silentLogger } from "@corral/io";
import {
  type ClientOperation,
  CreateMode,
  type MultiOperation,
  OpCode,
  openAcl,
  operations,
  type RequestOf,
  Writer,
  zxidEpoch,
} from "@corral/protocol";
import type { MemoryDisk } from "@corral/testing";
import { recover } from "../src/recover.ts";
import { Proposals } from "../src/replica/proposals.ts";
import { Turn } from "../src/replica/turn.ts";
import type { Operation } from "../src/state/operation.ts";
import { snapshotChunks } from "../src/state/snapshot.ts";
import type { StateMachine } from "../src/state/state-machine.ts";
import type { LogRecord } from "../src/storage/record.ts";
import { Storage, type StorageLimits } from "../src/storage/storage.ts";
import { directory, type LifeOptions, lifeRandom, smallLimits } from "./storage-life.ts";

/** The session that owns what is written here. */
const sessionId = 0x100n;

/** See the head of this file. */
export class TreeLife {
  readonly storage: Storage;
  readonly state: StateMachine;
  /** Called with the records before they are logged; may give others. */
  onRecords: (records: readonly LogRecord[]) => readonly LogRecord[] = (records) => records;
  /** What was appended last. */
  lastProposedZxid: number;
  readonly #turn = new Turn();
  readonly #proposals: Proposals;
  readonly #waiting: { readonly zxid: number; resolve(): void; reject(error: Error): void }[] = [];
  #failure: Error | undefined;

  private constructor(storage: Storage, state: StateMachine) {
    this.storage = storage;
    this.state = state;
    this.lastProposedZxid = state.lastZxid;
    const lastEpoch = Math.max(storage.currentEpoch, zxidEpoch(state.lastZxid));
    this.#proposals = new Proposals(this.#turn, lastEpoch, { state });
    storage.onDurable = (zxid) => this.#onDurable(zxid);
    storage.onFailure = (error) => {
      this.#failure = error;
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    };
  }

  /** Recovers; does not write yet. */
  static async open(
    disk: MemoryDisk,
    limits: Partial<StorageLimits> = smallLimits,
    { random = lifeRandom, clock }: LifeOptions = {},
  ): Promise<TreeLife> {
    const logger = silentLogger;
    const storage = await Storage.open({ disk, directory, logger, random, limits, ...(clock && { clock }) });
    try {
      return new TreeLife(storage, await recover(storage));
    } catch (error) {
      await storage.close();
      throw error;
    }
  }

  /** Begins an epoch, and a session if there is none. */
  async begin(): Promise<void> {
    const epoch = this.#proposals.epoch + 1;
    await this.storage.writeEpoch(epoch);
    this.#turn.begin({ elapsedMs: 0, wallMs: 0 });
    this.#proposals.wantEpoch(epoch);
    this.#proposals.beginEpoch(epoch);
    this.#turn.end();
    if (this.state.sessions.has(sessionId)) return;
    this.propose({ type: OpCode.createSession, request: { timeoutMs: 5_000, password: Buffer.alloc(16, 1) } });
    await this.applied();
  }

  create(path: string, data: Buffer | null = null, flags: number = CreateMode.persistent): void {
    this.#write("create", { path, data, acl: openAcl, flags });
  }

  set(path: string, data: Buffer): void {
    this.#write("setData", { path, data, version: -1 });
  }

  delete(path: string): void {
    this.#write("delete", { path, version: -1 });
  }

  multi(...parts: MultiOperation[]): void {
    this.#write("multi", parts);
  }

  /** Appends to the log. `applied` waits for it. */
  propose(operation: Operation, wire?: Uint8Array): void {
    this.#turn.begin({ elapsedMs: 0, wallMs: 1_700_000_000_000 + this.state.lastZxid });
    this.#proposals.propose({ operation, sessionId, ...(wire && { wire }) });
    for (const effect of this.#turn.end()) {
      if (effect.type !== "persist") continue;
      this.lastProposedZxid = effect.records.at(-1)?.zxid ?? this.lastProposedZxid;
      this.storage.append(this.onRecords(effect.records));
    }
  }

  /** Resolves when all that was proposed is durable and applied; rejects when the log failed. */
  applied(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) reject(this.#failure);
      else if (this.state.lastZxid >= this.lastProposedZxid) resolve();
      else this.#waiting.push({ zxid: this.lastProposedZxid, resolve, reject });
    });
  }

  /** Writes a snapshot of the state as it is. What is applied before it resolves is not in it. */
  async snapshot(chunkBytes?: number): Promise<void> {
    try {
      await this.storage.writeSnapshot(this.state.lastZxid, snapshotChunks(this.state, chunkBytes));
    } finally {
      this.state.tree.endSnapshot();
    }
  }

  #write<Name extends ClientOperation>(name: Name, request: RequestOf<Name>): void {
    const writer = new Writer(64);
    operations[name].request.write(writer, request as never);
    this.propose({ type: OpCode[name as "create"], request } as Operation, writer.take());
  }

  #onDurable(zxid: number): void {
    for (let next = this.#proposals.takeDurable(zxid); next; next = this.#proposals.takeDurable(zxid)) {
      this.state.apply(next.entry);
    }
    for (const waiter of this.#waiting.splice(0)) {
      if (waiter.zxid <= zxid) waiter.resolve();
      else this.#waiting.push(waiter);
    }
  }
}

/** As if another program had written them: for `onRecords`, while data is set to `b`, of which it makes `c`. */
export function withOtherData(records: readonly LogRecord[]): readonly LogRecord[] {
  return records.map(({ zxid, bytes }) => {
    const copy = Buffer.from(bytes);
    copy.write("c", copy.indexOf(Buffer.from("0000000162ffffffff", "hex")) + 4);
    return { zxid, bytes: copy };
  });
}
