import { expect, it } from "vitest";
import { ReadAhead } from "./read-ahead.ts";

const content = Buffer.from(Uint8Array.from({ length: 1_700_001 }, (_, at) => (at * 31) ^ (at >>> 7)));

function fileOf(bytes: Buffer, failsAt = Number.POSITIVE_INFINITY) {
  const reads: [position: number, length: number][] = [];
  const read = (position: number, length: number): Promise<Buffer> => {
    reads.push([position, length]);
    if (position + length > failsAt) return Promise.reject(new Error("EIO"));
    return Promise.resolve(Buffer.from(bytes.subarray(position, position + length)));
  };
  return { read, reads };
}

it.each([100, 1_000, 65_544, 262_144, 524_288, 700_000, 1_300_000])(
  "gives the bytes of a file in pieces of %i",
  async (step) => {
    const file = fileOf(content);
    const ahead = new ReadAhead(file, content.length);
    let position = 0;
    while (position < content.length) {
      // A look at the first of them, then all of them, as a head is read before what it is the head of.
      const head = await ahead.read(position, Math.min(step, 8));
      const piece = await ahead.read(position, step);
      expect(piece.equals(content.subarray(position, position + step))).toBe(true);
      expect(head.equals(piece.subarray(0, 8))).toBe(true);
      position += step;
    }
    expect((await ahead.read(content.length, 10)).length).toBe(0);
    await ahead.end();
    // Each byte once.
    expect(file.reads.reduce((sum, [, length]) => sum + length, 0)).toBe(content.length);
  },
);

it("gives what is at hand, and of two steps what is asked for, from wherever it begins", async () => {
  const ahead = new ReadAhead(fileOf(content), content.length, 64);
  let position = 64;
  while (position < content.length) {
    const least = Math.min(10_000, content.length - position);
    const bytes = await ahead.from(position, least);
    expect(bytes.length).toBeGreaterThanOrEqual(least);
    expect(bytes.equals(content.subarray(position, position + bytes.length))).toBe(true);
    // Not all of it: the next is asked for from the middle of what was given.
    position += Math.max(1, bytes.length - 3_000);
  }
  await ahead.end();
});

it("says that the file cannot be read when it comes to that place, not before", async () => {
  const ahead = new ReadAhead(fileOf(content, 1_000_000), content.length);
  expect((await ahead.read(0, 500_000)).length).toBe(500_000);
  await expect(ahead.read(500_000, 500_000)).rejects.toThrow("EIO");
  await ahead.end();
});

it("gives what there is when the file has become shorter", async () => {
  const ahead = new ReadAhead(fileOf(content.subarray(0, 300_000)), content.length);
  expect((await ahead.read(0, 400_000)).length).toBe(300_000);
});
