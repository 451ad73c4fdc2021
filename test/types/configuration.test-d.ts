/** What TypeScript tells who uses @corral/configuration. Nothing of this runs: the compiler is the test. */

import {
  type Client,
  Configuration,
  type ConfigurationView,
  type InvalidConfigurationError,
  isInvalidConfigurationError,
  isProposalRefusedError,
  type Made,
  type Observed,
  type Overrides,
  type Proposal,
  type Refusal,
  type Revision,
} from "@corral/configuration";
import { expectTypeOf } from "expect-type";
import { z } from "zod";

declare const client: Client;
const schema = z.object({
  limit: z.number().default(10),
  hours: z.string().transform((text) => text.split("-")),
  log: z.object({ level: z.enum(["info", "debug"]) }),
});
type In = z.input<typeof schema>;
type Out = z.output<typeof schema>;
const configuration = new Configuration(client, "/config", { schema });

export async function values(): Promise<void> {
  // What is stored is the schema's input, what is used its output.
  expectTypeOf(configuration).toEqualTypeOf<Configuration<In, Out>>();
  const subscription = await configuration.subscribe({
    consent: (value) => {
      expectTypeOf(value).toEqualTypeOf<Out>();
      if (value.limit > 100) throw new Error("too much");
    },
    timeoutMs: 1_000,
  });
  expectTypeOf(subscription.value).toEqualTypeOf<Out>();
  expectTypeOf(subscription.value.hours).toEqualTypeOf<string[]>();
  expectTypeOf(configuration.view$).toEqualTypeOf<Observed<ConfigurationView<Out>>>();
}

export async function changes(): Promise<void> {
  const made = await configuration.update((stored) => ({ ...stored, log: { level: "debug" } }), { comment: "why" });
  expectTypeOf(made).toEqualTypeOf<Made<In>>();
  expectTypeOf(await configuration.set({ limit: 5 })).toEqualTypeOf<Made<In>>();
  expectTypeOf(await configuration.history()).toEqualTypeOf<Revision<In>[]>();
  expectTypeOf(await configuration.propose(() => ({}))).toEqualTypeOf<Proposal<In, Out>>();
  expectTypeOf<Overrides<In>["log"]>().toEqualTypeOf<{ readonly level?: "info" | "debug" } | undefined>();
  // @ts-expect-error: not what the schema takes
  await configuration.set({ log: { level: "loud" } });
  // @ts-expect-error: without a schema nothing is known
  new Configuration(client, "/config", {});
}

export function errors(error: unknown): void {
  if (isInvalidConfigurationError(error)) expectTypeOf(error).toEqualTypeOf<InvalidConfigurationError>();
  if (isProposalRefusedError(error)) expectTypeOf(error.refusals).toEqualTypeOf<readonly Refusal[]>();
}
