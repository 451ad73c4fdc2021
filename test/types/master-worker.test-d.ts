/** What TypeScript tells who uses @corral/master-worker. Nothing of this runs: the compiler is the test. */

import {
  type Client,
  Master,
  type MasterState,
  type ReportRefusal,
  TaskClient,
  type TaskHandle,
  type TaskOutcome,
  Worker,
} from "@corral/master-worker";
import { expectTypeOf } from "expect-type";
import type { Observable } from "rxjs";

declare const client: Client;

export async function group(): Promise<void> {
  const master = new Master(client, { id: "m1", root: "/group" });
  expectTypeOf(master.state$).toEqualTypeOf<Observable<MasterState>>();
  master.events.on("elected", ({ epoch, zxid }) => {
    expectTypeOf(epoch).toBeNumber();
    expectTypeOf(zxid).toBeBigInt();
  });
  // @ts-expect-error: there is no such event
  master.events.on("won", () => undefined);
  // @ts-expect-error: its id is needed
  new Master(client, {});

  const worker = new Worker(client, {
    id: "w1",
    run: async (input, { signal, attempt, taskName, fencingToken }) => {
      expectTypeOf(input).toBeUnknown();
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
      expectTypeOf(attempt).toBeNumber();
      expectTypeOf(taskName).toBeString();
      expectTypeOf(fencingToken).toBeBigInt();
      return 1;
    },
  });
  worker.events.on("reportRefused", ({ why }) => expectTypeOf(why).toEqualTypeOf<ReportRefusal>());
  expectTypeOf(worker).toExtend<AsyncDisposable>();
}

export async function tasks(): Promise<void> {
  const handle = await new TaskClient(client).submit({ any: "value" }, { timeoutMs: 1_000 });
  expectTypeOf(handle).toEqualTypeOf<TaskHandle>();
  // What another process has written is looked at before it is believed.
  expectTypeOf(await handle.value({ timeoutMs: 1_000 })).toBeUnknown();
  const outcome = await handle.outcome();
  expectTypeOf(outcome).toEqualTypeOf<TaskOutcome>();
  if (outcome.kind === "done") expectTypeOf(outcome.value).toBeUnknown();
  else expectTypeOf(outcome.error.message).toBeString();
}
