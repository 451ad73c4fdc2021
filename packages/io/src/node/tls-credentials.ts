/**
 * What a server or a client shows in TLS, looked at before it is used. OpenSSL says that something is wrong, and seldom which
 * of the files it means; of a file of authorities it passes over in silence what it cannot read.
 */
import { constants, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { subjectOf } from "./distinguished-name.ts";

/** What a server shows and whom it trusts, as PEM. */
export interface TlsCredentials {
  /** Its certificate, with those between it and the authority. */
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** Of the key, if it is encrypted. */
  readonly passphrase?: string | undefined;
  /** Authorities that the other side's certificate may come from. Default: those that Node comes with. */
  readonly ca?: string | Buffer | undefined;
  readonly minVersion?: "TLSv1.2" | "TLSv1.3" | undefined;
  /** Ciphers as OpenSSL names them, with colons. */
  readonly ciphers?: string | undefined;
}

/** What is wrong with credentials, in words that follow the name of the part, or of its file. */
export interface CredentialsProblem {
  /** `pair`: the key is not that of the certificate. */
  readonly part: "cert" | "key" | "pair" | "passphrase" | "ca" | "ciphers";
  /** Such as `holds no certificate in PEM`. */
  readonly text: string;
}

/** A server's certificate. */
export interface CertificateFacts {
  /** Whom it is for, as RFC 2253 writes it. */
  readonly subject: string;
  /** From when on it is good, ms since 1970. */
  readonly beginsMs: number;
  /** When it is no longer good, ms since 1970. */
  readonly expiresMs: number;
}

/** The first certificate of several. @throws Error when it cannot be read */
export function certificateFacts(pem: string | Buffer): CertificateFacts {
  const { raw, validFrom, validTo } = new X509Certificate(pem);
  return { subject: subjectOf(raw), beginsMs: Date.parse(validFrom), expiresMs: Date.parse(validTo) };
}

/** What keeps credentials from being used, if anything does. A client may show none, so there `cert` and `key` may both be absent. */
export function credentialsProblem(credentials: Partial<TlsCredentials>): CredentialsProblem | undefined {
  const { cert, ca, ciphers, minVersion } = credentials;
  const inOwn = cert === undefined ? undefined : ownProblem(cert, credentials);
  if (inOwn !== undefined) return inOwn;
  const inAuthorities = ca === undefined ? undefined : certificatesProblem(ca);
  if (inAuthorities !== undefined) return { part: "ca", text: inAuthorities };
  const inCiphers = refusalOf({ ciphers, minVersion });
  if (inCiphers !== undefined) return { part: "ciphers", text: `cannot be used: ${inCiphers}` };
  const inAll = refusalOf(secureOptions(credentials));
  return inAll === undefined ? undefined : { part: "cert", text: `cannot be used: ${inAll}` };
}

function ownProblem(cert: string | Buffer, credentials: Partial<TlsCredentials>): CredentialsProblem | undefined {
  const inCertificates = certificatesProblem(cert);
  if (inCertificates !== undefined) return { part: "cert", text: inCertificates };
  const key = readKey(credentials);
  if ("part" in key) return key;
  return new X509Certificate(cert).checkPrivateKey(key)
    ? undefined
    : { part: "pair", text: "is not the private key of the first certificate" };
}

/** What a listener's context is made of. */
export function secureOptions({ ca, passphrase, ciphers, minVersion, cert, key }: Partial<TlsCredentials>) {
  return {
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    minVersion: minVersion ?? "TLSv1.2",
    // Who was trusted once must show its certificate again.
    secureOptions: constants.SSL_OP_NO_TICKET,
    ...(ca !== undefined && { ca }),
    ...(passphrase !== undefined && { passphrase }),
    ...(ciphers !== undefined && { ciphers }),
  };
}

const wholeCertificate =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

function certificatesProblem(pem: string | Buffer): string | undefined {
  const text = pem.toString("latin1");
  const begun = text.match(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/g)?.length ?? 0;
  const whole = text.match(wholeCertificate) ?? [];
  if (begun === 0) return "holds no certificate in PEM";
  if (whole.length < begun) return "breaks off within a certificate";
  try {
    for (const certificate of whole) new X509Certificate(certificate);
  } catch (error) {
    return `holds a certificate that cannot be read: ${messageOf(error)}`;
  }
  return undefined;
}

function readKey({ key = "", passphrase }: Partial<TlsCredentials>): KeyObject | CredentialsProblem {
  const text = key.toString("latin1");
  const kind = /-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/.exec(text);
  if (kind === null) return { part: "key", text: "holds no private key in PEM" };
  const isEncrypted = kind[1] === "ENCRYPTED " || text.includes("Proc-Type: 4,ENCRYPTED");
  if (isEncrypted && passphrase === undefined) return { part: "passphrase", text: "is needed: the key is encrypted" };
  try {
    return createPrivateKey({ key, ...(passphrase !== undefined && { passphrase }) });
  } catch (error) {
    return isEncrypted
      ? { part: "passphrase", text: `does not open the key: ${messageOf(error)}` }
      : { part: "key", text: `holds a private key that cannot be read: ${messageOf(error)}` };
  }
}

function refusalOf(options: SecureContextOptions): string | undefined {
  try {
    createSecureContext(options);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
