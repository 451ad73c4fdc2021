/** A logger that remembers, and lets a test wait for a line. */
import type { LogFields, Logger } from "@corral/io";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields;
}

export class RecordingLogger implements Logger {
  readonly lines: LogLine[] = [];
  readonly #waiting = new Set<() => void>();

  debug(fields: LogFields, message: string): void {
    this.#add({ level: "debug", message, fields });
  }
  info(fields: LogFields, message: string): void {
    this.#add({ level: "info", message, fields });
  }
  warn(fields: LogFields, message: string): void {
    this.#add({ level: "warn", message, fields });
  }
  error(fields: LogFields, message: string): void {
    this.#add({ level: "error", message, fields });
  }

  #add(line: LogLine): void {
    this.lines.push(line);
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves with the first line whose message or reason holds `text`, once there is one. */
  async line(text: string): Promise<LogLine> {
    for (;;) {
      const found = this.lines.find((l) => `${l.message} ${String(l.fields.reason ?? "")}`.includes(text));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
  }
}
