/**
 * TLS for the ports of clients, with certificates from files. When the files change they are read again, and new connections
 * are met with what is in them; what cannot be used is told in the log, and the certificates before it stay.
 */
import {
  type Address,
  type Listener,
  type Logger,
  NodeTlsListener,
  readSmallFile,
  type TlsCredentials,
  watchFiles,
} from "@corral/io";
import { ConfigError, type TlsSettings } from "../config.ts";
import type { Limits } from "../limits.ts";

/** Listeners with certificates; see the head of this file. */
export class SecureListener {
  /** Connections that did not get through the handshake. */
  refusedTotal = 0;
  /** How often new certificates could not be used. */
  reloadFailuresTotal = 0;
  readonly #settings: TlsSettings;
  readonly #logger: Logger;
  readonly #listener: NodeTlsListener;
  readonly #stopWatching: () => void;

  /** @throws ConfigError when the files cannot be read or used */
  constructor(settings: TlsSettings, limits: Limits, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
    const { clientAuth, certFile, keyFile, caFile } = settings;
    const { handshakeMs, maxHandshakes } = limits;
    const onRefused = (remote: Address, reason: string): void => this.#onRefused(remote, reason);
    try {
      this.#listener = new NodeTlsListener(readCredentials(settings), {
        clientAuth,
        handshakeMs,
        maxHandshakes,
        onRefused,
      });
    } catch (error) {
      const text = `cannot be used for TLS: ${messageOf(error)}`;
      throw new ConfigError(`Wrong settings: tlsCertFile: ${text}`, ["tlsCertFile"]);
    }
    const files = [certFile, keyFile, ...(caFile === undefined ? [] : [caFile])];
    this.#stopWatching = watchFiles([...new Set(files)], () => this.reload());
  }

  /** When the server's certificate ends, ms since 1970. */
  get expiresMs(): number {
    return this.#listener.expiresMs;
  }

  /** Handshakes under way. */
  get handshakes(): number {
    return this.#listener.handshakes;
  }

  /** Listens for TLS alone, or (`orPlain`) for both. */
  listener(options: { readonly orPlain: boolean }): Listener {
    return this.#listener.listener(options);
  }

  /** Reads the files again. Returns whether what is in them is used now. */
  reload(): boolean {
    const { certFile } = this.#settings;
    try {
      this.#listener.replace(readCredentials(this.#settings));
    } catch (err) {
      this.reloadFailuresTotal++;
      this.#logger.error({ err, certFile }, "the new certificates cannot be used: the ones before stay");
      return false;
    }
    const expires = new Date(this.expiresMs).toISOString();
    this.#logger.info({ certFile, expires }, "certificates were read again");
    return true;
  }

  /** Stops looking at the files. */
  close(): void {
    this.#stopWatching();
  }

  #onRefused({ host, port }: Address, reason: string): void {
    this.refusedTotal++;
    this.#logger.warn({ remote: `${host}:${port}`, reason }, "connection refused");
  }
}

function readCredentials(settings: TlsSettings): TlsCredentials {
  const { certFile, keyFile, caFile, keyPassword: passphrase, minVersion, ciphers } = settings;
  return {
    cert: readSmallFile(certFile),
    key: readSmallFile(keyFile),
    ca: caFile === undefined ? undefined : readSmallFile(caFile),
    passphrase,
    minVersion,
    ciphers,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
