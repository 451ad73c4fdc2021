/**
 * Keeps the file `epoch` up to date. Two things change it, an epoch that begins and a log segment that is made, and they
 * may come at the same time: so changes are written one after the other, each on top of the one before.
 */
import type { Disk } from "@corral/io";
import { type EpochFile, encodeEpochFile } from "./epoch-file.ts";
import { epochFileName } from "./file-names.ts";
import { replaceFile } from "./whole-file.ts";

/** See the head of this file. */
export class EpochRegister {
  readonly #disk: Disk;
  readonly #directory: string;
  #content: EpochFile;
  #last: Promise<unknown> = Promise.resolve();

  /** `content`: what the file says, or should say if it is lost. Nothing is written yet. */
  constructor(disk: Disk, directory: string, content: EpochFile) {
    this.#disk = disk;
    this.#directory = directory;
    this.#content = content;
  }

  /** The epoch as last written. */
  get epoch(): number {
    return this.#content.epoch;
  }

  /**
   * Makes a change durable, but not before `ready` has resolved. Rejects with what the disk says, or as `ready` does; what was
   * not changed stays as it was then.
   */
  update(change: Partial<EpochFile>, ready?: Promise<unknown>): Promise<void> {
    const written = this.#last.then(() => this.#write(change, ready));
    // Whoever asked for a change that failed is told; the next one is tried all the same.
    this.#last = Promise.allSettled([written]);
    return written;
  }

  /** Waits for the changes that are under way, however they end. */
  async settled(): Promise<void> {
    await this.#last;
  }

  async #write(change: Partial<EpochFile>, ready: Promise<unknown> | undefined): Promise<void> {
    const content = { ...this.#content, ...change };
    const bytes = encodeEpochFile(content);
    await replaceFile(this.#disk, this.#directory, epochFileName, (file) => file.write(0, bytes), ready);
    this.#content = content;
  }
}
