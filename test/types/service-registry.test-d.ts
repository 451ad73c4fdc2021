/** What TypeScript tells who uses @corral/service-registry. Nothing of this runs: the compiler is the test. */

import {
  type Client,
  type InstancesView,
  isNameTakenError,
  type KeptRegistration,
  type NameHolder,
  type Provider,
  type Registration,
  type ServiceInstance,
  ServiceRegistry,
} from "@corral/service-registry";
import { expectTypeOf } from "expect-type";
import { z } from "zod";

declare const client: Client;
const schema = z.object({ version: z.string(), at: z.string().transform((text) => text.length) });
type In = { version: string; at: string };
type Out = { version: string; at: number };
const typed = new ServiceRegistry(client, { payload: schema });

export async function registering(): Promise<void> {
  const untyped = new ServiceRegistry(client);
  expectTypeOf(untyped).toEqualTypeOf<ServiceRegistry<unknown, unknown>>();
  await untyped.register({ name: "a" });
  // What goes in is the schema's input, what comes out its output.
  expectTypeOf(typed).toEqualTypeOf<ServiceRegistry<In, Out>>();
  const request = { name: "a", port: 80, payload: { version: "1", at: "x" } };
  expectTypeOf(await typed.register(request)).toEqualTypeOf<Registration<In, Out>>();
  expectTypeOf(await typed.keepRegistered({ ...request, health: { ttlMs: 1_000 } })).toEqualTypeOf<
    KeptRegistration<In, Out>
  >();
  await using registration = await typed.register(request, { exclusive: true, whenTaken: "wait", timeoutMs: 1_000 });
  expectTypeOf(registration.fencingToken).toBeBigInt();
  await client.transaction().guard(registration).delete("/job").commit();
  await registration.setHealth("draining");
  // @ts-expect-error: the schema demands a payload
  await typed.register({ name: "a" });
  // @ts-expect-error: not what the schema takes
  await typed.register({ name: "a", payload: { version: 1, at: "x" } });
  // @ts-expect-error: there is no such state
  await registration.setHealth("fine");
  // @ts-expect-error: a type that nothing checks cannot be claimed
  new ServiceRegistry<In>(client);
  // @ts-expect-error: nor with options that hold no schema
  new ServiceRegistry<In>(client, { basePath: "/services" });
}

export async function finding(): Promise<void> {
  expectTypeOf(await typed.instances("a", { zone: "eu" })).toEqualTypeOf<ServiceInstance<Out>[]>();
  for await (const view of typed.instances$("a")) expectTypeOf(view).toEqualTypeOf<InstancesView<Out>>();
  const provider = typed.provider("a", { strategy: "weighted" });
  expectTypeOf(provider).toEqualTypeOf<Provider<Out>>();
  expectTypeOf((await provider.next({ timeoutMs: 1_000 })).payload).toEqualTypeOf<Out>();
  expectTypeOf(provider.tryNext()).toEqualTypeOf<ServiceInstance<Out> | undefined>();
  // @ts-expect-error: there is no such strategy
  typed.provider("a", { strategy: "best" });
}

export function errors(error: unknown): void {
  if (isNameTakenError(error)) expectTypeOf(error.holder).toEqualTypeOf<NameHolder>();
}
