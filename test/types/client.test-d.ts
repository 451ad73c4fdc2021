/** What TypeScript tells who uses @corral/client. Nothing of this runs: the compiler is the test. */

import {
  type Acl,
  type CheckResult,
  type ChildrenResult,
  type Client,
  type ClientOptions,
  type ClientState,
  type Codec,
  type CoordinationCode,
  type CoordinationError,
  type CreatedNode,
  type CreateResult,
  compressed,
  connect,
  type DeleteResult,
  type GetResult,
  GrantLostError,
  isBadVersionError,
  isCoordinationError,
  isGrantLostError,
  isRecoverable,
  isWaitTimeoutError,
  json,
  msgpack,
  NoNodeError,
  type ObservedNode,
  type ObservedTree,
  optional,
  raw,
  type SetOrCreated,
  type SetResult,
  type Stat,
  type StateEvent,
  type TransactionGuard,
  type TransactionResult,
  utf8,
  validated,
  WaitTimeoutError,
} from "@corral/client";
import { expectTypeOf } from "expect-type";
import type { Observable } from "rxjs";
import { z } from "zod";

declare const client: Client;
declare const guard: TransactionGuard;
const config = validated(json, z.object({ limit: z.number(), name: z.string().optional() }));
type Config = { limit: number; name?: string | undefined };

export async function connecting(): Promise<void> {
  expectTypeOf(connect()).resolves.toEqualTypeOf<Client>();
  expectTypeOf(connect("a:1,b:2/app", { sessionTimeoutMs: 10_000 })).resolves.toEqualTypeOf<Client>();
  expectTypeOf(connect({ tls: true, closeOnSignals: ["SIGTERM"] })).resolves.toEqualTypeOf<Client>();
  await connect({ sasl: { username: "bob", password: "secret" } });
  await connect({ sasl: { mechanism: "SCRAM-SHA-256", username: "bob", password: "secret" } });
  // @ts-expect-error there is no such mechanism
  await connect({ sasl: { mechanism: "PLAIN", username: "bob", password: "secret" } });
  // @ts-expect-error: units are part of the name
  await connect("a:1", { sessionTimeout: 10_000 });
  // @ts-expect-error: there are these orders only
  expectTypeOf<{ hostOrder: "alphabetical" }>().toExtend<ClientOptions>();
  expectTypeOf(client.state).toEqualTypeOf<ClientState>();
  expectTypeOf(client.state$).toEqualTypeOf<Observable<StateEvent>>();
  expectTypeOf(client.lastZxid).toBeBigInt();
  expectTypeOf(client.deadlineMs).toBeNumber();
  expectTypeOf(client.namespace("/app")).toEqualTypeOf<Client>();
  client.on("state", ({ state, deadlineMs }) => {
    expectTypeOf(state).toEqualTypeOf<ClientState>();
    expectTypeOf(deadlineMs).toBeNumber();
  });
  expectTypeOf<Client>().toExtend<AsyncDisposable>();
}

export async function reading(): Promise<void> {
  expectTypeOf(await client.get("/a")).toEqualTypeOf<{ readonly data: Buffer | null; readonly stat: Stat }>();
  const typed = await client.get("/a", { codec: config, linearizable: true });
  expectTypeOf(typed.value).toEqualTypeOf<Config>();
  expectTypeOf(typed.data).toEqualTypeOf<Buffer | null>();
  expectTypeOf((await client.get("/a", { codec: utf8, atLeast: client.lastZxid })).value).toBeString();
  expectTypeOf((await client.get("/a", { codec: json })).value).toBeUnknown();
  // @ts-expect-error: zxids do not fit a number
  await client.get("/a", { atLeast: 7 });
  expectTypeOf(await client.exists("/a")).toEqualTypeOf<Stat | undefined>();
  expectTypeOf(await client.children("/a")).toEqualTypeOf<string[]>();
  expectTypeOf(await client.getAcl("/a")).toEqualTypeOf<{ readonly acl: readonly Acl[]; readonly stat: Stat }>();

  const [node, names] = await client.multiRead().get("/a").children("/b").read();
  expectTypeOf(node).toEqualTypeOf<GetResult>();
  expectTypeOf(names).toEqualTypeOf<ChildrenResult>();
  if (node.ok) expectTypeOf(node.data).toEqualTypeOf<Buffer | null>();
  else expectTypeOf(node.error).toEqualTypeOf<CoordinationError>();
  if (names.ok) expectTypeOf(names.children).toEqualTypeOf<string[]>();
}

export async function writing(): Promise<void> {
  expectTypeOf(await client.create("/a")).toBeString();
  expectTypeOf(await client.create("/a", "x", { mode: "ephemeralSequential", protected: true })).toBeString();
  expectTypeOf(
    await client.create("/a", { codec: config, value: { limit: 1 }, createParents: "container" }),
  ).toBeString();
  expectTypeOf(await client.create2("/a", null)).toEqualTypeOf<CreatedNode>();
  expectTypeOf(await client.set("/a", { codec: utf8, value: "x", version: 3 })).toEqualTypeOf<Stat>();
  expectTypeOf(await client.setOrCreate("/a", "x")).toEqualTypeOf<SetOrCreated>();
  expectTypeOf(await client.delete("/a", { children: true, guaranteed: true })).toBeVoid();
  // @ts-expect-error: a value is what its codec takes
  await client.create("/a", { codec: config, value: { limit: "many" } });
  // @ts-expect-error: an object without a codec is no data
  await client.set("/a", { limit: 1 });
  // @ts-expect-error: there is no such mode
  await client.create("/a", "x", { mode: "temporary" });
}

export async function observing(): Promise<void> {
  for await (const node of client.watchNode("/a")) expectTypeOf(node).toEqualTypeOf<ObservedNode | undefined>();
  for await (const node of client.watchNode("/a", { codec: config })) {
    expectTypeOf(node).toEqualTypeOf<(ObservedNode & { readonly value: Config }) | undefined>();
  }
  client.watchChildren("/a").subscribe((names) => expectTypeOf(names).toEqualTypeOf<readonly string[] | undefined>());
  for await (const tree of client.watchTree("/a")) expectTypeOf(tree).toEqualTypeOf<ObservedTree | undefined>();
}

export async function transactions(): Promise<void> {
  const results = await client
    .transaction()
    .guard(guard)
    .check("/a", { version: 1 })
    .create("/b", { codec: config, value: { limit: 1 } })
    .set("/c", "x", { version: 2 })
    .delete("/d")
    .commit();
  expectTypeOf(results).toEqualTypeOf<[CheckResult, CheckResult, CreateResult, SetResult, DeleteResult]>();
  expectTypeOf(results[2].path).toBeString();
  expectTypeOf(results[3].stat).toEqualTypeOf<Stat>();
  // @ts-expect-error: a check has no path
  results[0].path;
  // @ts-expect-error: there are five results
  results[5];

  // Built in a loop, it has as many as it has.
  const loop = client.transaction();
  for (const path of ["/a", "/b"]) loop.delete(path);
  expectTypeOf(await loop.commit()).toEqualTypeOf<TransactionResult[]>();
}

export function codecs(): void {
  expectTypeOf(raw).toEqualTypeOf<Codec<Uint8Array | null>>();
  expectTypeOf(utf8).toEqualTypeOf<Codec<string>>();
  expectTypeOf(msgpack).toEqualTypeOf<Codec<unknown>>();
  expectTypeOf(optional(utf8)).toEqualTypeOf<Codec<string | undefined>>();
  expectTypeOf(compressed(config)).toEqualTypeOf<Codec<Config>>();
  // The output of the schema, whatever its input was.
  expectTypeOf(validated(json, z.object({ at: z.string().transform((text) => text.length) }))).toEqualTypeOf<
    Codec<{ at: number }>
  >();
  // @ts-expect-error: what has no Standard Schema face validates nothing
  validated(json, (value: unknown) => value);
}

export function errors(error: unknown): void {
  if (isCoordinationError(error)) {
    expectTypeOf(error).toEqualTypeOf<CoordinationError>();
    expectTypeOf(error.code).toEqualTypeOf<CoordinationCode>();
    expectTypeOf(error.path).toEqualTypeOf<string | undefined>();
  }
  if (isCoordinationError(error, "BadVersion")) expectTypeOf(error.code).toEqualTypeOf<"BadVersion">();
  // @ts-expect-error: there is no such code
  isCoordinationError(error, "BadVersionError");
  if (isGrantLostError(error)) expectTypeOf(error).toEqualTypeOf<GrantLostError>();
  if (isWaitTimeoutError(error)) expectTypeOf(error.timeoutMs).toBeNumber();
  if (isBadVersionError(error)) expectTypeOf(error.actualVersion).toEqualTypeOf<number | undefined>();
  expectTypeOf(isRecoverable(error)).toBeBoolean();
  expectTypeOf(new NoNodeError().code).toEqualTypeOf<"NoNode">();
  expectTypeOf(NoNodeError).instance.toExtend<CoordinationError>();
  expectTypeOf(GrantLostError).instance.toExtend<CoordinationError<"GrantLost">>();
  expectTypeOf(WaitTimeoutError).instance.toExtend<CoordinationError<"WaitTimeout">>();
}
