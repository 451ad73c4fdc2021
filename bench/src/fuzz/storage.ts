/**
 * What a server reads from its disk, given bytes that are nearly right: a record, or the error or the verdict made for that, and
 * nothing else. The formats are the server's own business, and no door of its package leads to them: they are taken from where
 * they were built.
 */
import { DecodeError } from "@corral/protocol";
import { type Chance, mutated, noise } from "./mutate.ts";
import { seeds } from "./seeds.ts";

/** A file as far as it is read. */
interface File {
  size(): Promise<number>;
  read(position: number, length: number): Promise<Buffer>;
}

/** What the checksums of a segment's records start from. */
interface RecordKey {
  readonly header: number;
  readonly body: number;
}

interface SegmentHeader {
  readonly firstZxid: number;
  readonly previousZxid: number;
  readonly keptBytes: number;
  readonly key: RecordKey;
}

interface Formats {
  encodeRecords(
    records: readonly { zxid: number; bytes: Uint8Array }[],
    place: { key: RecordKey; position: number; durablePosition: number; previousZxid: number },
  ): Buffer;
  decodeRecord(buffer: Buffer, at: number, offset: number, key: RecordKey): { kind: "record" | "short" | "bad" };
  encodeSegmentHeader(header: SegmentHeader): Buffer;
  decodeSegmentHeader(bytes: Buffer): { kind: "header" | "incomplete" | "bad" };
  scanRecords(
    start: { file: File; size: number; header: SegmentHeader },
    visit: (header: unknown, payload: Buffer) => void,
  ): Promise<{ end: number; lastZxid: number }>;
  judgeTail(tail: {
    file: File;
    size: number;
    offset: number;
    key: RecordKey;
    lastZxid: number;
  }): Promise<{ kind: "clean" | "torn" | "damaged" }>;
  encodeEpochFile(content: { epoch: number; lastZxid: number; newestLogZxid: number }): Buffer;
  decodeEpochFile(bytes: Buffer): object | undefined;
  encodeEntry(entry: object, wireBody?: Uint8Array): Uint8Array;
  decodeEntry(bytes: Uint8Array): object;
  snapshotChunks(state: object): Iterable<Uint8Array>;
  writeSnapshotFile(file: object, zxid: number, chunks: Iterable<Uint8Array>, chunkBytesMax: number): Promise<void>;
  readSnapshotBytes(
    bytes: Buffer,
    chunkBytesMax: number,
    onChunk: (chunk: Buffer) => void,
    othersTurn: () => Promise<void>,
  ): Promise<{ kind: "valid" | "damaged" }>;
  readonly SnapshotReader: new () => { onChunk(bytes: Uint8Array): void; finish(): object };
  readonly DataTree: { fresh(): object };
  readonly SessionTable: new () => { add(session: object): void };
}

const files = [
  "storage/record.js",
  "storage/segment.js",
  "storage/torn-tail.js",
  "storage/epoch-file.js",
  "storage/snapshot-file.js",
  "state/entry-codec.js",
  "state/snapshot.js",
  "state/snapshot-reader.js",
  "state/data-tree.js",
  "state/session-table.js",
];

async function loadFormats(): Promise<Formats> {
  const server = new URL("../../../packages/server/dist/", import.meta.url);
  const modules = await Promise.all(
    files.map((file) => import(new URL(file, server).href) as Promise<Partial<Formats>>),
  );
  return Object.assign({}, ...modules) as Formats;
}

const key: RecordKey = { header: 0x1234_5678, body: 0x9abc_def0 };

/** The largest chunk of a snapshot here. */
const chunkBytesMax = 10_000;

/** Sound bytes of each kind, and what tries bytes that are made of them. */
export class StorageFuzz {
  readonly #formats: Formats;
  readonly #entries: readonly Buffer[];
  readonly #chunks: readonly Buffer[];
  readonly #segment: Buffer;
  readonly #snapshot: Buffer;
  readonly #epoch: Buffer;

  private constructor(formats: Formats, snapshot: { readonly chunks: readonly Buffer[]; readonly file: Buffer }) {
    this.#formats = formats;
    this.#chunks = snapshot.chunks;
    this.#snapshot = snapshot.file;
    this.#entries = seeds.map(({ type, body }, i) => Buffer.from(formats.encodeEntry(entryOf(type, i + 1), body)));
    this.#epoch = formats.encodeEpochFile({ epoch: 1, lastZxid: 2 ** 32 + 9, newestLogZxid: 2 ** 32 + 1 });
    const records = this.#entries.slice(0, 8).map((bytes, i) => ({ zxid: i + 1, bytes }));
    const header = { firstZxid: 1, previousZxid: 0, keptBytes: 4_096, key };
    const head = formats.encodeSegmentHeader(header);
    const place = { key, position: head.length, durablePosition: head.length, previousZxid: 0 };
    this.#segment = Buffer.concat([head, formats.encodeRecords(records, place), Buffer.alloc(512)]);
  }

  /** Loads what is tried. */
  static async load(): Promise<StorageFuzz> {
    const formats = await loadFormats();
    const sessions = new formats.SessionTable();
    for (const id of [1n, 2n]) sessions.add({ id, password: Buffer.alloc(16, 1), timeoutMs: 5_000, attachment: 1 });
    const state = { tree: formats.DataTree.fresh(), sessions, lastZxid: 2 ** 32 + 5 };
    const chunks = [...formats.snapshotChunks(state)].map((chunk) => Buffer.from(chunk));
    const written: Buffer[] = [];
    const write = async (_at: number, bytes: Uint8Array) => void written.push(Buffer.from(bytes));
    await formats.writeSnapshotFile({ write }, state.lastZxid, chunks, chunkBytesMax);
    return new StorageFuzz(formats, { chunks, file: Buffer.concat(written) });
  }

  /** Tries one input. Rejects with what no decoder may throw, with what it was given. */
  async try(chance: Chance): Promise<void> {
    switch (chance(8)) {
      case 0:
        return this.#tryFile(this.#segment, chance, (bytes) => this.#readSegment(bytes));
      case 1:
        return this.#tryFile(this.#snapshot, chance, (bytes) => this.#readSnapshot(bytes));
      case 2:
        return this.#tryFile(this.#epoch, chance, async (bytes) => this.#formats.decodeEpochFile(bytes));
      case 3:
        return this.#trySnapshot(chance);
      default:
        return this.#tryEntry(chance);
    }
  }

  /** Never throws, whatever the bytes are. */
  async #tryFile(sound: Buffer, chance: Chance, read: (bytes: Buffer) => Promise<unknown>): Promise<void> {
    const bytes = mutated(sound, chance);
    try {
      await read(bytes);
    } catch (error) {
      throw new Error(`a file of ${bytes.toString("hex")}`, { cause: error });
    }
  }

  async #readSegment(bytes: Buffer): Promise<void> {
    const { decodeSegmentHeader, scanRecords, judgeTail } = this.#formats;
    decodeSegmentHeader(bytes.subarray(0, 64));
    const size = bytes.length;
    const file: File = {
      size: () => Promise.resolve(size),
      read: (position, length) => Promise.resolve(bytes.subarray(position, position + length)),
    };
    const header = { firstZxid: 1, previousZxid: 0, keptBytes: size, key };
    const { end, lastZxid } = await scanRecords({ file, size, header }, (_, payload) => this.#decodeEntry(payload));
    if (end < size) await judgeTail({ file, size, offset: end, key, lastZxid });
  }

  async #readSnapshot(bytes: Buffer): Promise<void> {
    const { kind } = await this.#formats.readSnapshotBytes(
      bytes,
      chunkBytesMax,
      () => {},
      () => Promise.resolve(),
    );
    if (kind === "valid" && !bytes.equals(this.#snapshot)) throw new Error("damage that was not noticed");
  }

  /** A payload that is wrong although its checksums are right: as somebody else's program writes it. */
  #tryEntry(chance: Chance): void {
    const bytes = mutated(this.#entries[chance(this.#entries.length)] ?? noise(20, chance), chance);
    try {
      this.#decodeEntry(bytes);
    } catch (error) {
      throw new Error(`an entry of ${bytes.toString("hex")}`, { cause: error });
    }
  }

  #decodeEntry(bytes: Buffer): void {
    try {
      this.#formats.decodeEntry(bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
  }

  #trySnapshot(chance: Chance): void {
    const reader = new this.#formats.SnapshotReader();
    const wrong = chance(this.#chunks.length);
    const chunks = this.#chunks.map((chunk, i) => (i === wrong ? mutated(chunk, chance) : chunk));
    try {
      for (const chunk of chunks) reader.onChunk(chunk);
      reader.finish();
    } catch (error) {
      if (error instanceof DecodeError) return;
      throw new Error(`chunks of ${chunks.map((chunk) => chunk.toString("hex")).join(" ")}`, { cause: error });
    }
  }
}

function entryOf(type: number, zxid: number): object {
  return {
    zxid,
    timeMs: 1_700_000_000_000,
    sessionId: 1n,
    attachment: 1,
    xid: zxid,
    identities: [{ scheme: "ip", id: "127.0.0.1" }],
    operation: { type },
    enforcesQuota: false,
    witness: { zxid: zxid - 1, digest: { high: 1, low: 2 } },
  };
}
