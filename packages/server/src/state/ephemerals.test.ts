import fc from "fast-check";
import { expect, test } from "vitest";
import { Ephemerals } from "./ephemerals.ts";
import { NodeStore } from "./node-store.ts";

const owner = fc.bigInt({ min: 1n, max: 3n });
/** Adds a node to a session, or takes out the one that stands at such a place among all that there are. */
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ add: owner }) },
  { weight: 2, arbitrary: fc.record({ remove: fc.nat() }) },
);

test("stand in the order in which they were added, whoever else comes and goes", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const store = new NodeStore();
      const ephemerals = new Ephemerals(store);
      const model = new Map<bigint, Set<number>>();
      const all: { readonly of: bigint; readonly number: number }[] = [];
      for (const what of steps) {
        if ("add" in what) {
          const number = store.allocate("/node");
          ephemerals.add(what.add, number);
          model.set(what.add, (model.get(what.add) ?? new Set()).add(number));
          all.push({ of: what.add, number });
        } else {
          const [gone] = all.splice(what.remove % Math.max(all.length, 1), 1);
          if (gone === undefined) continue;
          ephemerals.remove(gone.of, gone.number);
          // Its number is the next one's.
          store.release(gone.number);
          model.get(gone.of)?.delete(gone.number);
          if (model.get(gone.of)?.size === 0) model.delete(gone.of);
        }
        expect(new Set(ephemerals.owners())).toEqual(new Set(model.keys()));
        for (const id of [1n, 2n, 3n]) expect([...ephemerals.of(id)]).toEqual([...(model.get(id) ?? [])]);
        expect(ephemerals.count).toBe(all.length);
      }
    }),
  );
});
