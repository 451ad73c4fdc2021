/** What the port for clients knows of one connection. */
import type { ByteStream } from "@corral/io";
import type { ConnectionId } from "../replica/effect.ts";
import type { Sender } from "./large-requests.ts";

/** One connection of the port; its decoder has what has come of it and was not taken up. */
export interface Peer extends Sender {
  readonly id: ConnectionId;
  readonly stream: ByteStream;
  readonly connectedMs: number;
  /** Whether a frame has come: until then the first bytes may be a four-letter word. */
  spoke: boolean;
  /** Whether it asked for a four-letter word: then nothing else it says matters. */
  asked: boolean;
  /** Bytes ever sent to it. */
  sentBytes: number;
  /** What tells whether it has taken any of its output since it was looked at. */
  outputMark: number;
  /** Since when output lies untaken, and nothing of it was seen to be taken. */
  stuckSinceMs: number | undefined;
  /** Whether it was due to be cut off when it was looked at last. */
  overdue: boolean;
  /** Whether the replica wants nothing more of it for now. */
  paused: boolean;
  /** Whether it is not read because of what lies undecoded. */
  heldBack: boolean;
  /** Whether the replica is to be told that all its output was taken. */
  drainDue: boolean;
  /** Whether the other side has ended in order, with something that may still wait to be taken up, here or by the replica. */
  gone: boolean;
}

/** Whether some of its output was taken since it was looked at: it may be slow, but it reads. */
export function tookSome(peer: Peer, nowMs: number): boolean {
  const { stream, sentBytes, outputMark } = peer;
  peer.outputMark = stream.outputMark ?? sentBytes - stream.unsentBytes;
  if (peer.outputMark === outputMark) return false;
  peer.stuckSinceMs = nowMs;
  return true;
}
