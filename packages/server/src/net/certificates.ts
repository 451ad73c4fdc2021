/**
 * The certificates of all ports with TLS. When a file changes all of them are read again together, so that one change is told
 * once, however many ports show it and however many files it took. What cannot be used is told in the log, and what was
 * there before stays.
 */
import { type Logger, readSmallFile, watchFiles } from "@corral/io";
import type { Reloaded, SecureListener } from "./secure-listener.ts";

/** The ports with TLS that there are. */
export interface SecureListeners {
  readonly clients: SecureListener | undefined;
  readonly admin: SecureListener | undefined;
}

/** What is told of TLS. */
export type TlsFacts = Pick<Certificates, "handshakes" | "refusedTotal" | "expiresMs" | "reloadFailuresTotal">;

/** See the head of this file. */
export class Certificates {
  /** How often new certificates could not be used. */
  reloadFailuresTotal = 0;
  readonly #listeners: readonly SecureListener[];
  readonly #files: readonly string[];
  readonly #logger: Logger;
  readonly #stopWatching: () => void;
  /** What was in the files when they were last read. */
  #seen: string;

  constructor({ clients, admin }: SecureListeners, { logger }: { readonly logger: Logger }) {
    this.#listeners = [clients, admin].filter((one) => one !== undefined);
    this.#logger = logger;
    this.#files = [...new Set(this.#listeners.flatMap(({ files }) => files))];
    this.#seen = this.#contents();
    this.#stopWatching = watchFiles(this.#files, () => this.#onChange());
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

  /** Reads all files again, and tells what came of it: the same for two ports once. */
  reload(): readonly Reloaded[] {
    // Before they are used: what changes in between is seen by the next look.
    this.#seen = this.#contents();
    const outcomes = new Map(this.#listeners.map((one) => one.reload()).map((one) => [JSON.stringify(one), one]));
    for (const one of outcomes.values()) this.#tell(one);
    return [...outcomes.values()];
  }

  /** Stops looking at the files. */
  close(): void {
    this.#stopWatching();
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
