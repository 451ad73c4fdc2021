/** The files of a port with TLS, read; and what is wrong with them, by the setting that is to blame. */
import { type CredentialsProblem, credentialsProblem, readSmallFile, type TlsCredentials } from "@corral/io";
import type { CertificateSettings } from "../config.ts";

/** Why they cannot be used. */
export interface CertificateProblem {
  /** The setting that is to blame. */
  readonly setting: string;
  /** With the file's name, and the remedy where that is not plain; follows the setting's name. */
  readonly text: string;
}

/** Reads the files. */
export function readCertificates(settings: CertificateSettings): TlsCredentials | CertificateProblem {
  const { certFile, keyFile, caFile, keyPassword: passphrase, minVersion, ciphers, named } = settings;
  const cert = read(certFile, named.certFile);
  if ("setting" in cert) return cert;
  const key = keyFile === certFile ? cert : read(keyFile, named.keyFile);
  if ("setting" in key) return key;
  const ca = caFile === undefined ? undefined : read(caFile, named.caFile);
  if (ca !== undefined && "setting" in ca) return ca;
  const credentials = { cert, key, ca, passphrase, minVersion, ciphers };
  const problem = credentialsProblem(credentials);
  return problem === undefined ? credentials : told(problem, settings);
}

function read(file: string, setting: string): Buffer | CertificateProblem {
  try {
    return readSmallFile(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { setting, text: `${file} cannot be read (${code ?? message})` };
  }
}

function told({ part, text }: CredentialsProblem, settings: CertificateSettings): CertificateProblem {
  const { named, certFile, keyFile, caFile } = settings;
  switch (part) {
    case "cert":
      return { setting: named.certFile, text: `${certFile} ${text}` };
    case "key":
      return keyFile === certFile
        ? { setting: named.keyFile, text: `must name the file with the private key, since ${certFile} ${text}` }
        : { setting: named.keyFile, text: `${keyFile} ${text}` };
    case "pair":
      return { setting: named.keyFile, text: `${keyFile} ${text} in ${certFile}` };
    case "passphrase":
      return { setting: named.keyPassword, text: `${text} (${keyFile})` };
    case "ca":
      return { setting: named.caFile, text: `${caFile} ${text}` };
    case "ciphers":
      return { setting: named.ciphers, text };
  }
}
