import fc from "fast-check";
import { expect, test } from "vitest";
import { IdBlocks } from "./id-blocks.ts";

test("each id once, in order, and none that is in no block", () => {
  const gaps = fc.array(fc.record({ gap: fc.bigInt(0n, 5n), size: fc.bigInt(1n, 7n), takes: fc.nat(10) }));
  fc.assert(
    fc.property(gaps, (plan) => {
      const blocks = new IdBlocks();
      const expected: bigint[] = [];
      const taken: bigint[] = [];
      const take = () => {
        const id = blocks.take();
        if (id !== undefined) taken.push(id);
        return id;
      };
      let end = 0n;
      for (const { gap, size, takes } of plan) {
        const block = { from: end + gap, to: end + gap + size };
        end = block.to;
        blocks.add(block);
        for (let id = block.from; id < block.to; id++) expected.push(id);
        for (let i = 0; i < takes; i++) take();
        expect(blocks.left).toBe(BigInt(expected.length - taken.length));
      }
      while (take() !== undefined) expect(blocks.left).toBe(BigInt(expected.length - taken.length));
      expect(taken).toEqual(expected);
    }),
  );
});

test("a block that is none, or does not come after the others, is refused", () => {
  const blocks = new IdBlocks();
  expect(() => blocks.add({ from: 3n, to: 3n })).toThrow(RangeError);
  blocks.add({ from: 3n, to: 9n });
  expect(() => blocks.add({ from: 8n, to: 12n })).toThrow(RangeError);
});
