/** What the compiler knows of payloads. */
import { describe, expectTypeOf, test } from "vitest";
import type { InstanceSpec, ServiceInstance } from "./instance.ts";
import type { InstancesView } from "./observe-instances.ts";
import type { Provider } from "./provider.ts";
import type { Registration } from "./registration.ts";
import type { RegistrationRequest, RegistryOptions, ServiceRegistry } from "./registry.ts";
import type { StandardSchema } from "./standard-schema.ts";

interface In {
  readonly version: string;
}

interface Out {
  readonly version: string;
  readonly limit: number;
}

type Typed = ServiceRegistry<In, Out>;

describe("a registry with a schema", () => {
  test("takes what goes into the schema and shows what comes out of it", () => {
    expectTypeOf<RegistryOptions<In, Out>["payload"]>().toEqualTypeOf<StandardSchema<In, Out> | undefined>();
    expectTypeOf<Parameters<Typed["register"]>[0]>().toEqualTypeOf<RegistrationRequest<In>>();
    expectTypeOf<ReturnType<Typed["register"]>>().resolves.toEqualTypeOf<Registration<In, Out>>();
    expectTypeOf<ReturnType<Typed["instances"]>>().resolves.toEqualTypeOf<ServiceInstance<Out>[]>();
    expectTypeOf<ReturnType<Typed["provider"]>>().toEqualTypeOf<Provider<Out>>();
    expectTypeOf<ReturnType<Typed["instances$"]>>().toExtend<AsyncIterable<InstancesView<Out>>>();
    expectTypeOf<Awaited<ReturnType<Provider<Out>["next"]>>["payload"]>().toEqualTypeOf<Out>();
  });

  test("wants a payload, unless the schema can do without", () => {
    expectTypeOf<{ name: string }>().not.toExtend<InstanceSpec<In>>();
    expectTypeOf<{ name: string; payload: In }>().toExtend<InstanceSpec<In>>();
    expectTypeOf<{ name: string; payload: { version: number } }>().not.toExtend<InstanceSpec<In>>();
    expectTypeOf<{ name: string }>().toExtend<InstanceSpec<In | undefined>>();
  });
});

test("a registry without a schema takes anything and promises nothing", () => {
  expectTypeOf<{ name: string }>().toExtend<InstanceSpec>();
  expectTypeOf<ReturnType<ServiceRegistry["instances"]>>().resolves.toEqualTypeOf<ServiceInstance<unknown>[]>();
});
