/** TLS behind the `Dialer` port. */
import type { LookupFunction } from "node:net";
import { type ConnectionOptions, connect } from "node:tls";
import type { ByteStream, Dialer } from "../ports/network.ts";
import { dialledSocketOptions, NodeByteStream } from "./byte-stream.ts";
import { oneError, plainAddress } from "./network.ts";
import { SpreadLookup } from "./spread-lookup.ts";
import { explainTls, type TlsFailure } from "./tls-errors.ts";

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
        const explainedAt = (stage: TlsFailure["stage"]) => (error: Error) =>
          explainTls(error, { stage, isOneOfSeveral: spread.isOneOfSeveral });
        const socket = connect({ ...dialledSocketOptions, ...tls, host, port, lookup: spread.lookup });
        socket.setNoDelay(dialledSocketOptions.noDelay);
        socket.setKeepAlive(dialledSocketOptions.keepAlive, dialledSocketOptions.keepAliveInitialDelay);
        const onAbort = () => finish(() => reject(signal.reason));
        const onError = (error: Error) =>
          finish(() => reject(explainedAt("handshake")(oneError(error, { host, port }))));
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
              { gathersWrites: true, isOneOfSeveral: spread.isOneOfSeveral, explained: explainedAt("stream") },
            ),
          );
        });
      }),
  };
}
