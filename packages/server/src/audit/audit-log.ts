/** The audit log of a server: records in, lines out, to a file of their own or into the server's log. */
import type { Clock, Disk, Logger } from "@corral/io";
import { ConfigError } from "../config.ts";
import { type AuditRecord, linesLeftOut } from "../replica/audit-record.ts";
import { AuditFile } from "./audit-file.ts";
import { auditFields, auditLine } from "./audit-line.ts";

/** Where it is written, and for whom. */
export interface AuditLogOptions {
  /** Undefined: it goes into the server's log, at level info. */
  readonly path: string | undefined;
  /** Under whose name the server's own doings stand. */
  readonly serverUser: string;
  /** Lines that wait for the file, bytes. */
  readonly maxWaitingBytes: number;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** See the head of this file. */
export class AuditLog {
  readonly #options: AuditLogOptions;
  readonly #file: AuditFile | undefined;
  #recordsTotal = 0;
  #leftOutTotal = 0;

  private constructor(options: AuditLogOptions, file: AuditFile | undefined) {
    this.#options = options;
    this.#file = file;
  }

  /** @throws ConfigError when the file cannot be opened: who asks for an audit log must not find out later that there is none. */
  static async open(options: AuditLogOptions): Promise<AuditLog> {
    const { path, maxWaitingBytes, serverUser, disk, clock, logger } = options;
    if (path === undefined) return new AuditLog(options, undefined);
    const lossLine = (count: number): string =>
      auditLine({ timeMs: clock.wallMs(), operation: "auditLinesLost", result: "failure", count }, serverUser);
    try {
      return new AuditLog(options, await AuditFile.open({ disk, path, clock, logger, maxWaitingBytes, lossLine }));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new ConfigError(`Wrong settings: auditFile: ${path} cannot be opened (${code ?? message})`, ["auditFile"]);
    }
  }

  /** Records written, waiting or lost. */
  get recordsTotal(): number {
    return this.#recordsTotal;
  }

  /** Records that were lost because the file could not be written for too long, or left out because those of one entry were too long. */
  get lostTotal(): number {
    return this.#leftOutTotal + (this.#file?.lostTotal ?? 0);
  }

  /** Whether the file cannot be written at present. */
  get isFailing(): boolean {
    return this.#file?.isFailing ?? false;
  }

  /** Bytes of the lines that are not written yet. */
  get waitingBytes(): number {
    return this.#file?.waitingBytes ?? 0;
  }

  /** Calls back, once, when there is room for the lines of many writes, or none is to be had by waiting; at once, if so. */
  whenRoom(callback: () => void): void {
    if (this.#file === undefined) return callback();
    this.#file.whenRoom(callback);
  }

  /** Takes a record. Returns at once, and never fails. */
  write(record: AuditRecord): void {
    const leftOut = record.operation === linesLeftOut ? (record.count ?? 0) : 0;
    this.#recordsTotal += 1 + leftOut;
    this.#leftOutTotal += leftOut;
    const { serverUser, logger } = this.#options;
    // What was refused before it came to the log has waited for no room, and nothing has come of it.
    const mayExceed = record.zxid !== undefined || record.result !== "failure";
    if (this.#file !== undefined) this.#file.append(auditLine(record, serverUser), mayExceed);
    else logger.info({ audit: Object.fromEntries(auditFields(record, serverUser)) }, "audit");
  }

  /** What the server does of its own accord, now. */
  tell(operation: "serverStart" | "serverStop", result: "success" | "invoked"): void {
    this.write({ timeMs: this.#options.clock.wallMs(), operation, result });
  }

  /** Goes on in the file that has the name now, after the one before was renamed. */
  reopen(): void {
    this.#file?.reopen();
  }

  /** Writes what waits and closes the file. Idempotent. Never rejects. */
  async close(): Promise<void> {
    await this.#file?.close();
  }
}
