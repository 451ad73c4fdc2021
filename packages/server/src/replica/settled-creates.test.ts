import { assert, CreateMode, type MultiOperation, OpCode, openAcl, operations, Reader, Writer } from "@corral/protocol";
import { expect, test } from "vitest";
import { decodeClientWrite } from "../state/entry-codec.ts";
import type { Operation } from "../state/operation.ts";
import { settledCreates } from "./settled-creates.ts";

const { create, create2, createContainer, createTTL, multi, setData, check } = OpCode;
const request = { path: "/x", data: Buffer.from("data"), acl: openAcl };
const other: MultiOperation = { type: setData, path: "/y", data: null, version: 3 };

function transaction(...parts: MultiOperation[]): Operation {
  return { type: multi, request: parts };
}

test("a create becomes what its flags say, and the log says so", () => {
  const { persistent, ephemeralSequential, container } = CreateMode;
  const asked = transaction(
    other,
    { type: createTTL, ...request, flags: persistent, ttl: 5 },
    { type: createTTL, ...request, flags: container, ttl: 5 },
    { type: createContainer, ...request, flags: ephemeralSequential },
    { type: create, ...request, flags: container },
    { type: create2, ...request, flags: container },
  );
  const settled = settledCreates(asked, 1_000);
  expect(settled?.operation).toStrictEqual(
    transaction(
      other,
      { type: create, ...request, flags: persistent },
      { type: createContainer, ...request, flags: container },
      { type: create, ...request, flags: ephemeralSequential },
      { type: createContainer, ...request, flags: container },
      { type: createContainer, ...request, flags: container },
    ),
  );
  expect(decodeClientWrite(multi, new Reader(Buffer.from(settled?.wireBody ?? [])))).toStrictEqual(settled?.operation);
  expect(settled && settledCreates(settled.operation, 1_000)).toBeUndefined();
});

test("what says what it means, or means nothing, stays as it came", () => {
  const { persistent, ephemeral, container, persistentWithTtl, persistentSequentialWithTtl } = CreateMode;
  const parts: MultiOperation[] = [
    other,
    { type: check, path: "/x", version: -1 },
    { type: createContainer, ...request, flags: container },
  ];
  for (const type of [create, create2] as const) {
    for (const flags of [persistent, ephemeral]) parts.push({ type, ...request, flags });
  }
  for (const flags of [persistentWithTtl, persistentSequentialWithTtl, 9, -1]) {
    for (const type of [create, create2, createContainer] as const) parts.push({ type, ...request, flags });
    parts.push({ type: createTTL, ...request, flags, ttl: 5 });
  }
  expect(settledCreates(transaction(...parts), 1_000)).toBeUndefined();
  expect(settledCreates(transaction(), 1_000)).toBeUndefined();
  // By itself, the operation says it.
  expect(settledCreates({ type: create, request: { ...request, flags: container } }, 1_000)).toBeUndefined();
});

test("text that is not UTF-8 would take more bytes than it came in, and is refused as what cannot be read is", () => {
  const writer = new Writer();
  operations.multi.request.write(writer, [{ type: create, ...request, path: "/xxxx", flags: CreateMode.container }]);
  const sound = writer.take();
  expect(settledCreates(read(sound), sound.length)?.wireBody).toHaveLength(sound.length);
  const broken = Buffer.from(sound);
  broken.fill(0xff, broken.indexOf("xxxx"), broken.indexOf("xxxx") + 4);
  expect(() => settledCreates(read(broken), broken.length)).toThrow("text that is not UTF-8");
});

function read(body: Uint8Array): Operation {
  const operation = decodeClientWrite(multi, new Reader(Buffer.from(body)));
  assert(operation !== undefined, "a transaction is a write");
  return operation;
}
