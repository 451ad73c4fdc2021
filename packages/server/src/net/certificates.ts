/**
 * The certificates of all ports with TLS. When a file changes all of them are read again together, so that one change is told
 * once, however many ports show it and however many files it took. What cannot be used is told in the log, and what was
 * there before stays. What is used and will soon be good no longer, or is not, is warned of.
 */
import { type Clock, type Logger, readSmallFile, type TimerHandle, watchFiles } from "@corral/io";
import { agedness } from "./certificate-age.ts";
import type { Reloaded, SecureListener } from "./secure-listener.ts";

/** The ports with TLS that there are. */
export interface SecureListeners {
  readonly clients: SecureListener | undefined;
  readonly admin: SecureListener | undefined;
}

/** What is told of TLS. */
export type TlsFacts = Pick<
  Certificates,
  "handshakes" | "refusedTotal" | "expiresMs" | "reloadFailuresTotal" | "warnings"
>;

/** How often it is seen whether a certificate has grown old, ms. */
const lookMs = 3_600_000;

/** See the head of this file. */
export class Certificates {
  /** How often new certificates could not be used. */
  reloadFailuresTotal = 0;
  readonly #listeners: readonly SecureListener[];
  readonly #files: readonly string[];
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #stopWatching: () => void;
  /** What was in the files when they were last read. */
  #seen: string;
  /** The warnings that the log has. */
  #told: readonly string[] = [];
  #nextLook: TimerHandle | undefined;

  constructor(
    { clients, admin }: SecureListeners,
    { logger, clock }: { readonly logger: Logger; readonly clock: Clock },
  ) {
    this.#listeners = [clients, admin].filter((one) => one !== undefined);
    this.#logger = logger;
    this.#clock = clock;
    this.#files = [...new Set(this.#listeners.flatMap(({ files }) => files))];
    this.#seen = this.#contents();
    this.#stopWatching = watchFiles(this.#files, () => this.#onChange());
    this.#watchAge();
  }

  /** Handshakes under way on the port that has most, since each has the limit for itself. */
  get handshakes(): number {
    return Math.max(...this.#listeners.map(({ handshakes }) => handshakes));
  }

  /** Connections that did not get through the handshake. */
  get refusedTotal(): number {
    return this.#listeners.reduce((sum, { refusedTotal }) => sum + refusedTotal, 0);
  }

  /** When the first of the certificates ends, ms since 1970. */
  get expiresMs(): number {
    return Math.min(...this.#listeners.map(({ certificate }) => certificate.expiresMs));
  }

  /** Sentences on certificates that are not good now, or soon no longer. */
  get warnings(): readonly string[] {
    const nowMs = this.#clock.wallMs();
    const sentences = this.#listeners.flatMap(({ certFile, certificate }) => {
      const words = agedness(certificate, nowMs);
      return words === undefined ? [] : [`the certificate in ${certFile} ${words}`];
    });
    return [...new Set(sentences)];
  }

  /** Reads all files again, and tells what came of it: the same for two ports once. */
  reload(): readonly Reloaded[] {
    // Before they are used: what changes in between is seen by the next look.
    this.#seen = this.#contents();
    const outcomes = new Map(this.#listeners.map((one) => one.reload()).map((one) => [JSON.stringify(one), one]));
    for (const one of outcomes.values()) this.#tell(one);
    this.#told = [];
    this.#tellAge();
    return [...outcomes.values()];
  }

  /** Stops looking at the files. */
  close(): void {
    this.#stopWatching();
    this.#nextLook?.cancel();
  }

  #watchAge(): void {
    this.#tellAge();
    this.#nextLook = this.#clock.setTimer(lookMs, () => this.#watchAge());
  }

  #tellAge(): void {
    const { warnings } = this;
    for (const sentence of warnings) if (!this.#told.includes(sentence)) this.#logger.warn({}, sentence);
    this.#told = warnings;
  }

  /** Is called for each file, though all of them may have been changed, and read, together. */
  #onChange(): void {
    if (this.#contents() !== this.#seen) this.reload();
  }

  #contents(): string {
    return JSON.stringify(this.#files.map(contentOf));
  }

  #tell(outcome: Reloaded): void {
    const { certFile } = outcome;
    if ("failure" in outcome) {
      this.reloadFailuresTotal++;
      const message = "the new certificates cannot be used: the ones before stay";
      this.#logger.error({ certFile, reason: outcome.failure }, message);
      return;
    }
    const { subject, expiresMs } = outcome.certificate;
    const expires = new Date(expiresMs).toISOString();
    this.#logger.info({ certFile, subject, expires }, "certificates were read again");
  }
}

/** As text, of whatever is in it; or why it cannot be read. */
function contentOf(path: string): string {
  try {
    return readSmallFile(path).toString("base64");
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
