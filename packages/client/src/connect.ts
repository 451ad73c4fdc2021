/** Puts a client together and waits for its first session. */
import {
  nodeClock,
  nodeDiagnostics,
  nodeDialer,
  nodeEnvironment,
  nodeProcessEnd,
  nodeRandom,
  nodeResolver,
  nodeTlsDialer,
  type Random,
  type SignalName,
  silentLogger,
} from "@corral/io";
import { Client } from "./client.ts";
import { ClientCore } from "./client-core.ts";
import { parseConnectString } from "./connect-string.ts";
import { viewOf } from "./context.ts";
import { BadArgumentsError, ClientClosedError, ConnectTimeoutError, finalError } from "./errors.ts";
import { HostSource } from "./host-source.ts";
import { limits } from "./limits.ts";
import { onAbort } from "./on-abort.ts";
import type { ClientOptions, SaslOptions } from "./options.ts";
import { digestMd5 } from "./sasl/digest-md5.ts";
import type { BeginSasl } from "./sasl/exchange.ts";
import { scramSha256 } from "./sasl/scram-sha-256.ts";
import { Session } from "./session.ts";

/** Where `connect()` without a connect string looks for one. */
const connectVariable = "CORRAL_CONNECT";

/**
 * Connects to an ensemble: `"h1:2181,h2:2181/chroot"`, `"[::1]:2181"`, `"srv:_corral._tcp.example.org"`; without a connect
 * string, to what the environment variable CORRAL_CONNECT says. Resolves when the first session is established.
 *
 * ```ts
 * const client = await connect("localhost:2181");
 * await client.create("/greeting", "hello");
 * await client.close();
 * ```
 *
 * Some failures are final, and it rejects as soon as the last thing that happened at every host is one: the certificate of
 * the server is not trusted, expired or for another name, or the server says that of the client's, or that it shows none
 * (NotTrustedError; not all servers say it); the server refuses what `sasl` says (AuthFailedError). Behind a name with
 * several addresses of one family may be several servers of which only some are so, and each attempt draws one: there it
 * goes on trying until its time is over (ConnectTimeoutError, which then says what to do about the last of them). A client
 * that was connected once goes on trying even then.
 *
 * @throws BadArgumentsError (the connect string or an option), NotTrustedError, AuthFailedError, ConnectTimeoutError (with
 * what happened at each host), or the signal's reason. Nothing stays open then.
 */
export function connect(connectString?: string, options?: ClientOptions): Promise<Client>;
export function connect(options: ClientOptions): Promise<Client>;
export async function connect(first?: string | ClientOptions, second: ClientOptions = {}): Promise<Client> {
  const [connectString, options] = typeof first === "object" ? [undefined, first] : [first, second];
  const { connectTimeoutMs = 30_000, signal, clock = nodeClock } = options;
  const target = connectString ?? connectStringOf(options);
  checkMs("connectTimeoutMs", connectTimeoutMs);
  for (const name of signalsOf(options)) checkOneOf("closeOnSignals", name, ["SIGINT", "SIGTERM", "SIGHUP"]);
  const { core, chroot } = makeCore(target, options);
  signal?.throwIfAborted();

  const { session, states } = core;
  const client = new Client(viewOf(core, chroot));
  const failure = await new Promise<(() => unknown) | undefined>((resolve) => {
    let settled = false;
    const settle = (failed?: () => unknown) => {
      settled = true;
      timer.cancel();
      ignoreAbort();
      states.off(onState);
      resolve(failed);
    };
    const onState = ({ state }: { readonly state: string }) => {
      if (state === "connected") settle();
      else if (state === "closed") settle(() => new ClientClosedError({ operation: `connect to ${target}` }));
    };
    const timer = clock.setTimer(connectTimeoutMs, () => {
      settle(() => new ConnectTimeoutError(target, connectTimeoutMs, session.diagnosis));
    });
    const ignoreAbort = onAbort(signal, () => settle(() => signal?.reason));
    states.on(onState);
    // What fails later concerns a client that is there: it goes on trying, as certificates and users may change.
    session.start(() => {
      const final = settled ? undefined : finalError(target, session.diagnosis);
      if (final !== undefined) settle(() => final);
    });
  });
  if (failure === undefined) {
    closeWithProcess(core, options);
    return client;
  }
  // Made here, where the caller's stack is.
  const error = failure();
  await client.close();
  throw error;
}

function connectStringOf({ environment = nodeEnvironment }: ClientOptions): string {
  const found = environment.get(connectVariable);
  if (found !== undefined) return found;
  throw new BadArgumentsError({
    operation: "connect",
    detail: `there is no connect string, and the environment variable ${connectVariable} is not set`,
    remedy: `Write connect("localhost:2181"), or set ${connectVariable}.`,
  });
}

/** Checks the options and fills in what is missing. */
function makeCore(
  connectString: string,
  options: ClientOptions,
): { readonly core: ClientCore; readonly chroot: string } {
  const {
    sessionTimeoutMs = 30_000,
    requestBytesMax = limits.requestBytes,
    responseBytesMax = limits.responseBytes,
    hostOrder = "shuffled",
    canBeReadOnly = false,
    clock = nodeClock,
    random = nodeRandom,
    resolver = nodeResolver,
    diagnostics = nodeDiagnostics,
    logger = silentLogger,
    engine,
    sasl,
  } = options;
  const { chroot, ...target } = parseConnectString(connectString);
  checkMs("sessionTimeoutMs", sessionTimeoutMs);
  checkBytes("requestBytesMax", requestBytesMax);
  checkBytes("responseBytesMax", responseBytesMax);
  checkOneOf("hostOrder", hostOrder, ["shuffled", "priority"]);
  checkOneOf("engine", engine, ["corral", "apache", undefined]);
  checkOneOf("sasl.mechanism", sasl?.mechanism, ["DIGEST-MD5", "SCRAM-SHA-256", undefined]);
  const dialer = dialerOf(options);
  const core = new ClientCore({
    connectString,
    clock,
    random,
    dialer,
    logger,
    requestBytesMax,
    engine,
    makeSession: (onState) =>
      new Session({
        hosts: new HostSource(target, hostOrder, { clock, random, resolver }),
        machine: {
          hostOrder,
          sessionTimeoutMs,
          canBeReadOnly,
          answersProve: engine === "corral",
          sasl: sasl && saslOf(sasl, random),
        },
        responseBytesMax,
        clock,
        random,
        dialer,
        logger,
        diagnostics,
        onState,
      }),
  });
  return { core, chroot };
}

function saslOf(sasl: SaslOptions, random: Random): BeginSasl {
  const nonce = () => Buffer.from(random.bytes(24)).toString("base64");
  if (sasl.mechanism !== "SCRAM-SHA-256") return () => digestMd5(sasl, nonce());
  const begin = scramSha256(sasl);
  return () => begin(nonce());
}

function dialerOf({ dialer, tls }: ClientOptions) {
  if (tls === undefined) return dialer ?? nodeDialer;
  if (dialer === undefined) return nodeTlsDialer(tls === true ? {} : tls);
  throw new BadArgumentsError({
    operation: "connect",
    detail: "tls and a dialer together",
    remedy: "Let the dialer do the TLS, or leave it out.",
  });
}

/** Ends the session with the process, if that is wanted, until the client is closed. */
function closeWithProcess({ session, states }: ClientCore, options: ClientOptions): void {
  const { closeOnSignals = false, processEnd = nodeProcessEnd } = options;
  if (closeOnSignals === false) return;
  const signals = signalsOf(options);
  const ignoreSignals = processEnd.onSignal(signals, () => session.close());
  const ignoreExit = processEnd.onExit(() => session.closeNow());
  states.on(({ state }) => {
    if (state !== "closed") return;
    void session.close().then(() => {
      ignoreSignals();
      ignoreExit();
    });
  });
}

function signalsOf({ closeOnSignals = false }: ClientOptions): readonly SignalName[] {
  if (typeof closeOnSignals !== "boolean") return closeOnSignals;
  return closeOnSignals ? ["SIGINT", "SIGTERM"] : [];
}

function checkMs(option: string, value: number): void {
  if (Number.isInteger(value) && value > 0 && value < 2 ** 31) return;
  throw new BadArgumentsError({
    operation: "connect",
    detail: `${option} is ${String(value)}`,
    remedy: "Give a whole number of milliseconds above 0.",
  });
}

function checkBytes(option: string, value: number): void {
  if (Number.isInteger(value) && value > 0 && value < 2 ** 31) return;
  throw new BadArgumentsError({
    operation: "connect",
    detail: `${option} is ${String(value)}`,
    remedy: "Give a whole number of bytes above 0.",
  });
}

function checkOneOf<T>(option: string, value: T, known: readonly T[]): void {
  if (known.includes(value)) return;
  throw new BadArgumentsError({
    operation: "connect",
    detail: `${option} is ${JSON.stringify(value)}`,
    remedy: `Use one of ${known.filter((each) => each !== undefined).join(", ")}.`,
  });
}
