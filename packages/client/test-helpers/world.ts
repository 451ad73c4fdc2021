/** A client on a scripted server and a clock that stands still. */
import type { LogFields, Logger } from "@corral/io";
import { onTestFinished } from "vitest";
import type { Client } from "../src/client.ts";
import { connect } from "../src/connect.ts";
import type { ClientOptions } from "../src/options.ts";
import { FakeClock } from "./fake-clock.ts";
import { ScriptedDialer, ScriptedServer } from "./scripted-server.ts";

/** The session timeout that the server gives. */
export const timeoutMs = 9_000;
/** No jitter to speak of. */
export const random = { fraction: () => 0.999, bytes: (length: number) => new Uint8Array(length) };

/** A logger that keeps what is said, for tests that look at it. */
function recordingLogger(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const say = (level: string) => (fields: LogFields, message: string) => {
    const err = fields.err instanceof Error ? ` (${fields.err.message})` : "";
    lines.push(`${level}: ${message}${err}`);
  };
  return { lines, logger: { debug: () => {}, info: say("info"), warn: say("warn"), error: say("error") } };
}

/** What a test has to do with. */
export interface World {
  readonly clock: FakeClock;
  readonly server: ScriptedServer;
  readonly dialer: ScriptedDialer;
  readonly client: Client;
  readonly states: string[];
  readonly log: string[];
}

/** Connects a client. It is closed when the test is over. */
export async function world(options: ClientOptions = {}, connectString = "one"): Promise<World> {
  const clock = new FakeClock();
  const server = new ScriptedServer({ id: 77n, timeoutMs });
  const dialer = new ScriptedDialer({ one: server });
  const { logger, lines } = recordingLogger();
  const client = await connect(connectString, {
    clock,
    dialer,
    random,
    logger,
    sessionTimeoutMs: timeoutMs,
    engine: "corral",
    ...options,
  });
  const states: string[] = [];
  client.on("state", ({ state }) => states.push(state));
  onTestFinished(() => {
    server.manner = "refuse";
    void client.close();
  });
  return { clock, server, dialer, client, states, log: lines };
}

/** What a promise rejects with, taken at once so that it is never unhandled. */
export function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    (value) => Promise.reject(new Error(`resolved with ${String(value)}`)),
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
}
