/** What `cons` shows of one connection; `crst` begins it anew. */
import { LatencySummary } from "./latencies.ts";

/** Counters of one connection. */
export class ConnectionStats {
  /** Frames received. */
  received = 0;
  /** Replies and events sent. */
  sent = 0;
  /** Type of the request that was answered last; undefined if there was none. */
  lastType: number | undefined;
  lastXid = 0;
  lastZxid = 0;
  /** When the last reply was written, elapsed ms; 0 if none was. */
  lastReplyMs = 0;
  lastLatencyMs = 0;
  readonly latency = new LatencySummary();

  /** A request was answered at `nowMs`, `latencyMs` after it had come. */
  onReply(type: number, xid: number, zxid: number, nowMs: number, latencyMs: number): void {
    this.sent++;
    this.lastType = type;
    this.lastXid = xid;
    this.lastZxid = zxid;
    this.lastReplyMs = nowMs;
    this.lastLatencyMs = latencyMs;
    this.latency.add(latencyMs);
  }

  /** Forgets everything. */
  reset(): void {
    this.received = 0;
    this.sent = 0;
    this.lastType = undefined;
    this.lastXid = 0;
    this.lastZxid = 0;
    this.lastReplyMs = 0;
    this.lastLatencyMs = 0;
    this.latency.reset();
  }
}
