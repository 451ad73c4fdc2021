/** Puts a client together and waits for its first session. */
import { nodeClock, nodeDialer, nodeRandom, type Random, silentLogger } from "@corral/io";
import { Client } from "./client.ts";
import { ClientCore } from "./client-core.ts";
import { parseConnectString } from "./connect-string.ts";
import { viewOf } from "./context.ts";
import { BadArgumentsError, ClientClosedError, ConnectTimeoutError } from "./errors.ts";
import { limits } from "./limits.ts";
import { onAbort } from "./on-abort.ts";
import type { ClientOptions } from "./options.ts";
import { Session } from "./session.ts";

/**
 * Connects to an ensemble: `"h1:2181,h2:2181/chroot"`, `"[::1]:2181"`. Resolves when the first session is established.
 *
 * ```ts
 * const client = await connect("localhost:2181");
 * await client.create("/greeting", "hello");
 * await client.close();
 * ```
 *
 * @throws BadArgumentsError (the connect string or an option), ConnectTimeoutError (with what happened at each host), or
 * the signal's reason. Nothing stays open then.
 */
export async function connect(connectString: string, options: ClientOptions = {}): Promise<Client> {
  const { hosts, chroot } = parseConnectString(connectString);
  const {
    sessionTimeoutMs = 30_000,
    connectTimeoutMs = 30_000,
    requestBytesMax = limits.requestBytes,
    signal,
    clock = nodeClock,
    random = nodeRandom,
    dialer = nodeDialer,
    logger = silentLogger,
    engine,
  } = options;
  checkMs("sessionTimeoutMs", sessionTimeoutMs);
  checkMs("connectTimeoutMs", connectTimeoutMs);
  signal?.throwIfAborted();

  const shuffled = shuffle(hosts, random);
  let session: Session | undefined;
  const core = new ClientCore({
    connectString,
    clock,
    random,
    dialer,
    logger,
    requestBytesMax,
    engine,
    makeSession: (onState) => {
      const made = new Session({
        hosts: shuffled,
        sessionTimeoutMs,
        clock,
        random,
        dialer,
        logger,
        onState,
      });
      session = made;
      return made;
    },
  });
  const client = new Client(viewOf(core, chroot));
  const failure = await new Promise<(() => unknown) | undefined>((resolve) => {
    const settle = (failed?: () => unknown) => {
      timer.cancel();
      ignoreAbort();
      client.off("state", onState);
      resolve(failed);
    };
    const onState = ({ state }: { readonly state: string }) => {
      if (state === "connected") settle();
      else if (state === "closed") settle(() => new ClientClosedError({ operation: `connect to ${connectString}` }));
    };
    const timer = clock.setTimer(connectTimeoutMs, () => {
      settle(() => new ConnectTimeoutError(connectString, connectTimeoutMs, session?.diagnosis ?? []));
    });
    const ignoreAbort = onAbort(signal, () => settle(() => signal?.reason));
    client.on("state", onState);
    session?.start();
  });
  if (failure === undefined) return client;
  // Made here, where the caller's stack is.
  const error = failure();
  await client.close();
  throw error;
}

/** Fisher and Yates's. */
function shuffle<T>(items: readonly T[], random: Random): T[] {
  const shuffled: T[] = [];
  for (const item of items) {
    const at = Math.floor(random.fraction() * (shuffled.length + 1));
    shuffled.splice(at, 0, item);
  }
  return shuffled;
}

function checkMs(option: string, value: number): void {
  if (Number.isInteger(value) && value > 0 && value < 2 ** 31) return;
  throw new BadArgumentsError({
    operation: "connect",
    detail: `${option} is ${String(value)}`,
    remedy: "Give a whole number of milliseconds above 0.",
  });
}
