/**
 * Where to connect, and as whom: flags for what anybody may see, variables for secrets, which the list of processes would
 * show. With two ensembles each has its own, `--from-tls-ca` and CORRAL_FROM_AUTH beside `--tls-ca` and CORRAL_AUTH.
 */
import { type Client, connect, parseConnectString, type SaslOptions } from "@corral/client";
import type { TlsOptions } from "@corral/io";
import { type Command, Option } from "commander";
import { UsageError } from "./exit-codes.ts";
import { wholeNumber } from "./numbers.ts";
import { readTlsFiles } from "./tls-files.ts";

/** Which of two ensembles; `""` where there is only one. */
export type Side = "" | "from" | "to";

/** Variables by name. */
export type Variables = Readonly<Record<string, string | undefined>>;

type Values = Readonly<Record<string, unknown>>;

/** Adds the flags of one side. */
export function addConnectionOptions(command: Command, side: Side, help: string): Command {
  const prefix = side === "" ? "" : `${side}-`;
  return command
    .addOption(new Option(`--${side === "" ? "connect" : side} <address>`, help))
    .addOption(new Option(`--${prefix}tls`, "connect with TLS"))
    .addOption(new Option(`--${prefix}tls-ca <file>`, "authorities whose certificates are accepted, PEM; implies TLS"))
    .addOption(new Option(`--${prefix}tls-cert <file>`, "own certificate, PEM; implies TLS"))
    .addOption(
      new Option(`--${prefix}tls-key <file>`, "its private key, PEM (default: it is in the file of the certificate)"),
    )
    .addOption(new Option(`--${prefix}tls-name <name>`, "the name in the server's certificate, if it is not its host"));
}

/** How long to try, and how much to send at once, for all sides. */
export function addCommonOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--timeout <ms>", "how long to try to connect")
        .default(10_000)
        .argParser(wholeNumber(1, 999_999_999, " of milliseconds")),
    )
    .addOption(
      new Option(
        "--request-bytes <n>",
        "longest request that is sent, where servers take longer ones than usual (default: 1048575)",
      ).argParser(wholeNumber(1, 999_999_999, " of bytes")),
    );
}

/** Connects one side. `isOwn`: whether CORRAL_CONNECT and its kin are about it. @throws UsageError, CoordinationError */
export async function connectSide(
  side: Side,
  isOwn: boolean,
  values: Values,
  variables: Variables,
  signal: AbortSignal,
): Promise<Client> {
  const { variable } = saidOf(side, isOwn, values, variables);
  const address = textOf(values[side === "" ? "connect" : side]) ?? variable("CONNECT");
  if (address === undefined) {
    const name = side === "" ? "connect" : side;
    throw new UsageError(`Say where to connect: --${name} host:2181${isOwn ? ", or set CORRAL_CONNECT" : ""}.`);
  }
  const tls = tlsOf(side, isOwn, values, variables);
  const wantsTls = values[side === "" ? "tls" : `${side}Tls`] === true || variable("TLS") === "true";
  const sasl = variable("SASL");
  parseConnectString(address);
  const client = await connect(address, {
    connectTimeoutMs: Number(values.timeout),
    ...(typeof values.requestBytes === "number" && { requestBytesMax: values.requestBytes }),
    signal,
    ...(wantsTls || Object.keys(tls).length > 0 ? { tls } : {}),
    ...(sasl === undefined ? {} : { sasl: saslOf(sasl, variable("SASL_MECHANISM")) }),
  });
  try {
    await authenticate(client, variable("AUTH"), signal);
  } catch (error) {
    await client.close();
    throw error;
  }
  return client;
}

/** What one side of TLS is told. @throws UsageError */
export function tlsOf(side: Side, isOwn: boolean, values: Values, variables: Variables): TlsOptions {
  const { flag, variable } = saidOf(side, isOwn, values, variables);
  const serverName = flag("tlsName") ?? variable("TLS_NAME");
  const files = {
    ca: flag("tlsCa") ?? variable("TLS_CA"),
    cert: flag("tlsCert") ?? variable("TLS_CERT"),
    key: flag("tlsKey") ?? variable("TLS_KEY"),
    passphrase: variable("TLS_PASSPHRASE"),
  };
  const read = readTlsFiles(files, side === "" ? "" : `${side}-`);
  return serverName === undefined ? read : { ...read, servername: serverName };
}

/** What is said about one side, by flag and by variable. */
function saidOf(side: Side, isOwn: boolean, values: Values, variables: Variables) {
  return {
    variable: (name: string): string | undefined => {
      const own = isOwn ? variables[`CORRAL_${name}`] : undefined;
      return side === "" ? own : (variables[`CORRAL_${side.toUpperCase()}_${name}`] ?? own);
    },
    flag: (name: string): string | undefined =>
      textOf(values[side === "" ? name : `${side}${name.charAt(0).toUpperCase()}${name.slice(1)}`]),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function saslOf(text: string, mechanism = "DIGEST-MD5"): SaslOptions {
  const [, username, password] = /^([^:]+):(.*)$/s.exec(text) ?? [];
  if (username === undefined || password === undefined) throw new UsageError("CORRAL_SASL must be user:password.");
  if (mechanism !== "DIGEST-MD5" && mechanism !== "SCRAM-SHA-256") {
    throw new UsageError("CORRAL_SASL_MECHANISM must be DIGEST-MD5 or SCRAM-SHA-256.");
  }
  return { mechanism, username, password };
}

async function authenticate(client: Client, text: string | undefined, signal: AbortSignal): Promise<void> {
  if (text === undefined) return;
  for (const line of text.split("\n").filter((one) => one !== "")) {
    const [, scheme, auth] = /^([^:]+):(.*)$/s.exec(line) ?? [];
    if (scheme === undefined || auth === undefined) {
      throw new UsageError("CORRAL_AUTH must be scheme:credentials, as digest:user:password; one a line.");
    }
    await client.addAuth(scheme, auth, { signal });
  }
}
