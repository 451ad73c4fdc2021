import { type LogFields, silentLogger } from "@corral/io";
import { MemoryDisk, VirtualClock } from "@corral/testing";
import { pino } from "pino";
import { expect, test } from "vitest";
import { AuditLog, type LoggerWithOutput } from "./audit-log.ts";

const record = { timeMs: 0, operation: "setData", path: "/a", result: "success", zxid: 1 } as const;
const refused = { timeMs: 0, operation: "auth", result: "failure" } as const;
const clock = new VirtualClock();

const open = (logger: LoggerWithOutput): Promise<AuditLog> => {
  const disk = new MemoryDisk();
  return AuditLog.open({ path: undefined, serverUser: "server", maxWaitingBytes: 100, disk, clock, logger });
};

/** Keeps lines as long as there is room, or they may exceed it. */
class Output {
  readonly waitingBytes = 0;
  isFailing = false;
  hasRoom = true;
  readonly lines: string[] = [];

  add(line: string, mayExceed: boolean): boolean {
    const isKept = this.hasRoom || mayExceed;
    if (isKept) this.lines.push(line);
    return isKept;
  }

  whenRoom(callback: () => void): void {
    callback();
  }

  /** What the lines are of. */
  get told(): unknown[] {
    return this.lines.map((line) => {
      const { operation, count } = JSON.parse(line).audit;
      return count === undefined ? operation : `${operation} ${count}`;
    });
  }
}

test("in the server's log its lines look as the logger's own do", async () => {
  const output = new Output();
  const audit = await open({ ...silentLogger, output });
  audit.write(record);
  const lines: string[] = [];
  const time = `,"time":${clock.wallMs()}`;
  const logger = pino({ base: null, timestamp: () => time }, { write: (line) => void lines.push(line) });
  const plain = await open({ ...silentLogger, info: (fields: LogFields, message) => logger.info(fields, message) });
  plain.write(record);
  expect(output.lines).toEqual(lines);
});

test("what has waited for room is kept beyond the bound, unless the reader takes nothing; what is lost is told of", async () => {
  const output = new Output();
  const audit = await open({ ...silentLogger, output });
  output.hasRoom = false;
  audit.write(record);
  audit.write(refused);
  expect([output.told, audit.lostTotal]).toEqual([["setData"], 1]);
  output.isFailing = true;
  audit.write(record);
  expect([output.told, audit.lostTotal]).toEqual([["setData"], 2]);
  [output.isFailing, output.hasRoom] = [false, true];
  audit.write(refused);
  expect([output.told, audit.lostTotal]).toEqual([["setData", "auth", "auditLinesLost 2"], 2]);
});
