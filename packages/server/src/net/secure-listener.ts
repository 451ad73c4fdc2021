/**
 * TLS for the ports of clients or of administrators, with certificates from files. When the files change they are read again, and new connections
 * are met with what is in them; what cannot be used is told in the log, and the certificates before it stay.
 */
import {
  type Address,
  type CertificateFacts,
  type Clock,
  type Listener,
  type Logger,
  NodeTlsListener,
  watchFiles,
} from "@corral/io";
import { type CertificateSettings, ConfigError } from "../config.ts";
import type { Limits } from "../limits.ts";
import { RepeatedWarning } from "../repeated-warning.ts";
import { readCertificates } from "./certificate-files.ts";

/** What is told of TLS. */
export type TlsFacts = Pick<SecureListener, "handshakes" | "refusedTotal" | "expiresMs" | "reloadFailuresTotal">;

/** What came of reading a file of certificates again. */
export type Reloaded = { readonly certFile: string } & (
  | { readonly certificate: CertificateFacts }
  | { readonly failure: string }
);

/** Listeners with certificates; see the head of this file. */
export class SecureListener {
  /** Connections that did not get through the handshake. */
  refusedTotal = 0;
  /** How often new certificates could not be used. */
  reloadFailuresTotal = 0;
  readonly #settings: CertificateSettings;
  readonly #logger: Logger;
  readonly #refusals: RepeatedWarning;
  readonly #listener: NodeTlsListener;
  readonly #stopWatching: () => void;

  /** @throws ConfigError when the files cannot be read or used */
  constructor(
    settings: CertificateSettings,
    limits: Limits,
    { logger, clock }: { readonly logger: Logger; readonly clock: Clock },
  ) {
    this.#settings = settings;
    this.#logger = logger;
    this.#refusals = new RepeatedWarning("connection refused", { logger, clock });
    const { clientAuth, certFile, keyFile, caFile } = settings;
    const { handshakeMs, maxHandshakes } = limits;
    const onRefused = (remote: Address, reason: string): void => this.#onRefused(remote, reason);
    const read = readCertificates(settings);
    if ("setting" in read) {
      throw new ConfigError(`Wrong settings: ${read.setting}: ${read.text}`, [read.setting]);
    }
    this.#listener = new NodeTlsListener(read, { clientAuth, handshakeMs, maxHandshakes, onRefused });
    const files = [certFile, keyFile, ...(caFile === undefined ? [] : [caFile])];
    this.#stopWatching = watchFiles([...new Set(files)], () => this.reload());
  }

  /** When the server's certificate ends, ms since 1970. */
  get expiresMs(): number {
    return this.#listener.certificate.expiresMs;
  }

  /** Handshakes under way. */
  get handshakes(): number {
    return this.#listener.handshakes;
  }

  /** Listens for TLS alone, or (`orPlain`) for both. */
  listener(options: { readonly orPlain: boolean }): Listener {
    return this.#listener.listener(options);
  }

  /** For a server of HTTP: requests with TLS alone, or (`orPlain`) both. */
  http({ orPlain }: { readonly orPlain: boolean }): { readonly listener: NodeTlsListener; readonly orPlain: boolean } {
    return { listener: this.#listener, orPlain };
  }

  /** Reads the files again. New connections are met with what is in them, if it can be used. */
  reload(): Reloaded {
    const { certFile } = this.#settings;
    const read = readCertificates(this.#settings);
    if ("setting" in read) {
      this.reloadFailuresTotal++;
      this.#logger.error({ certFile, problem: read.text }, "the new certificates cannot be used: the ones before stay");
      return { certFile, failure: read.text };
    }
    this.#listener.replace(read);
    const { certificate } = this.#listener;
    const expires = new Date(certificate.expiresMs).toISOString();
    this.#logger.info({ certFile, subject: certificate.subject, expires }, "certificates were read again");
    return { certFile, certificate };
  }

  /** Stops looking at the files. */
  close(): void {
    this.#stopWatching();
  }

  #onRefused({ host, port }: Address, reason: string): void {
    this.refusedTotal++;
    // What stands behind a colon, and numbers, differ from one to the next; the rest is one of few.
    const kind = reason.replace(/:.*/s, "").replace(/\d+/g, "");
    this.#refusals.tell(kind, { remote: `${host}:${port}`, reason });
  }
}

/** What several of them have seen, as one; `handshakes`: of the one that has most, since each has the limit for itself. */
export function together(listeners: readonly SecureListener[]): TlsFacts | undefined {
  if (listeners.length === 0) return undefined;
  const sum = (of: (listener: SecureListener) => number): number =>
    listeners.reduce((total, one) => total + of(one), 0);
  return {
    get handshakes() {
      return Math.max(...listeners.map(({ handshakes }) => handshakes));
    },
    get refusedTotal() {
      return sum(({ refusedTotal }) => refusedTotal);
    },
    get reloadFailuresTotal() {
      return sum(({ reloadFailuresTotal }) => reloadFailuresTotal);
    },
    get expiresMs() {
      return Math.min(...listeners.map(({ expiresMs }) => expiresMs));
    },
  };
}
