/**
 * Runs the replica: one input after another, and every effect of one before the next. The only place that keeps the
 * order. An error in here is a bug; the server then stops rather than go on wrong.
 */
import type { Clock, Logger, TimerHandle } from "@corral/io";
import { assertNever, formatZxid } from "@corral/protocol";
import type { AuditLog } from "./audit/audit-log.ts";
import type { DurableLog } from "./durable-log.ts";
import type { ClientPort } from "./net/client-port.ts";
import type { Effect, Input } from "./replica/effect.ts";
import type { Replica } from "./replica.ts";
import { shareOfSnapshots, snapshotRoom } from "./storage/room.ts";
import { SnapshotGivenUpError } from "./storage/storage-error.ts";

/** What a driver runs, and whom it tells. */
export interface DriverParts {
  readonly replica: Replica;
  readonly log: DurableLog;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How many bytes must stay free on the disk. Default: none. */
  readonly minFreeBytes?: number;
  readonly audit?: Pick<AuditLog, "write" | "whenRoom"> | undefined;
  /** Called once, when clients can be served, or with what keeps the server from ever serving. */
  readonly onStarted: (failure?: Error) => void;
  /** Called once, when the replica has failed and must not be used any more. */
  readonly onFatal: (error: Error) => void;
}

/** What was waited for will not come: the server has stopped, or cannot write. */
export class NeverError extends Error {
  override readonly name = "NeverError";
}

const stopping = "the server is stopping";

type Durable = Extract<Input, { type: "durable" }>;
type Send = Extract<Effect, { type: "send" }>;

interface Waiter {
  readonly isDone: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const pulseMs = 500;

/** Fewer effects are performed one by one. */
const many = 100;

/** Those that are sent from there on, if they are several. */
function sendsFrom(effects: readonly Effect[], from: number): readonly Send[] | undefined {
  if (effects[from + 1]?.type !== "send") return undefined;
  const sends: Send[] = [];
  for (let at = from; at < effects.length; at++) {
    const effect = effects[at] as Effect;
    if (effect.type !== "send") break;
    sends.push(effect);
  }
  return sends;
}

/** Performs what the replica decides; see the head of this file. */
export class Driver {
  readonly #parts: DriverParts;
  readonly #inputs: Input[] = [];
  #port: ClientPort | undefined;
  #heldDurable: Durable | undefined;
  readonly #waiting = new Set<Waiter>();
  #pulse: TimerHandle | undefined;
  #running = false;
  #stopping = false;
  #dead = false;

  constructor(parts: DriverParts) {
    this.#parts = parts;
    parts.log.onDurable = (zxid, logBytes) => this.#onDurable({ type: "durable", zxid, logBytes });
    parts.log.onFailure = (err) => {
      this.#releaseDurable();
      parts.logger.error({ err }, "writing the log failed; free space or replace the disk, then restart the server");
      this.dispatch({ type: "logFailed" });
    };
  }

  /** Where connections' output goes. */
  connect(port: ClientPort): void {
    this.#port = port;
  }

  /**
   * Takes an input that leads to something in the log which nobody has asked for over a connection. @throws NeverError once
   * the server stops: the log is closed when all that was begun before is durable, and takes nothing more.
   */
  request(input: Input): void {
    this.requireRunning();
    this.dispatch(input);
  }

  /** @throws NeverError once the server stops. */
  requireRunning(): void {
    if (this.#stopping || this.#dead) throw new NeverError(stopping);
  }

  /** Nothing new is begun from now on; `request` says so. */
  stop(): void {
    this.#stopping = true;
    this.#pulse?.cancel();
    this.dispatch({ type: "stop" });
  }

  /** Takes an input; one that comes while another is being worked on waits its turn. */
  dispatch(input: Input): void {
    if (this.#dead) return;
    this.#inputs.push(input);
    if (this.#running) return;
    this.#running = true;
    try {
      const { replica, clock } = this.#parts;
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        const now = { elapsedMs: clock.elapsedMs(), wallMs: clock.wallMs() };
        this.#performAll(replica.step(next, now));
      }
    } catch (error) {
      this.#dead = true;
      this.#parts.onFatal(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#running = false;
    }
    if (this.#waiting.size > 0) this.#settle();
  }

  /**
   * Resolves when `isDone`, which is asked after every input; rejects with NeverError when the log or the server has
   * failed, or the server has stopped, and it cannot come to that any more.
   */
  until(isDone: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.add({ isDone, resolve, reject });
      this.#settle();
    });
  }

  /** What is durable is applied only when the audit log has room for its lines: to all others the log is that much slower. */
  #onDurable(input: Durable): void {
    const isHeld = this.#heldDurable !== undefined;
    // The newest says it for all before.
    this.#heldDurable = input;
    if (!isHeld) this.#whenRoom(() => this.#releaseDurable());
  }

  /**
   * Asked before each slice of what may make many audit lines: those of one slice have room when it begins, those of all slices
   * together would not.
   */
  #whenRoom(callback: () => void): void {
    const { audit } = this.#parts;
    if (audit === undefined) callback();
    else audit.whenRoom(callback);
  }

  #releaseDurable(): void {
    const input = this.#heldDurable;
    this.#heldDurable = undefined;
    if (input !== undefined) this.dispatch(input);
  }

  /** The server has stopped: whoever still waits does so in vain. */
  end(): void {
    this.#releaseDurable();
    this.#dead = true;
    this.#settle();
  }

  #settle(): void {
    for (const waiter of [...this.#waiting]) {
      const isDone = waiter.isDone();
      if (!isDone && !this.#dead && !this.#parts.replica.writesStopped) continue;
      this.#waiting.delete(waiter);
      if (isDone) waiter.resolve();
      else waiter.reject(new NeverError(this.#dead ? "the server has stopped" : "the log cannot be written"));
    }
  }

  /** In order; of many, what is sent to one connection after the other goes to the port together. */
  #performAll(effects: readonly Effect[]): void {
    if (effects.length < many) {
      for (const effect of effects) this.#perform(effect);
      return;
    }
    for (let at = 0; at < effects.length; ) {
      const effect = effects[at] as Effect;
      const sends = effect.type === "send" ? sendsFrom(effects, at) : undefined;
      if (sends === undefined) this.#perform(effect);
      else this.#port?.sendAll(sends);
      at += sends?.length ?? 1;
    }
  }

  #perform(effect: Effect): void {
    const { log, logger } = this.#parts;
    switch (effect.type) {
      case "persist":
        return log.append(effect.records);
      case "persistEpoch":
        void this.#persistEpoch(effect.epoch);
        return;
      case "goOn":
        this.#parts.clock.setTimer(0, () => this.#whenRoom(() => this.dispatch({ type: "goOn" })));
        return;
      case "spend":
        return this.#port?.spend(effect.requests, effect.bytes);
      case "serving":
        if (this.#parts.replica.takesSnapshots) this.#waitForPulse();
        return this.#parts.onStarted();
      case "send":
        return this.#port?.send(effect.connection, effect.bytes);
      case "close":
        return this.#port?.close(effect.connection, effect);
      case "pauseReading":
        return this.#port?.pauseReading(effect.connection, effect.paused);
      case "snapshot":
        void this.#writeSnapshot(effect.zxid, effect.chunks);
        return;
      case "audit":
        return this.#parts.audit?.write(effect.record);
      case "log":
        return logger[effect.level](effect.fields, effect.message);
      default:
        assertNever(effect);
    }
  }

  #waitForPulse(): void {
    this.#pulse = this.#parts.clock.setTimer(pulseMs, () => {
      if (this.#dead) return;
      this.#waitForPulse();
      this.dispatch({ type: "pulse" });
    });
  }

  async #persistEpoch(epoch: number): Promise<void> {
    try {
      await this.#parts.log.writeEpoch(epoch);
      this.dispatch({ type: "epochDurable", epoch });
    } catch (error) {
      const err = error instanceof Error ? error : new Error(String(error));
      if (!this.#parts.replica.serving) return this.#parts.onStarted(err);
      this.#releaseDurable();
      this.#parts.logger.error({ err, epoch }, "the epoch cannot be written; writes stop");
      this.dispatch({ type: "logFailed" });
    }
  }

  async #writeSnapshot(zxid: number, chunks: Iterable<Uint8Array>): Promise<void> {
    const { log, logger, clock, replica, minFreeBytes = 0 } = this.#parts;
    const roomBytes = snapshotRoom(replica.state.tree) + Math.ceil(shareOfSnapshots * minFreeBytes);
    const startedMs = clock.elapsedMs();
    let written: { zxid: number; tookMs: number } | undefined;
    try {
      await log.writeSnapshot(zxid, chunks, roomBytes);
      written = { zxid, tookMs: Math.round(clock.elapsedMs() - startedMs) };
      logger.info({ zxid: formatZxid(zxid), tookMs: written.tookMs }, "snapshot written");
    } catch (err) {
      // The log still has everything; the next snapshot tries again.
      if (err instanceof SnapshotGivenUpError) logger.info({ zxid: formatZxid(zxid) }, err.message);
      else logger.error({ err, zxid: formatZxid(zxid) }, "writing a snapshot failed");
    }
    this.dispatch({ type: "snapshotEnded", ...(written && { written }) });
  }
}
