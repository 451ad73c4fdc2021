/** The files of TLS that flags or variables name: read, and looked at before anybody is connected to. */
import { readFileSync } from "node:fs";
import { type CredentialsProblem, credentialsProblem, type TlsOptions } from "@corral/io";
import { UsageError } from "./exit-codes.ts";

/** Where they are, and what opens the key. */
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  /** Default: it is in the file of `cert`. */
  readonly key?: string | undefined;
  readonly passphrase?: string | undefined;
}

/** What they hold. `prefix`: of the flags, such as `from-`. @throws UsageError that names the flag and the file */
export function readTlsFiles(files: TlsFiles, prefix: string): TlsOptions {
  const { ca, cert, key = cert, passphrase } = files;
  if (cert === undefined && key !== undefined) {
    throw new UsageError(`--${prefix}tls-cert must name the certificate that ${key} is the private key of.`);
  }
  const tls = {
    ...(ca !== undefined && { ca: read(ca, `${prefix}tls-ca`) }),
    ...(cert !== undefined && { cert: read(cert, `${prefix}tls-cert`) }),
    ...(key !== undefined && { key: read(key, `${prefix}tls-key`) }),
    ...(passphrase !== undefined && { passphrase }),
  };
  const problem = credentialsProblem(tls);
  if (problem !== undefined) throw new UsageError(`${told(problem, files, prefix)}.`);
  return tls;
}

function read(file: string, flag: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`The file for --${flag} cannot be read: ${reason}.`);
  }
}

function told({ part, text }: CredentialsProblem, { ca, cert, key }: TlsFiles, prefix: string): string {
  switch (part) {
    case "ca":
      return `--${prefix}tls-ca: ${ca} ${text}`;
    case "key":
      return key === undefined
        ? `--${prefix}tls-key must name the file with the private key, since ${cert} ${text}`
        : `--${prefix}tls-key: ${key} ${text}`;
    case "pair":
      return `--${prefix}tls-key: ${key ?? cert} ${text} in ${cert}`;
    case "passphrase":
      return `CORRAL_${prefix.toUpperCase().replace("-", "_")}TLS_PASSPHRASE ${text} (${key ?? cert})`;
    default:
      return `--${prefix}tls-cert: ${cert} ${text}`;
  }
}
