import { expect, test } from "vitest";
import { readBody } from "./request-body.ts";

function requestOf(chunks: readonly number[], headers: Readonly<Record<string, string>> = {}): Request {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const length of chunks) controller.enqueue(new Uint8Array(length).fill(length));
      controller.close();
    },
  });
  return new Request("http://localhost/", { method: "POST", body, headers, duplex: "half" });
}

test.each([
  ["told", { "content-length": "90" }, 90],
  ["not told", {}, 100],
] as const)("a body whose length is %s comes whole, and is in memory once", async (_what, headers, held) => {
  const bytes = await readBody(requestOf([60, 20, 10], headers), 100);
  expect(bytes).toEqual(Buffer.concat([Buffer.alloc(60, 60), Buffer.alloc(20, 20), Buffer.alloc(10, 10)]));
  expect(bytes.buffer.byteLength).toBe(held);
});

test("a body that is too long is refused; without being read, where that is told", async () => {
  const tooLong = { status: 413, message: "the snapshot has more than 100 bytes: raise the limit maxRestoreBytes" };
  expect((await readBody(requestOf([60, 40]), 100)).length).toBe(100);
  await expect(readBody(requestOf([60, 41]), 100)).rejects.toMatchObject(tooLong);
  const told = requestOf([60], { "content-length": "101" });
  await expect(readBody(told, 100)).rejects.toMatchObject(tooLong);
  expect(told.bodyUsed).toBe(false);
});

test("where there is no memory for it, that is what the answer says", async () => {
  const allocate = () => {
    throw new RangeError("Array buffer allocation failed");
  };
  await expect(readBody(requestOf([60]), 100, allocate)).rejects.toMatchObject({
    status: 507,
    message: expect.stringContaining("no memory for a body of 100 bytes"),
  });
});
