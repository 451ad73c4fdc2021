import { describe, expect, it } from "vitest";
import { GroupSyncFile } from "./group-sync-file.ts";
import type { DiskFile } from "./ports/disk.ts";

/** The same, but it can write through. */
function writingThrough(file: ManualFile): ManualFile {
  return Object.assign(file, {
    writeThrough: async (position: number, bytes: Uint8Array) => {
      await file.write(position, bytes);
      await file.sync();
      file.calls.push(`through ${position}+${bytes.length}`);
    },
  });
}

/** A file whose syncs wait until the test lets them through. */
class ManualFile implements DiskFile {
  readonly calls: string[] = [];
  bytes = Buffer.alloc(0);
  writeError: Error | undefined;
  /** By position. */
  readonly writeErrors = new Map<number, Error>();
  readonly #syncs: { resolve: () => void; reject: (error: Error) => void }[] = [];

  async size(): Promise<number> {
    return this.bytes.length;
  }
  async read(position: number, length: number): Promise<Buffer> {
    return this.bytes.subarray(position, position + length);
  }
  async write(position: number, bytes: Uint8Array): Promise<void> {
    this.calls.push(`write ${position}+${bytes.length}`);
    const error = this.writeError ?? this.writeErrors.get(position);
    if (error) throw error;
    const grown = Buffer.alloc(Math.max(this.bytes.length, position + bytes.length));
    this.bytes.copy(grown);
    grown.set(bytes, position);
    this.bytes = grown;
  }
  async truncate(): Promise<void> {}
  sync(): Promise<void> {
    this.calls.push("sync");
    return new Promise((resolve, reject) => this.#syncs.push({ resolve, reject }));
  }
  async close(): Promise<void> {}

  async nextSync(): Promise<{ resolve: () => void; reject: (error: Error) => void }> {
    for (let turns = 0; this.#syncs.length === 0; turns += 1) {
      if (turns === 1_000) throw new Error("nobody syncs");
      await Promise.resolve();
    }
    return this.#syncs.shift()!;
  }
}

/** Whatever can go on without a disk has gone on. */
function allTurns(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface OpenOptions {
  preallocateBytes?: number;
  batchBytes?: number;
  position?: number;
  allocatedBytes?: number;
  overlapItems?: number;
  overlapFromBytes?: number;
  fullBytes?: number;
  gather?: (start: () => void) => void;
}

function open(file: ManualFile, options: OpenOptions = {}) {
  const durable: string[][] = [];
  const failures: Error[] = [];
  const places: string[] = [];
  const rooms: ArrayBufferLike[] = [];
  const group = new GroupSyncFile<string>({
    file,
    position: options.position ?? 0,
    allocatedBytes: options.allocatedBytes ?? options.position ?? 0,
    overlapItems: options.overlapItems ?? 0,
    preallocateBytes: options.preallocateBytes ?? 0,
    ...(options.overlapFromBytes !== undefined && { overlapFromBytes: options.overlapFromBytes }),
    ...(options.fullBytes !== undefined && { fullBytes: options.fullBytes }),
    batchBytes: options.batchBytes ?? 1_000,
    gather: options.gather,
    sizeOf: (item) => item.length,
    encode: (batch, { position, durablePosition }, room) => {
      places.push(`${position} after ${durablePosition}`);
      const text = batch.join("");
      const bytes = room(text.length);
      bytes.write(text);
      rooms.push(bytes.buffer);
      return bytes;
    },
    onDurable: (batch) => durable.push([...batch]),
    onFailure: (error) => failures.push(error),
  });
  return { group, durable, failures, places, rooms };
}

describe("GroupSyncFile", () => {
  it("starts a batch when it is told that what belongs into it has come, and waits for that before it is idle", async () => {
    const file = new ManualFile();
    const starts: (() => void)[] = [];
    const { group, durable } = open(file, { gather: (start) => starts.push(start) });
    group.append(["a"]);
    await allTurns();
    group.append(["b"]);
    let isDrained = false;
    const drained = group.drained().then(() => {
      isDrained = true;
    });
    await allTurns();
    expect({ starts: starts.length, isDrained, calls: file.calls }).toEqual({ starts: 1, isDrained: false, calls: [] });
    starts[0]?.();
    group.append(["c"]);
    expect(starts).toHaveLength(2);
    (await file.nextSync()).resolve();
    // What was queued when the batch landed goes at once, and what comes to start it later finds nothing to do.
    (await file.nextSync()).resolve();
    await drained;
    starts[1]?.();
    await group.drained();
    expect(durable).toEqual([["a", "b"], ["c"]]);
  });

  it("gathers what comes while a sync is in flight into one batch, and acknowledges in order", async () => {
    const file = new ManualFile();
    const { group, durable, places } = open(file, { position: 64 });
    group.append(["a"]);
    group.append(["b"]);
    const first = await file.nextSync();
    for (const item of ["c", "d", "e"]) group.append([item]);
    expect(durable).toEqual([]);
    first.resolve();
    const second = await file.nextSync();
    expect(durable).toEqual([["a", "b"]]);
    second.resolve();
    await group.drained();
    expect(durable).toEqual([
      ["a", "b"],
      ["c", "d", "e"],
    ]);
    expect(file.calls).toEqual(["write 64+2", "sync", "write 66+3", "sync"]);
    expect(places).toEqual(["64 after 64", "66 after 66"]);
    expect(file.bytes.subarray(64).toString()).toBe("abcde");
  });

  it("splits what is too much for one batch, and lets a large item go alone", async () => {
    const file = new ManualFile();
    const { group, durable } = open(file, { batchBytes: 4 });
    group.append(["aa", "bb", "c", "dddddd", "e"]);
    for (let count = 0; count < 4; count += 1) (await file.nextSync()).resolve();
    await group.drained();
    expect(durable).toEqual([["aa", "bb"], ["c"], ["dddddd"], ["e"]]);
  });

  it("writes zeros ahead in steps, in the same sync", async () => {
    const file = new ManualFile();
    const { group } = open(file, { preallocateBytes: 16 });
    for (const item of ["aaaaaaaaaa", "bbbb", "cccc"]) {
      group.append([item]);
      (await file.nextSync()).resolve();
      await group.drained();
    }
    expect(file.calls).toEqual([
      "write 0+10",
      "write 10+6",
      "sync",
      "write 10+4",
      "sync",
      "write 14+4",
      "write 18+14",
      "sync",
    ]);
    expect(file.bytes.toString("latin1")).toBe(`aaaaaaaaaabbbbcccc${"\0".repeat(14)}`);
  });

  it.each(["sync", "write"])("acknowledges nothing after a failed %s, and tells it once", async (what) => {
    const file = new ManualFile();
    const { group, durable, failures } = open(file);
    const error = Object.assign(new Error("no space left"), { code: "ENOSPC" });
    group.append(["a"]);
    const first = await file.nextSync();
    group.append(["b"]);
    if (what === "write") {
      file.writeError = error;
      first.resolve();
    } else {
      first.reject(error);
    }
    await group.drained();
    group.append(["c"]);
    file.writeError = undefined;
    await group.drained();
    expect(group.failed).toBe(true);
    expect(failures).toEqual([error]);
    expect(durable).toEqual(what === "write" ? [["a"]] : []);
    expect(file.calls.at(-1)).toBe(what === "write" ? "write 1+1" : "sync");
  });

  it("writes through where the file can and space is there already, and tells of nothing before it is done", async () => {
    const file = writingThrough(new ManualFile());
    const { group, durable, failures } = open(file, { preallocateBytes: 100 });
    group.append(["grows"]);
    (await file.nextSync()).resolve();
    await group.drained();
    file.calls.length = 0;
    group.append(["one"]);
    const first = await file.nextSync();
    group.append(["two", "three"]);
    expect(durable).toEqual([["grows"]]);
    first.resolve();
    const second = await file.nextSync();
    expect(durable).toEqual([["grows"], ["one"]]);
    expect(file.calls).toEqual(["write 5+3", "sync", "through 5+3", "write 8+8", "sync"]);
    second.reject(new Error("EIO"));
    await group.drained();
    expect(durable).toEqual([["grows"], ["one"]]);
    expect(failures.map(({ message }) => message)).toEqual(["EIO"]);
    group.append(["four"]);
    await group.drained();
    expect(durable).toHaveLength(2);
  });

  describe("with two batches under way", () => {
    const options = { position: 64, allocatedBytes: 20_000, overlapItems: 2 };

    it("starts the second at a block of its own, acknowledges in order, and goes on behind it", async () => {
      const file = writingThrough(new ManualFile());
      const { group, durable, places } = open(file, options);
      group.append(["first"]);
      const first = await file.nextSync();
      group.append(["second"]);
      const second = await file.nextSync();
      group.append(["third"]);
      second.resolve();
      await turns();
      expect(durable).toEqual([]);
      first.resolve();
      (await file.nextSync()).resolve();
      await group.drained();
      expect(durable).toEqual([["first"], ["second"], ["third"]]);
      expect(places).toEqual(["64 after 64", "4096 after 64", "4102 after 4102"]);
    });

    it("uses the room of a batch again when it is on the disk, not before", async () => {
      const file = writingThrough(new ManualFile());
      const { group, rooms } = open(file, options);
      group.append(["first"]);
      const first = await file.nextSync();
      group.append(["second"]);
      const second = await file.nextSync();
      expect(rooms[1]).not.toBe(rooms[0]);
      group.append(["third"]);
      first.resolve();
      const third = await file.nextSync();
      expect(rooms[2]).toBe(rooms[0]);
      second.resolve();
      third.resolve();
      await group.drained();
    });

    it("tells of a place that is known to be durable as soon as it is", async () => {
      const file = writingThrough(new ManualFile());
      const { group, durable, places } = open(file, options);
      group.append(["first"]);
      const first = await file.nextSync();
      group.append(["second"]);
      const second = await file.nextSync();
      first.resolve();
      await turns();
      expect(durable).toEqual([["first"]]);
      group.append(["third"]);
      (await file.nextSync()).resolve();
      second.resolve();
      await group.drained();
      expect(durable).toEqual([["first"], ["second"], ["third"]]);
      expect(places).toEqual(["64 after 64", "4096 after 64", "8192 after 69"]);
    });

    it("starts a large one as well, as soon as it is large", async () => {
      const file = writingThrough(new ManualFile());
      const { group, durable, places } = open(file, { ...options, overlapFromBytes: 30 });
      group.append(["first"]);
      const first = await file.nextSync();
      group.append(["more", "than", "two"]);
      await turns();
      expect(places).toHaveLength(1);
      group.append(["and with that it is thirty"]);
      const second = await file.nextSync();
      group.append(["third"]);
      first.resolve();
      second.resolve();
      (await file.nextSync()).resolve();
      await group.drained();
      expect(durable).toEqual([["first"], ["more", "than", "two", "and with that it is thirty"], ["third"]]);
      expect(places).toEqual(["64 after 64", "4096 after 64", "8192 after 69"]);
    });

    it.each([
      { what: "too many wait, and too few", append: ["x", "y", "z"], file: writingThrough(new ManualFile()) },
      { what: "the file has no room", append: ["x"], allocatedBytes: 4_096, file: writingThrough(new ManualFile()) },
      { what: "the file cannot write through", append: ["x"], file: new ManualFile() },
    ])("waits with the second while $what", async ({ append, file, ...more }) => {
      const { group, places } = open(file, { ...options, ...more });
      group.append(["first"]);
      const first = await file.nextSync();
      group.append(append);
      await turns();
      expect(places).toHaveLength(1);
      first.resolve();
      (await file.nextSync()).resolve();
      await group.drained();
      expect(places).toEqual(["64 after 64", "69 after 69"]);
    });

    it.each(["first", "second"])(
      "acknowledges neither when the %s fails, and is drained when both are done",
      async (which) => {
        const file = writingThrough(new ManualFile());
        const { group, durable, failures } = open(file, options);
        group.append(["first"]);
        const first = await file.nextSync();
        group.append(["second"]);
        const second = await file.nextSync();
        const [failing, other] = which === "first" ? [first, second] : [second, first];
        failing.reject(new Error("EIO"));
        await turns();
        expect(failures.map(({ message }) => message)).toEqual(["EIO"]);
        let isDrained = false;
        const drained = group.drained().then(() => {
          isDrained = true;
        });
        await turns();
        expect(isDrained).toBe(false);
        other.resolve();
        await drained;
        expect(durable).toEqual([]);
      },
    );
  });
});

describe("GroupSyncFile, growing ahead of need", () => {
  // Two blocks are there, the first of which is behind us: what comes leaves less than half a step.
  const options = { position: 5_000, allocatedBytes: 8_192, preallocateBytes: 4_096 };

  it("makes room while batches go into what there is, and uses it when it is durable", async () => {
    const file = writingThrough(new ManualFile());
    const { group, durable } = open(file, options);
    group.append(["a".repeat(2_000)]);
    const first = await file.nextSync();
    const growth = await file.nextSync();
    first.resolve();
    await turns();
    group.append(["b"]);
    (await file.nextSync()).resolve();
    await turns();
    expect(durable).toHaveLength(2);
    // No room for this one, until there is.
    group.append(["c".repeat(2_000)]);
    await turns();
    expect(file.calls.at(-1)).toBe("through 7000+1");
    growth.resolve();
    (await file.nextSync()).resolve();
    await turns();
    expect(durable).toHaveLength(3);
    expect(file.calls).toEqual([
      "write 5000+2000",
      "write 8192+4096",
      "sync",
      "sync",
      "through 5000+2000",
      "write 7000+1",
      "sync",
      "through 7000+1",
      "write 7001+2000",
      "sync",
      "through 7001+2000",
    ]);
    expect(file.bytes.subarray(9_001).equals(Buffer.alloc(12_288 - 9_001))).toBe(true);
  });

  it("goes on by as much as is needed when a batch is larger than a step", async () => {
    const file = writingThrough(new ManualFile());
    const { group, durable } = open(file, { ...options, batchBytes: 100_000 });
    group.append(["a".repeat(2_000)]);
    (await file.nextSync()).resolve();
    const growth = await file.nextSync();
    group.append(["b".repeat(9_000)]);
    await turns();
    expect(durable).toHaveLength(1);
    growth.resolve();
    (await file.nextSync()).resolve();
    (await file.nextSync()).resolve();
    await group.drained();
    expect(durable).toHaveLength(2);
    // And a step ahead again.
    expect(file.calls.slice(-5)).toEqual(["write 7000+9000", "write 16000+384", "sync", "write 16384+4096", "sync"]);
  });

  it("uses up what there is when the disk is full, and goes on when it is not full any more", async () => {
    const file = writingThrough(new ManualFile());
    const { group, durable, failures } = open(file, options);
    file.writeErrors.set(8_192, Object.assign(new Error("no space left"), { code: "ENOSPC" }));
    group.append(["a".repeat(2_000)]);
    (await file.nextSync()).resolve();
    await group.drained();
    group.append(["b".repeat(1_000)]);
    (await file.nextSync()).resolve();
    await group.drained();
    expect([durable.length, failures]).toEqual([2, []]);
    file.writeErrors.clear();
    group.append(["c".repeat(1_000)]);
    (await file.nextSync()).resolve();
    await group.drained();
    expect(durable).toHaveLength(3);
    expect(file.calls.slice(-3)).toEqual(["write 8000+1000", "write 9000+3288", "sync"]);
  });

  it("acknowledges nothing after a step has failed, and is drained when all is done", async () => {
    const file = writingThrough(new ManualFile());
    const { group, durable, failures } = open(file, options);
    group.append(["a".repeat(2_000)]);
    const first = await file.nextSync();
    const growth = await file.nextSync();
    growth.reject(new Error("ENOSPC"));
    await turns();
    expect(failures.map(({ message }) => message)).toEqual(["ENOSPC"]);
    let isDrained = false;
    const drained = group.drained().then(() => {
      isDrained = true;
    });
    await turns();
    expect(isDrained).toBe(false);
    first.resolve();
    await drained;
    expect(durable).toEqual([]);
  });

  it("is not drained before a step is done", async () => {
    const file = writingThrough(new ManualFile());
    const { group, durable } = open(file, options);
    group.append(["a".repeat(2_000)]);
    (await file.nextSync()).resolve();
    const growth = await file.nextSync();
    let isDrained = false;
    const drained = group.drained().then(() => {
      isDrained = true;
    });
    await turns();
    expect([durable.length, isDrained]).toEqual([1, false]);
    growth.resolve();
    await drained;
  });

  it.each([
    { what: "there is room for half a step", position: 4_096, append: "a" },
    {
      what: "the file may write the block of a batch as it is synced",
      position: 4_000,
      allocatedBytes: 4_096,
      append: "a",
    },
    { what: "the file is full", fullBytes: 8_192 },
    { what: "what is there ends within a block", allocatedBytes: 8_000 },
    { what: "the file cannot write through", file: new ManualFile() },
  ])(
    "makes no room while $what",
    async ({ append = "a".repeat(2_000), file = writingThrough(new ManualFile()), ...more }) => {
      const { group } = open(file, { ...options, ...more });
      group.append([append]);
      (await file.nextSync()).resolve();
      await group.drained();
      expect(file.calls.filter((call) => call.startsWith("write"))).toHaveLength(1);
    },
  );
});

/** Whatever can go on by itself has gone on. */
async function turns(): Promise<void> {
  for (let count = 0; count < 100; count += 1) await Promise.resolve();
}
