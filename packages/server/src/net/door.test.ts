import type { ByteStream, Listener } from "@corral/io";
import { expect, test } from "vitest";
import { Door } from "./door.ts";

/** A listener at which people come when the test says so, and who is left of them. */
function doorstep(mostWaiting: number) {
  const door = new Door(mostWaiting);
  const turnedAway: number[] = [];
  const served: number[] = [];
  let onStream: (stream: ByteStream) => void = () => {};
  const listener: Listener = {
    listen: async (address, handler) => {
      onStream = handler;
      return { address, close: async () => {} };
    },
  };
  const come = (port: number) =>
    onStream({
      remote: { host: "h", port },
      destroy: () => turnedAway.push(port),
    } as Partial<ByteStream> as ByteStream);
  const opened = door.before(listener).listen({ host: "h", port: 0 }, ({ remote }) => served.push(remote.port));
  return { door, come, turnedAway, served, opened };
}

test("who comes before it opens waits, as many as may, and is let in first", async () => {
  const { door, come, turnedAway, served, opened } = doorstep(2);
  await opened;
  for (const port of [1, 2, 3]) come(port);
  expect([served, turnedAway]).toEqual([[], [1]]);
  door.open();
  come(4);
  expect([served, turnedAway]).toEqual([[2, 3, 4], [1]]);
});

test("or is turned away, when it will not", async () => {
  const { door, come, turnedAway, served, opened } = doorstep(2);
  await opened;
  for (const port of [1, 2]) come(port);
  door.turnAway();
  expect([served, turnedAway]).toEqual([[], [1, 2]]);
});
