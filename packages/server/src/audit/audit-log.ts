/** The audit log of a server: records in, lines out, to a file of their own or into the server's log. */
import type { Clock, Disk, Logger } from "@corral/io";
import { ConfigError } from "../config.ts";
import type { AuditRecord } from "../replica/audit-record.ts";
import { AuditFile } from "./audit-file.ts";
import { auditFields, auditLine } from "./audit-line.ts";

/** As pino writes it. */
const infoLevel = 30;

/** A logger that shows what becomes of its lines. Of one that does not, each is taken for written. */
export interface LoggerWithOutput extends Logger {
  readonly output?: LogBacklog;
}

/** Lines of a log on their way out. */
export interface LogBacklog {
  /** Bytes of the lines that have not left. */
  readonly waitingBytes: number;
  /** Whether nothing can be written at present. */
  readonly isFailing: boolean;
  /** Takes a line as the logger makes them, with its end; returns whether it is kept. `mayExceed`: beyond the bound as well. */
  add(line: string, mayExceed: boolean): boolean;
  /** Calls back, once, when there is room for many lines, or none is to be had by waiting; at once, if so. */
  whenRoom(callback: () => void): void;
}

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
  readonly logger: LoggerWithOutput;
}

/** See the head of this file. */
export class AuditLog {
  readonly #options: AuditLogOptions;
  readonly #file: AuditFile | undefined;
  /** Where the lines go without a file. */
  readonly #output: LogBacklog | undefined;
  #recordsTotal = 0;
  /** Without a file: lines that are lost, and those of which no line tells yet. */
  #lostTotal = 0;
  #lostSince = 0;

  private constructor(options: AuditLogOptions, file: AuditFile | undefined) {
    this.#options = options;
    this.#file = file;
    this.#output = file === undefined ? options.logger.output : undefined;
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
      const remedy = "is no regular file; without one the audit log goes into the server's log, on standard error";
      // What Linux says of a socket, as /dev/stdout may be one.
      const why = code === "ESPIPE" || code === "ENXIO" ? remedy : `cannot be opened (${code ?? message})`;
      throw new ConfigError(`Wrong settings: auditFile: ${path} ${why}`, ["auditFile"]);
    }
  }

  /** Records written, waiting or lost. */
  get recordsTotal(): number {
    return this.#recordsTotal;
  }

  /** Records that were lost because what they go to could not be written for too long. */
  get lostTotal(): number {
    return this.#file?.lostTotal ?? this.#lostTotal;
  }

  /** Whether nothing can be written at present. */
  get isFailing(): boolean {
    return (this.#file ?? this.#output)?.isFailing ?? false;
  }

  /** Bytes of the lines that are not written yet. */
  get waitingBytes(): number {
    return (this.#file ?? this.#output)?.waitingBytes ?? 0;
  }

  /** Calls back, once, when there is room for the lines of many writes, or none is to be had by waiting; at once, if so. */
  whenRoom(callback: () => void): void {
    const holder = this.#file ?? this.#output;
    if (holder === undefined) return callback();
    holder.whenRoom(callback);
  }

  /** Takes a record. Returns at once, and never fails. */
  write(record: AuditRecord): void {
    this.#recordsTotal++;
    // What was refused before it came to the log has waited for no room, and nothing has come of it.
    const mayExceed = record.zxid !== undefined || record.result !== "failure";
    if (this.#file !== undefined) {
      return this.#file.append(auditLine(record, this.#options.serverUser), mayExceed, record.zxid);
    }
    if (!this.#log(record, mayExceed)) {
      this.#lostTotal++;
      this.#lostSince++;
    } else if (this.#lostSince > 0) this.#tellLoss();
  }

  /** Behind the first line that is kept again: before it is known to be, this one might be lost as well. */
  #tellLoss(): void {
    const timeMs = this.#options.clock.wallMs();
    const loss = { timeMs, operation: "auditLinesLost", result: "failure", count: this.#lostSince } as const;
    if (this.#log(loss, true)) this.#lostSince = 0;
  }

  /** Returns whether the line was kept, as far as the logger tells. */
  #log(record: AuditRecord, mayExceed: boolean): boolean {
    const { serverUser, logger, clock } = this.#options;
    const audit = Object.fromEntries(auditFields(record, serverUser));
    if (this.#output === undefined) {
      logger.info({ audit }, "audit");
      return true;
    }
    const line = JSON.stringify({ level: infoLevel, time: clock.wallMs(), audit, msg: "audit" });
    return this.#output.add(`${line}\n`, mayExceed && !this.#output.isFailing);
  }

  /** What the server does of its own accord, now. */
  tell(operation: "serverStart" | "serverStop", result: "success" | "invoked"): void {
    this.write({ timeMs: this.#options.clock.wallMs(), operation, result });
  }

  /** Goes on in the file that has the name now, after the one before was renamed. */
  reopen(): void {
    this.#file?.reopen();
  }

  /** Writes what waits and closes the file. Returns how many lines are lost of which nothing in it tells. Never rejects. */
  async close(): Promise<number> {
    return (await this.#file?.close()) ?? 0;
  }
}
