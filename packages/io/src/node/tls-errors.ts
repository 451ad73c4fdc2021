/**
 * What a client is told of a TLS connection that fails. OpenSSL's errors name places in its sources, and its alerts are
 * numbers; most of them come of a few mistakes, for which there are words and remedies.
 */
import { CertificateError } from "../ports/network.ts";

/** What OpenSSL says, without where in its sources it says so; any other error's message. */
export function reasonOf(error: Error): string {
  return openSslError.exec(error.message)?.[2] ?? error.message;
}

/** Of a connection that a client has dialled, and how far it got. */
export interface TlsFailure {
  readonly stage: "handshake" | "stream";
  /** As of a stream. */
  readonly isOneOfSeveral: boolean;
}

/** The usual mistakes, in words. Other errors stay as they are. */
export function explainTls(error: Error, { stage, isOneOfSeveral }: TlsFailure): Error {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  const alert = alertOf(error);
  if (alert !== undefined)
    return alertsOnCertificate.has(alert) ? refused(error, code, isOneOfSeveral) : brokenOff(error, code, alert);
  if (stage === "handshake" && goneCodes.has(code) && syscall !== "connect") {
    const message =
      "it closed the connection before the TLS handshake was over: it may be a port for clear text, take no more connections, or not trust the client's certificate (its log may say)";
    return Object.assign(new Error(message, { cause: error }), { code });
  }
  if (notTlsCodes.has(code)) {
    return Object.assign(new Error(`what answers does not speak TLS: ${reasonOf(error)}`, { cause: error }), { code });
  }
  if (openSslError.test(error.message)) {
    return Object.assign(new Error(`TLS failed: ${reasonOf(error)}`, { cause: error }), { code });
  }
  if (!/CERT|SELF_SIGNED|ISSUER|ALTNAME|UNABLE_TO_VERIFY|INVALID_CA/.test(code)) return error;
  const message = `the server's certificate is not to be trusted: ${error.message}`;
  return new CertificateError(message, { code, remedy: remedyFor(code), cause: error, isOneOfSeveral });
}

/** `error:0A000458:SSL routines:ssl3_read_bytes:tlsv1 unrecognized name:` and the file: library and reason, and that in words. */
const openSslError = /error:([0-9A-F]{8}):SSL routines:[^:]*:([^:\n]+)/;

const goneCodes = new Set(["ECONNRESET", "EPIPE"]);
const notTlsCodes = new Set(["EPROTO", "ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_PACKET_LENGTH_TOO_LONG"]);

/**
 * What servers say of a client's certificate: that there is none (41, 116 `certificate_required`), bad (42), unsupported,
 * revoked, expired or unknown (43 to 46), of an unknown authority (48) or not to come in (49). Others may mean anything, so
 * they are not final.
 */
const alertsOnCertificate = new Set([41, 42, 43, 44, 45, 46, 48, 49, 116]);

/** What the other alerts may mean. */
const alertHints = new Map([
  // Servers of TLS 1.2 that want a certificate say no more than that.
  [40, " (it may want a certificate of the client's, or other ciphers)"],
  [112, " (it has no certificate for that name: give another as tls.servername (--tls-name))"],
]);

/** The other side's alert that OpenSSL makes an error of. Not every name of such an error tells that it is one; its number does. */
function alertOf(error: Error): number | undefined {
  const [, hexadecimal] = openSslError.exec(error.message) ?? [];
  if (hexadecimal === undefined) return undefined;
  const alert = (Number.parseInt(hexadecimal, 16) & reasonMask) - firstAlertReason;
  return alert >= 0 && alert <= 255 ? alert : undefined;
}

/** OpenSSL's ERR_REASON_MASK and SSL_AD_REASON_OFFSET. */
const reasonMask = 0x7f_ffff;
const firstAlertReason = 1_000;

function refused(error: Error, code: string, isOneOfSeveral: boolean): CertificateError {
  return new CertificateError(
    `the server refuses the client's certificate, or that it shows none: ${reasonOf(error)}`,
    {
      code,
      remedy: "Give a certificate that the server trusts as tls.cert (--tls-cert), and its key as tls.key (--tls-key).",
      cause: error,
      isOneOfSeveral,
    },
  );
}

function brokenOff(error: Error, code: string, alert: number): Error {
  const hint = alertHints.get(alert) ?? "";
  return Object.assign(
    new Error(`the server broke off the TLS handshake: ${reasonOf(error)}${hint}`, { cause: error }),
    { code },
  );
}

function remedyFor(code: string): string {
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return "Connect by a name in the certificate, or give that name as tls.servername (--tls-name).";
  }
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") {
    return "Give the server a certificate that is good now, and see whether the clocks of both machines are right.";
  }
  return "Give the certificate of the authority that issued it (or of the server itself, if it is self-signed) as tls.ca (--tls-ca).";
}
