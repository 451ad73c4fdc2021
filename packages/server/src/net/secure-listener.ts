/**
 * TLS for the ports of clients or of administrators, with certificates from files. When the files change they are read again, and new connections
 * are met with what is in them; what cannot be used is told in the log, and the certificates before it stay.
 */
import {
  type Address,
  type CertificateFacts,
  type Clock,
  certificateFacts,
  formatAddress,
  type Listener,
  type Logger,
  NodeTlsListener,
} from "@corral/io";
import { type CertificateSettings, ConfigError } from "../config.ts";
import type { Limits } from "../limits.ts";
import { RepeatedWarning } from "../repeated-warning.ts";
import { readCertificates } from "./certificate-files.ts";

/** What came of reading a file of certificates again. */
export type Reloaded = { readonly certFile: string } & (
  | { readonly certificate: CertificateFacts }
  | { readonly failure: string }
);

/** Listeners with certificates; see the head of this file. */
export class SecureListener {
  /** Connections that did not get through the handshake. */
  refusedTotal = 0;
  readonly #settings: CertificateSettings;
  readonly #clock: Clock;
  readonly #refusals: RepeatedWarning;
  readonly #listener: NodeTlsListener;

  /** @throws ConfigError when the files cannot be read or used */
  constructor(
    settings: CertificateSettings,
    limits: Limits,
    { logger, clock }: { readonly logger: Logger; readonly clock: Clock },
  ) {
    this.#settings = settings;
    this.#clock = clock;
    this.#refusals = new RepeatedWarning("connection refused", { logger, clock });
    const { clientAuth } = settings;
    const { handshakeMs, maxHandshakes } = limits;
    const onRefused = (remote: Address, reason: string): void => this.#onRefused(remote, reason);
    const read = readCertificates(settings);
    if ("setting" in read) {
      throw new ConfigError(`Wrong settings: ${read.setting}: ${read.text}`, [read.setting]);
    }
    this.#listener = new NodeTlsListener(read, { clientAuth, handshakeMs, maxHandshakes, onRefused });
  }

  /** What it shows. */
  get certificate(): CertificateFacts {
    return this.#listener.certificate;
  }

  /** The file that this comes from. */
  get certFile(): string {
    return this.#settings.certFile;
  }

  /** All files that it uses. */
  get files(): readonly string[] {
    const { certFile, keyFile, caFile } = this.#settings;
    return [certFile, keyFile, ...(caFile === undefined ? [] : [caFile])];
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

  /**
   * Reads the files again. New connections are met with what is in them, if it can be used; one that has expired does not take
   * the place of one that has not.
   */
  reload(): Reloaded {
    const { certFile } = this.#settings;
    const read = readCertificates(this.#settings);
    if ("setting" in read) return { certFile, failure: `${read.setting}: ${read.text}` };
    const { expiresMs } = certificateFacts(read.cert);
    const nowMs = this.#clock.wallMs();
    if (expiresMs <= nowMs && this.certificate.expiresMs > nowMs) {
      const expired = `${certFile} expired at ${new Date(expiresMs).toISOString()}`;
      return { certFile, failure: `${this.#settings.named.certFile}: ${expired}` };
    }
    this.#listener.replace(read);
    return { certFile, certificate: this.#listener.certificate };
  }

  #onRefused(remote: Address, reason: string): void {
    this.refusedTotal++;
    // What stands behind a colon, and numbers, differ from one to the next; the rest is one of few.
    const kind = reason.replace(/:.*/s, "").replace(/\d+/g, "");
    this.#refusals.tell(kind, { remote: formatAddress(remote), reason });
  }
}
