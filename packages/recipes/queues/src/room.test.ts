import { expect, test } from "vitest";
import { hasRoom, unseenPuts } from "./room.ts";

test.each([
  ["room for one", { size: 2, adding: 1, itemsMax: 3, othersWait: false }, true],
  ["room for one, two to be put", { size: 2, adding: 2, itemsMax: 3, othersWait: false }, false],
  ["no room", { size: 3, adding: 1, itemsMax: 3, othersWait: false }, false],
  [
    "more than there may be, by somebody who does not count",
    { size: 5, adding: 1, itemsMax: 3, othersWait: false },
    false,
  ],
  ["room, but others came before", { size: 0, adding: 1, itemsMax: 3, othersWait: true }, false],
])("%s", (_, view, room) => {
  expect(hasRoom(view)).toBe(room);
});

test("near the bound, fewer puts are made unseen", () => {
  expect([0, 900, 950, 1_000, 1_200].map((size) => unseenPuts(size, 1_000, 100))).toEqual([100, 100, 50, 0, 0]);
});
