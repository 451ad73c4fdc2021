/** TLS behind the `Dialer` port. */
import type { LookupFunction } from "node:net";
import { type ConnectionOptions, connect } from "node:tls";
import { type ByteStream, CertificateError, type Dialer } from "../ports/network.ts";
import { dialledSocketOptions, NodeByteStream } from "./byte-stream.ts";
import { oneError, plainAddress } from "./network.ts";
import { SpreadLookup } from "./spread-lookup.ts";

/** What to trust and what to show. Certificates and keys in PEM. */
export interface TlsOptions {
  /** Authorities that servers' certificates may come from. Default: those that Node comes with. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[];
  /** The client's own certificate chain, for servers that ask for one. */
  readonly cert?: string | Buffer;
  /** Its private key. */
  readonly key?: string | Buffer;
  /** Of the key, if it is encrypted. */
  readonly passphrase?: string;
  /** The name that the servers' certificates must be for. Default: the host that is dialed. */
  readonly servername?: string;
}

/**
 * Opens TLS connections (1.2 and newer) to servers whose certificates are valid, and to no others. `resolveName`: default
 * the operating system's.
 */
export function nodeTlsDialer({ ca, ...options }: TlsOptions = {}, resolveName?: LookupFunction): Dialer {
  const tls: ConnectionOptions = {
    minVersion: "TLSv1.2",
    ...options,
    ...(ca === undefined ? {} : { ca: typeof ca === "string" || Buffer.isBuffer(ca) ? ca : [...ca] }),
  };
  return {
    dial: ({ host, port }, { signal }) =>
      new Promise<ByteStream>((resolve, reject) => {
        if (signal.aborted) {
          reject(signal.reason);
          return;
        }
        const spread = new SpreadLookup(resolveName);
        const explained = (error: Error) => explain(error, spread.isOneOfSeveral);
        const socket = connect({ ...dialledSocketOptions, ...tls, host, port, lookup: spread.lookup });
        socket.setNoDelay(dialledSocketOptions.noDelay);
        socket.setKeepAlive(dialledSocketOptions.keepAlive, dialledSocketOptions.keepAliveInitialDelay);
        const onAbort = () => finish(() => reject(signal.reason));
        const onError = (error: Error) => finish(() => reject(explained(oneError(error, { host, port }))));
        const onEnd = () => finish(() => reject(new Error(`${host}:${port} ended the TLS handshake`)));
        const finish = (settle: () => void) => {
          signal.removeEventListener("abort", onAbort);
          socket.destroy();
          settle();
        };
        signal.addEventListener("abort", onAbort, { once: true });
        // Stays: a socket that is being destroyed may still report an error, which by then concerns nobody.
        socket.on("error", onError);
        socket.once("close", onEnd);
        socket.once("secureConnect", () => {
          signal.removeEventListener("abort", onAbort);
          socket.off("error", onError);
          socket.off("close", onEnd);
          resolve(
            new NodeByteStream(
              socket,
              { host: plainAddress(socket.remoteAddress ?? host), port },
              { gathersWrites: true, isOneOfSeveral: spread.isOneOfSeveral, explained },
            ),
          );
        });
      }),
  };
}

/** The usual mistakes, in words. */
function explain(error: Error, isOneOfSeveral: boolean): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  if (/ALERT_/.test(code))
    return refusedByServer.test(code) ? refused(error, code, isOneOfSeveral) : brokenOff(error, code);
  if (code === "ECONNRESET" && /before secure TLS connection/.test(error.message)) {
    const message =
      "it closed the connection before TLS had begun: it may be a port for clear text, or take no more connections";
    return Object.assign(new Error(message, { cause: error }), { code });
  }
  if (code === "EPROTO" || code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG") {
    return Object.assign(new Error(`what answers does not speak TLS: ${error.message}`, { cause: error }), { code });
  }
  if (!/CERT|SELF_SIGNED|ISSUER|ALTNAME|UNABLE_TO_VERIFY|INVALID_CA/.test(code)) return error;
  const message = `the server's certificate is not to be trusted: ${error.message}`;
  return new CertificateError(message, { code, remedy: remedyFor(code), cause: error, isOneOfSeveral });
}

/** What servers say of a client's certificate. Others of their alerts may mean anything, so they are not final. */
const refusedByServer =
  /ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|NO_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)$/;

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

/** Servers of TLS 1.2 that want a certificate say no more than that the handshake has failed. */
function brokenOff(error: Error, code: string): Error {
  const may = code.endsWith("HANDSHAKE_FAILURE")
    ? " (it may want a certificate of the client's, or other ciphers)"
    : "";
  return Object.assign(
    new Error(`the server broke off the TLS handshake: ${reasonOf(error)}${may}`, { cause: error }),
    { code },
  );
}

/** What OpenSSL says, without where in its sources it says so. */
function reasonOf(error: Error): string {
  return /:SSL routines:[^:]*:([^:]+)/.exec(error.message)?.[1] ?? error.message;
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
