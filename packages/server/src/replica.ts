/**
 * The server as a machine: `step(input, now) -> effects`. Read this first. No clock, no socket, no file: whatever it
 * needs to know comes in as an input, whatever it wants done goes out as an effect.
 *
 * A write becomes an entry, the entry goes to the log, and only when the log is durable up to it is it applied, its
 * watches fired and its reply written, in that order. A read is answered from the applied state, after the
 * connection's own earlier writes. Alone, this server is the quorum.
 */
import { assert, assertNever, formatZxid, OpCode } from "@corral/protocol";
import { type Behaviour, shown } from "./compatibility.ts";
import { Auditor } from "./replica/auditor.ts";
import { type AuthenticationRules, certified } from "./replica/authenticate.ts";
import type { Connection } from "./replica/connection.ts";
import { Connections } from "./replica/connections.ts";
import type { Effect, Input, Now } from "./replica/effect.ts";
import { Events } from "./replica/events.ts";
import { Pipeline } from "./replica/pipeline.ts";
import { type Proposal, Proposals } from "./replica/proposals.ts";
import { QuotaLog } from "./replica/quota-log.ts";
import { Reaper } from "./replica/reaper.ts";
import { ServerStats } from "./replica/server-stats.ts";
import { type SessionOptions, Sessions } from "./replica/sessions.ts";
import { type SinceSnapshot, SnapshotSchedule } from "./replica/snapshot-schedule.ts";
import { Turn } from "./replica/turn.ts";
import { type RestorePart, restorePart } from "./state/operation.ts";
import { snapshotChunks } from "./state/snapshot.ts";
import type { StateMachine } from "./state/state-machine.ts";
import { epochsAreSpent, epochWarning } from "./storage/epochs.ts";
import { WatchTable } from "./watch/watch-table.ts";

/** What a replica is made of. */
export interface ReplicaOptions extends SessionOptions {
  /** The state as recovered. */
  readonly state: StateMachine;
  /** The highest epoch ever written down here; this life is the next one, if there is one. */
  readonly lastEpoch: number;
  /** After how many entries the next epoch is begun. Default: half of what an epoch has. */
  readonly entriesPerEpoch?: number;
  /** How often containers and nodes with a time to live are looked through, ms. */
  readonly reaperIntervalMs: number;
  /** Whether there is a disk for snapshots. */
  readonly takesSnapshots: boolean;
  readonly authentication: AuthenticationRules;
  /** Whether there is an audit log. */
  readonly isAudited?: boolean;
  /** Whether writes beyond a hard quota are refused. */
  readonly enforcesQuota?: boolean;
  readonly behaviour: Behaviour;
  /** What the log has behind the newest snapshot at the start; nothing, if that is not said. */
  readonly sinceSnapshot?: SinceSnapshot;
}

/** Sessions that expire in one step; each costs some 10 µs, and the end of its connection. */
const expiredPerStep = 1_000;

/** The machine; see the head of this file. */
export class Replica {
  readonly state: StateMachine;
  readonly stats = new ServerStats();
  readonly #options: ReplicaOptions;
  readonly #turn = new Turn();
  readonly #auditor: Auditor | undefined;
  readonly #watches: WatchTable<Connection>;
  readonly #connections: Connections;
  readonly #proposals: Proposals;
  readonly #sessions: Sessions;
  readonly #events: Events;
  readonly #pipeline: Pipeline;
  readonly #quotaLog = new QuotaLog(this.#turn);
  readonly #reaper: Reaper;
  /** Whether `goOn` is to come. */
  #goesOn = false;
  /** Up to which entry the log is durable. */
  #durableZxid = 0;
  /** Whether some of that is still to be applied, when everybody else has had a turn. */
  #isBehind = false;
  /** Of those that became durable together, how many were applied. */
  #appliedTogether = 0;
  #serving = false;
  #nextReapMs: number | undefined;
  #stopping = false;
  #snapshotRunning = false;
  readonly #snapshots: SnapshotSchedule;
  #restoredZxid = 0;
  #restoreBytes = 0;

  constructor(options: ReplicaOptions) {
    const { state, limits, authentication, behaviour, random } = options;
    const turn = this.#turn;
    this.#options = options;
    this.state = state;
    const { sinceSnapshot: since = { entries: 0, bytes: 0 } } = options;
    this.#snapshots = new SnapshotSchedule({ limits, random, since, nodeCount: state.tree.nodeCount });
    this.#watches = new WatchTable<Connection>({ modesCoexist: behaviour.watchModesCoexist });
    this.#connections = new Connections(turn, this.#watches);
    this.#proposals = new Proposals(turn, options.lastEpoch, options);
    const auditor = options.isAudited
      ? new Auditor(turn, limits.maxAuditBytes / 16, limits.maxAuditBytes / 4)
      : undefined;
    this.#auditor = auditor;
    const parts = { turn, state, connections: this.#connections, proposals: this.#proposals, auditor };
    this.#sessions = new Sessions(options, parts);
    const { stats } = this;
    this.#events = new Events({ turn, stats, behaviour, watches: this.#watches });
    this.#pipeline = new Pipeline({
      ...parts,
      watches: this.#watches,
      sessions: this.#sessions,
      events: this.#events,
      stats,
      limits,
      authentication,
      behaviour,
      comeBack: () => this.#comeBack(),
    });
    this.#reaper = new Reaper(state, behaviour.unusedContainerMs);
  }

  /** Whether clients are served: from the moment at which the epoch of this life is durable. */
  get serving(): boolean {
    return this.#serving;
  }

  /** As clients are told. */
  get version(): string {
    return this.#options.behaviour.version;
  }

  /** Whether there is a disk for snapshots. */
  get takesSnapshots(): boolean {
    return this.#options.takesSnapshots;
  }

  /** Of the next entry. */
  get epoch(): number {
    return this.#proposals.epoch;
  }

  get connectionCount(): number {
    return this.#connections.count;
  }

  /** Connections ended, ever, because of what their clients did, or because there was no room for them. */
  get closedTotal(): number {
    return this.#connections.closedTotal;
  }

  get watchCount(): number {
    return this.#watches.size;
  }

  /** All connections, to look at. */
  get connections(): Iterable<Connection> {
    return this.#connections;
  }

  /** All watches, to look at. */
  get watches(): Pick<WatchTable<Connection>, "size" | "pathCount" | "recursiveCount" | typeof Symbol.iterator> {
    return this.#watches;
  }

  /** When which sessions are due: elapsed ms, and their ids, earliest first. */
  get sessionDueTimes(): readonly (readonly [dueMs: number, ids: readonly bigint[]])[] {
    return this.#sessions.dueTimes;
  }

  /** How long the oldest of the writes that are not yet applied has waited, ms, as of the last step. */
  get oldestWaitMs(): number {
    return this.#proposals.oldestWaitMs;
  }

  /** Bytes of the pieces of a snapshot that are on their way to be restored. */
  get restoreBytes(): number {
    return this.#restoreBytes;
  }

  /** Bytes of the writes proposed and not yet applied. */
  get outstandingBytes(): number {
    return this.#proposals.pendingBytes;
  }

  /** Entries applied since the last snapshot, and bytes logged since. */
  get sinceSnapshot(): SinceSnapshot {
    return this.#snapshots.since;
  }

  /** Writes proposed and not yet applied. */
  get outstanding(): number {
    return this.#proposals.count;
  }

  /** With which entry a snapshot was last restored; 0 if none was in this life. */
  get restoredZxid(): number {
    return this.#restoredZxid;
  }

  /** Whether clients' writes are refused because the disk is nearly full. */
  get diskIsLow(): boolean {
    return this.#proposals.diskIsLow;
  }

  /** Whether clients' writes are refused because there is no epoch for them. */
  get epochsAreSpent(): boolean {
    return this.#proposals.areSpent;
  }

  /** Whether writes are refused because the log failed. */
  get writesStopped(): boolean {
    return this.#proposals.failed;
  }

  /** Takes one input and tells what is to be done, in this order. */
  step(input: Input, now: Now): Effect[] {
    this.#turn.begin(now);
    this.#onInput(input);
    return this.#turn.end();
  }

  #onInput(input: Input): void {
    switch (input.type) {
      case "start":
        this.#sessions.start();
        return this.#proposals.areSpent ? this.#serve() : this.#proposals.wantEpoch();
      case "epochDurable":
        return this.#onEpochDurable(input.epoch);
      case "connected":
        assert(this.#serving, "connections are accepted only while serving");
        return this.#connections.open(
          input.connection,
          input.remote,
          certified(input.subject, this.#options.authentication),
          input.isSecure,
        );
      case "frames": {
        const connection = this.#connections.get(input.connection);
        if (connection === undefined) return;
        connection.unsentBytes = input.unsentBytes;
        return this.#pipeline.onFrames(connection, input.frames);
      }
      case "heard":
        for (const id of input.connections) {
          const connection = this.#connections.get(id);
          if (connection !== undefined) this.#sessions.touch(connection);
        }
        return;
      case "unsent": {
        const connection = this.#connections.get(input.connection);
        if (connection === undefined) return;
        connection.unsentBytes = input.bytes;
        return this.#pipeline.advance(connection);
      }
      case "drained": {
        const connection = this.#connections.get(input.connection);
        if (connection === undefined) return;
        connection.unsentBytes = 0;
        // What it says meanwhile is not heard; that it takes its answers is.
        if (connection.readingPaused) this.#sessions.touch(connection);
        return this.#pipeline.advance(connection);
      }
      case "ended": {
        const connection = this.#connections.get(input.connection);
        if (connection === undefined) return;
        connection.isDeaf = true;
        connection.unsentBytes = 0;
        return this.#pipeline.advance(connection);
      }
      case "disconnected": {
        const connection = this.#connections.get(input.connection);
        if (connection === undefined) return;
        return this.#connections.forget(connection);
      }
      case "tick":
        return this.#onTick();
      case "pulse":
        return this.#onPulse();
      case "goOn":
        this.#goesOn = false;
        if (this.#isBehind) this.#applyDurable();
        else this.#pipeline.onRoom();
        return this.#goOn();
      case "durable":
        this.#snapshots.onLogged(input.logBytes);
        this.#durableZxid = input.zxid;
        if (!this.#isBehind) this.#applyDurable();
        return;
      case "raiseEpoch":
        return this.#proposals.wantEpoch(input.epoch);
      case "snapshotWanted":
        this.#snapshots.ask();
        return this.#snapshotWhenDue();
      case "restorePart":
        return this.#restore(input.part);
      case "diskSpace":
        this.#proposals.diskIsLow = input.isLow;
        return;
      case "logFailed":
        return this.#onLogFailed();
      case "stop":
        this.#stopping = true;
        this.#pipeline.stop();
        // The log is closed now, and the connections are when it is.
        if (this.#isBehind) this.#applyDurable();
        return;
      case "snapshotEnded":
        this.state.tree.endSnapshot();
        this.#snapshotRunning = false;
        this.#countSnapshot(input.written);
        return this.#snapshotWhenDue();
      default:
        assertNever(input);
    }
  }

  #onEpochDurable(epoch: number): void {
    this.#proposals.beginEpoch(epoch);
    this.#turn.log("info", { epoch, zxid: formatZxid(this.state.lastZxid) }, "epoch begun");
    if (!this.#serving) this.#serve();
  }

  #serve(): void {
    this.#serving = true;
    if (this.epochsAreSpent) this.#turn.log("error", { epoch: this.epoch }, epochsAreSpent);
    const warning = epochWarning(this.epoch);
    if (warning !== undefined && !this.epochsAreSpent) this.#turn.log("warn", { epoch: this.epoch }, warning);
    // The life before ended while a snapshot came in; the rest of it will not come.
    if (this.state.isRestoring) this.#restore({ number: -1, isLast: true, chunk: new Uint8Array(0) });
    this.#turn.effect({ type: "serving" });
  }

  /** Applies what is durable, up to what one turn may take; whoever asks for little must not wait for the rest. */
  #applyDurable(isAll = this.#stopping): void {
    const { stats, state } = this;
    const { maxTurnRequests, maxTurnBytes, maxAuditBytes } = this.#options.limits;
    const toldBefore = this.#auditor?.bytesTotal ?? 0;
    const take = () => this.#proposals.takeDurable(this.#durableZxid);
    let work = 0;
    let bytes = 0;
    for (let next = take(); next !== undefined; next = take()) {
      const { sentTotal } = stats;
      const { nodeCount } = state.tree;
      const { requests, bytes: doneBytes } = this.#pipeline.work;
      this.#apply(next);
      this.#pipeline.onApplied(next.entry.zxid);
      const { operation } = next.entry;
      const parts = operation.type === OpCode.multi ? operation.request.length : 1;
      // The end of a session is one entry, however many ephemerals go with it; and anybody may be waiting for an event.
      work += Math.max(parts, Math.abs(state.tree.nodeCount - nodeCount)) + stats.sentTotal - sentTotal;
      // What waited behind it was answered, too.
      work += this.#pipeline.work.requests - requests;
      bytes += next.bytes + this.#pipeline.work.bytes - doneBytes;
      this.#appliedTogether++;
      // Half of what may wait for the audit log's disk is free when a turn begins. Little of it is used, for others wait as long as the
      // disk takes for what is made here. An entry with more lines than there is room for has them kept nevertheless.
      const isTold = this.#auditor !== undefined && this.#auditor.bytesTotal - toldBefore >= maxAuditBytes / 16;
      if (!isAll && (work >= maxTurnRequests || bytes >= maxTurnBytes || isTold)) break;
    }
    this.#isBehind = this.#proposals.hasDurable(this.#durableZxid);
    this.#pipeline.onRoom();
    this.#snapshotWhenDue();
    if (this.#isBehind) return this.#comeBack();
    stats.entriesPerSync.add(this.#appliedTogether);
    this.#appliedTogether = 0;
  }

  #apply(proposal: Proposal): void {
    const { entry, connection, write } = proposal;
    const applied = this.state.apply(entry);
    if (entry.operation.type === restorePart) this.#restoreBytes -= entry.operation.request.chunk.length;
    const { outcome, firings, excesses } = applied;
    this.#auditor?.onApplied(proposal, applied);
    if (excesses.length > 0) this.#quotaLog.tell(excesses);
    this.#snapshots.onApplied();
    // Events first: nobody, not even the writer, may see the new state before the event that tells of it.
    this.#events.fire(firings, entry.zxid);
    if (outcome.type === "sessionClosed") this.#onSessionClosed(entry.sessionId, connection);
    if (outcome.type === "restorePartTaken" && outcome.isRestored) this.#onRestored(entry.zxid);
    if (connection === undefined) return;
    if (write !== undefined) {
      write.outcome = shown(entry.operation, outcome, this.#options.behaviour);
      this.#pipeline.advance(connection);
    } else if (this.#sessions.onHandshakeApplied(connection, entry, outcome)) {
      this.#pipeline.onOpen(connection);
    }
  }

  /** The session is over. If its own connection asked for that, the reply comes first and closes it. */
  #onSessionClosed(sessionId: bigint, askedBy: Connection | undefined): void {
    this.#sessions.onClosed(sessionId);
    const attached = this.#connections.ofSession(sessionId);
    if (attached !== undefined && attached !== askedBy) {
      this.#connections.close(attached, "its session is over", { level: "info" });
    }
  }

  #restore(part: RestorePart): void {
    if (this.#proposals.failed) return;
    this.#restoreBytes += part.chunk.length;
    this.#proposals.propose({ operation: { type: restorePart, request: part }, sessionId: 0n });
  }

  /** The state is another one: every session is over, and nobody may go on with what he has seen of the old one. */
  #onRestored(zxid: number): void {
    this.#restoredZxid = zxid;
    this.#turn.log("warn", { zxid: formatZxid(zxid) }, "a snapshot was restored: all sessions are over");
    this.#sessions.forgetAll();
    this.#reaper.endRound();
    for (const connection of [...this.#connections]) {
      this.#connections.close(connection, "a snapshot was restored: its session is over", { level: "info" });
    }
    this.#snapshots.ask();
  }

  #onTick(): void {
    this.#pipeline.tick();
    this.#sessions.tick();
    const { elapsedMs } = this.#turn.now;
    this.#nextReapMs ??= elapsedMs + this.#options.reaperIntervalMs;
    if (elapsedMs >= this.#nextReapMs) {
      this.#nextReapMs = elapsedMs + this.#options.reaperIntervalMs;
      this.#reaper.begin();
    }
    if (!this.#goesOn) this.#goOn();
  }

  /** A disk that does not take what clients write is spared what nobody has asked for; the next start finds all in the log. */
  #onPulse(): void {
    if (this.#proposals.failed || this.#proposals.diskIsLow) return;
    this.#snapshots.onPulse(this.state.tree.nodeCount, this.#proposals.count);
    this.#snapshotWhenDue();
  }

  #comeBack(): void {
    if (this.#goesOn) return;
    this.#goesOn = true;
    this.#turn.effect({ type: "goOn" });
  }

  /** What is due by the clock: a slice of it at a time, however much it is. */
  #goOn(): void {
    if (this.#stopping || this.#proposals.failed) return;
    const expired = this.#sessions.expire(expiredPerStep);
    this.stats.sessionsExpiredTotal += expired;
    for (const request of this.#reaper.nextDue(this.#turn.now.wallMs)) {
      this.#proposals.propose({ operation: { type: OpCode.deleteContainer, request }, sessionId: 0n });
    }
    if (expired === expiredPerStep || this.#reaper.isUnderWay) this.#comeBack();
  }

  /** Reads go on; what was in flight is unknown, so those who wait for it are cut off rather than answered. */
  #onLogFailed(): void {
    // First: what waits behind reads that are answered now is refused; as a proposal it would be lost.
    this.#proposals.fail();
    if (this.#isBehind) this.#applyDurable(true);
    const lost = this.#proposals.takeLost();
    this.#pipeline.onLogFailed();
    this.#turn.log("error", { lostWrites: lost.length }, "the log cannot be written: writes stop, reads go on");
    for (const proposal of lost) {
      this.#auditor?.onLost(proposal);
      const { connection } = proposal;
      if (connection === undefined) continue;
      this.#connections.close(connection, "the log failed with its write in flight: the outcome is unknown");
    }
  }

  #countSnapshot(written: { readonly zxid: number; readonly tookMs: number } | undefined): void {
    const { stats } = this;
    stats.lastSnapshotFailed = written === undefined;
    if (written === undefined) {
      stats.snapshotFailuresTotal++;
      return;
    }
    stats.snapshotsTotal++;
    stats.lastSnapshotMs = written.tookMs;
    stats.snapshotMs.add(written.tookMs);
    stats.lastSnapshotZxid = written.zxid;
    stats.lastSnapshotAtMs = this.#turn.now.wallMs;
    this.#snapshots.end(this.#turn.now.elapsedMs, written.tookMs);
  }

  #snapshotWhenDue(): void {
    // A server that stops waits for the snapshot under way, and would wait for another one.
    if (this.#stopping || !this.#options.takesSnapshots || this.#snapshotRunning || this.state.isRestoring) return;
    if (!this.#snapshots.isDue(this.#turn.now.elapsedMs) || this.state.lastZxid === 0) return;
    this.#snapshotRunning = true;
    this.#snapshots.begin(this.state.tree.nodeCount);
    this.#turn.effect({ type: "snapshot", zxid: this.state.lastZxid, chunks: snapshotChunks(this.state) });
  }
}
