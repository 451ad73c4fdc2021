/**
 * The port that clients connect to: sockets to frames, frames to the replica, and the replica's output back. It also
 * shows those the door who never say a word, who announce impossible frames, or who never read their answers; each
 * with one line in the log.
 */
import {
  type Address,
  type ByteStream,
  type Clock,
  formatAddress,
  type Listener,
  type Listening,
  type Logger,
  type StreamWrite,
  takeSecondThreadFailure,
  writeSoon,
  writeToMany,
} from "@corral/io";
import { type AskedWord, FrameDecoder, FrameLengthError, fourLetterWord } from "@corral/protocol";
import type { Limits } from "../limits.ts";
import { RepeatedWarning } from "../repeated-warning.ts";
import type { ConnectionId, Input } from "../replica/effect.ts";
import { longReadWeight } from "../replica/long-reads.ts";
import { requestWeight } from "../replica/request-weight.ts";
import { EndingStreams } from "./ending-streams.ts";
import { frameComplaint } from "./frame-complaint.ts";
import { LargeRequests, leastBytesPerSecond } from "./large-requests.ts";
import { type Peer, tookSome } from "./peer.ts";
import { TokenBucket } from "./token-bucket.ts";
import { WorkTurns } from "./work-turns.ts";

/** What the port needs, and whom it tells. */
export interface ClientPortOptions {
  readonly listener: Listener;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: Limits;
  /** Takes what the connections bring. */
  readonly dispatch: (input: Input) => void;
  /** The answer to a four-letter word, or why there is none. `argument`: what follows the word, for `stmk` alone. */
  readonly answerWord: (word: AskedWord, argument: Uint8Array) => Promise<string>;
}

/** Bytes of a four-letter word, with what belongs to it. */
const wordBytes = 4;
const setTraceMaskBytes = 12;

/** Requests of one connection that are taken up before the others have a turn. */
const sliceRequests = 64;

/** Who has no more than this to say, bytes, and owes nothing, need not wait in line behind those who have more. */
const briefBytes = 1_024;

/** Bytes of a connection that lie undecoded, above which no more are read before it has had its turn. */
const maxBacklogBytes = 64 << 10;

/** A listening port and its connections; see the head of this file. */
export class ClientPort {
  /** Connections refused at accept, ever. */
  refusedTotal = 0;
  /** Connections that this port ended for a reason of its own, and those of them that had not even sent a handshake in time. */
  cutOffTotal = 0;
  silentTotal = 0;
  receivedBytesTotal = 0;
  sentBytesTotal = 0;
  readonly #options: ClientPortOptions;
  readonly #largeRequests: LargeRequests<Peer>;
  readonly #longestFrame: number;
  readonly #frameLimit: keyof Limits;
  readonly #newcomers: TokenBucket;
  readonly #turns: WorkTurns<Peer>;
  readonly #refusals: RepeatedWarning;
  readonly #cutOffs: RepeatedWarning;
  readonly #peers = new Map<ConnectionId, Peer>();
  readonly #perAddress = new Map<string, number>();
  readonly #ending: EndingStreams;
  readonly #listening: Listening[] = [];
  #allEnded: Promise<void> | undefined;
  #lastId = 0;

  constructor(options: ClientPortOptions) {
    this.#options = options;
    const { limits, clock } = options;
    // What would not have room even alone is as good as too long.
    const longest = Math.max(limits.largeRequestBytes, limits.maxLargeRequestBytes);
    this.#longestFrame = Math.min(limits.maxFrameBytes, longest);
    this.#frameLimit = longest < limits.maxFrameBytes ? "maxLargeRequestBytes" : "maxFrameBytes";
    this.#largeRequests = new LargeRequests(limits, (peer) => this.#regulate(peer));
    this.#newcomers = new TokenBucket({
      capacity: limits.connectionBurst,
      refillMs: limits.connectionRefillMs,
      refillCount: limits.connectionRefillCount,
      nowMs: clock.elapsedMs(),
    });
    this.#refusals = new RepeatedWarning("connection refused", options);
    this.#cutOffs = new RepeatedWarning("connection cut off", options);
    this.#ending = new EndingStreams(clock);
    this.#turns = new WorkTurns({ clock, limits, work: (peer) => this.#onTurn(peer) });
  }

  /** Connections with more to be done than one turn of the event loop may take. */
  get waitingCount(): number {
    return this.#turns.waiting.size;
  }

  /** Bytes that have come of requests of which the rest has not, and of those that wait for their turn. */
  get undecodedBytes(): number {
    return [...this.#peers.values()].reduce((sum, { decoder }) => sum + decoder.pendingBytes, 0);
  }

  /** The length of the large requests that are arriving, bytes. */
  get largeRequestBytes(): number {
    return this.#largeRequests.bytes;
  }

  /** How much of `connectionBurst` is used up at present. */
  get newcomers(): number {
    return this.#newcomers.used(this.#options.clock.elapsedMs());
  }

  /**
   * Listens, by default with the listener that it was made with; can be called again for a further port. Rejects with the
   * operating system's error when the address cannot be had. Returns the one bound. `isSecure`: nothing but TLS is spoken there.
   */
  async listen(
    address: Address,
    listener: Listener = this.#options.listener,
    { isSecure = false }: { readonly isSecure?: boolean } = {},
  ): Promise<Address> {
    const listening = await listener.listen(address, (stream) => this.#onStream(stream, isSecure));
    this.#listening.push(listening);
    return listening.address;
  }

  /** Stops accepting. */
  async stopAccepting(): Promise<void> {
    for (const listening of this.#listening) await listening.close();
  }

  /** Ends every connection after what was sent to it; those that do not end their side in time are cut off. Idempotent. */
  endAll(): Promise<void> {
    this.#allEnded ??= this.#endAll();
    return this.#allEnded;
  }

  async #endAll(): Promise<void> {
    for (const peer of [...this.#peers.values()]) this.#drop(peer);
    await this.#ending.allEnded();
  }

  send(id: ConnectionId, bytes: Buffer): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    writeSoon(peer.stream, bytes);
    this.#sent(peer, bytes.length);
  }

  /** The same for many of them, such as all who watch a node that has changed. */
  sendAll(sends: readonly { readonly connection: ConnectionId; readonly bytes: Buffer }[]): void {
    const writes: (StreamWrite & { readonly peer: Peer })[] = [];
    for (const { connection, bytes } of sends) {
      const peer = this.#peers.get(connection);
      if (peer !== undefined) writes.push({ peer, stream: peer.stream, bytes });
    }
    writeToMany(writes);
    for (const { peer, bytes } of writes) if (this.#peers.has(peer.id)) this.#sent(peer, bytes.length);
  }

  #sent(peer: Peer, byteLength: number): void {
    this.sentBytesTotal += byteLength;
    this.#turns.spend(0, byteLength);
    peer.sentBytes += byteLength;
    this.#countUnsent(peer);
  }

  #countUnsent(peer: Peer): void {
    const unsent = peer.stream.unsentBytes;
    if (unsent === 0) return;
    peer.stuckSinceMs ??= this.#options.clock.elapsedMs();
    const { hardUnsentBytes } = this.#options.limits;
    if (unsent > hardUnsentBytes) {
      this.#cutOff(peer, "unread", `it does not read: ${unsent} bytes wait for it, at most ${hardUnsentBytes} may`);
    }
  }

  /** So much more was done for connections than what came and was sent tells. */
  spend(requests: number, bytes: number): void {
    this.#turns.spend(requests, bytes);
  }

  /** Ends a connection, after what was sent to it unless that is not wanted; see `ByteStream.end`. */
  close(id: ConnectionId, how: { readonly isMutual?: boolean; readonly isAbrupt?: boolean } = {}): void {
    const peer = this.#peers.get(id);
    if (peer !== undefined) this.#drop(peer, how);
  }

  /** Nothing more is taken of the connection, neither off the wire nor of what lies here; or it goes on. */
  pauseReading(id: ConnectionId, paused: boolean): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    peer.paused = paused;
    this.#regulate(peer);
    if (!paused && (peer.gone || peer.decoder.pendingBytes > 0)) this.#turns.wait(peer);
  }

  /** Reads it, unless there is a reason not to. */
  #regulate({ stream, paused, heldBack, large }: Peer): void {
    stream.pauseReading(paused || heldBack || large?.hasRoom === false);
  }

  /** Looks for those who have been silent, or have left their answers unread, for too long. */
  tick(): void {
    const now = this.#options.clock.elapsedMs();
    const { handshakeMs, stuckOutputMs } = this.#options.limits;
    this.#ending.destroyLate();
    const err = takeSecondThreadFailure();
    if (err) this.#options.logger.warn({ err }, "there is no second thread for writing: one goes on alone");
    const { waiting } = this.#turns;
    // Whom this port keeps waiting is alive, as far as can be known.
    const heard = [...waiting, ...this.#largeRequests.waiting];
    for (const peer of [...this.#peers.values()]) {
      const isSilent = !peer.spoke && !waiting.has(peer) && now - peer.connectedMs > handshakeMs;
      const hasTaken = peer.stuckSinceMs !== undefined && tookSome(peer, now);
      // Its pings lie unread until it has taken what it asked for: on a slow line for longer than its session lasts.
      if (hasTaken && peer.paused) heard.push(peer);
      const isStuck = peer.stuckSinceMs !== undefined && !hasTaken && now - peer.stuckSinceMs > stuckOutputMs;
      // Who is not read because of answers that he has not taken has that in his own hand, whatever else there is.
      const isKeptWaiting = peer.paused ? peer.stuckSinceMs === undefined : peer.heldBack;
      const dawdles = this.#largeRequests.dawdles(peer, now, { isKeptWaiting, isTaking: hasTaken && peer.paused });
      // At the second look only: when this process was held up, what has come meanwhile is read between the two.
      const isDue = peer.overdue;
      peer.overdue = isSilent || isStuck || dawdles;
      if (!isDue) continue;
      if (isSilent) {
        const pending = peer.decoder.pendingBytes;
        const what = pending === 0 ? "nothing" : `only ${pending} bytes of its first frame`;
        this.#cutOff(peer, "silent", `it sent ${what} in ${handshakeMs} ms`);
      } else if (isStuck) {
        const unsent = peer.stream.unsentBytes;
        this.#cutOff(
          peer,
          "unread",
          `it does not read: ${unsent} bytes wait for it, and it took none for ${stuckOutputMs} ms`,
        );
      } else if (dawdles) {
        const what = `its request of ${peer.large?.bytes} bytes brings less than ${leastBytesPerSecond} a second`;
        this.#cutOff(peer, "large", `${what}, and others wait for the room (limit maxLargeRequestBytes)`);
      }
    }
    if (heard.length > 0) this.#options.dispatch({ type: "heard", connections: heard.map(({ id }) => id) });
  }

  #onStream(stream: ByteStream, isSecure: boolean): void {
    const { limits, clock, dispatch } = this.#options;
    const { remote, subject } = stream;
    const { host } = remote;
    const fromHere = this.#perAddress.get(host) ?? 0;
    // Who was told to go and has not gone has a descriptor as well.
    if (this.#peers.size + this.#ending.size >= limits.maxConnections) this.#ending.destroyOldest();
    if (this.#peers.size >= limits.maxConnections) {
      return this.#refuse(stream, "maxConnections", `${limits.maxConnections} connections are open`);
    }
    if (limits.maxConnectionsPerAddress > 0 && fromHere >= limits.maxConnectionsPerAddress) {
      return this.#refuse(stream, "maxConnectionsPerAddress", `${fromHere} connections from ${host} are open`);
    }
    const peer: Peer = {
      id: ++this.#lastId,
      stream,
      decoder: new FrameDecoder({ maxFrameBytes: this.#longestFrame }),
      connectedMs: clock.elapsedMs(),
      spoke: false,
      asked: false,
      large: undefined,
      sentBytes: 0,
      outputMark: 0,
      stuckSinceMs: undefined,
      overdue: false,
      paused: false,
      heldBack: false,
      drainDue: false,
      gone: false,
    };
    this.#peers.set(peer.id, peer);
    this.#perAddress.set(host, fromHere + 1);
    dispatch({ type: "connected", connection: peer.id, remote, subject, isSecure });
    stream.attach({
      onData: (chunk) => this.#onData(peer, chunk),
      onDrain: () => this.#onDrain(peer),
      onTakenBack: () => this.#onTakenBack(peer),
      onClose: (error) => this.#onClose(peer, error),
    });
  }

  #refuse(stream: ByteStream, limit: keyof Limits, why: string): void {
    this.#onRefused(stream, limit, why);
    stream.destroy();
  }

  #onRefused({ remote }: ByteStream, limit: keyof Limits, why: string): void {
    this.refusedTotal++;
    this.#refusals.tell(limit, { remote: formatAddress(remote), reason: `${why} (limit ${limit})` });
  }

  #onData(peer: Peer, chunk: Buffer): void {
    if (!this.#peers.has(peer.id) || peer.asked) return;
    this.receivedBytesTotal += chunk.length;
    peer.decoder.push(chunk);
    if (!peer.spoke && peer.decoder.pendingBytes >= wordBytes) {
      const word = fourLetterWord(peer.decoder.peek());
      if (word !== undefined) {
        // What is to be set stands behind the word, and may come later.
        if (word === "stmk" && peer.decoder.pendingBytes < setTraceMaskBytes) return;
        peer.asked = true;
        void this.#answerWord(peer, word);
        return;
      }
    }
    const hasTurn =
      !peer.paused &&
      !this.#turns.waiting.has(peer) &&
      (this.#turns.hasRoom ||
        (this.#turns.isLittleBehind && peer.decoder.pendingBytes <= briefBytes && peer.stream.unsentBytes === 0));
    if (hasTurn && !this.#takeFrames(peer)) return;
    this.#holdBack(peer);
    if (!peer.paused) this.#turns.wait(peer);
  }

  #onTakenBack(peer: Peer): void {
    if (this.#peers.has(peer.id)) this.#countUnsent(peer);
    if (!this.#peers.has(peer.id)) return;
    this.#options.dispatch({ type: "unsent", connection: peer.id, bytes: peer.stream.unsentBytes });
  }

  /** Who has nothing waiting here is told at once: for the replica that is no work. */
  #onDrain(peer: Peer): void {
    peer.stuckSinceMs = undefined;
    if (!peer.paused || this.#turns.hasRoom) {
      this.#options.dispatch({ type: "drained", connection: peer.id });
      return;
    }
    peer.drainDue = true;
    this.#turns.wait(peer);
  }

  /** One slice of what waits for the connection. Returns whether there is more. */
  #onTurn(peer: Peer): boolean {
    if (peer.drainDue) {
      peer.drainDue = false;
      this.#options.dispatch({ type: "drained", connection: peer.id });
    }
    if (!this.#peers.has(peer.id)) return false;
    const hasMore = !peer.paused && this.#takeSlice(peer) && !peer.paused;
    // Not when all have had their turn: its other side can go on meanwhile.
    peer.stream.flush?.();
    if (!this.#peers.has(peer.id)) return false;
    if (peer.gone && !hasMore && !peer.paused) {
      this.#remove(peer);
      this.#options.dispatch({ type: "disconnected", connection: peer.id });
    } else if (peer.heldBack && !hasMore) {
      peer.heldBack = false;
      this.#regulate(peer);
    }
    return hasMore;
  }

  /** Takes up what lies here while there is room, and it is wanted. Returns whether there is more. */
  #takeFrames(peer: Peer): boolean {
    while (this.#takeSlice(peer)) {
      if (peer.paused || !this.#turns.hasRoom) return true;
    }
    return false;
  }

  /** What lies undecoded must not grow while it waits. */
  #holdBack(peer: Peer): void {
    if (peer.heldBack || peer.decoder.pendingBytes < maxBacklogBytes) return;
    peer.heldBack = true;
    this.#regulate(peer);
  }

  /** Takes up the next requests, a slice at most. Returns whether there may be more. */
  #takeSlice(peer: Peer): boolean {
    const frames: Buffer[] = [];
    let isFull = false;
    let broken: FrameLengthError | undefined;
    try {
      while (!isFull) {
        const frame = peer.decoder.next();
        if (frame === undefined) break;
        frames.push(frame);
        isFull = frames.length === sliceRequests || longReadWeight(frame) > 0;
      }
    } catch (error) {
      if (!(error instanceof FrameLengthError)) throw error;
      broken = error;
    }
    if (frames.length > 0) {
      if (!peer.spoke && !this.#newcomers.take(this.#options.clock.elapsedMs())) {
        const { connectionBurst } = this.#options.limits;
        this.#onRefused(peer.stream, "connectionBurst", `more than ${connectionBurst} connections came at once`);
        this.#drop(peer, { isAbrupt: true });
        return false;
      }
      peer.spoke = true;
      this.#largeRequests.forget(peer);
      const { unsentBytes } = peer.stream;
      this.#turns.spend(
        frames.reduce((sum, frame) => sum + requestWeight(frame), 0),
        frames.reduce((sum, { length }) => sum + length, 0),
      );
      this.#options.dispatch({ type: "frames", connection: peer.id, frames, unsentBytes });
    }
    if (isFull) return this.#peers.has(peer.id);
    if (broken === undefined && this.#peers.has(peer.id) && !this.#largeRequests.mayGoOn(peer)) this.#regulate(peer);
    // What was asked before still gets the answers that are ready; what follows cannot be read.
    if (broken !== undefined) this.#cutOff(peer, "frame", frameComplaint(broken, peer, this.#frameLimit), false);
    return false;
  }

  async #answerWord(peer: Peer, word: AskedWord): Promise<void> {
    const { answerWord, logger } = this.#options;
    const argument = Uint8Array.from(peer.decoder.peek().subarray(wordBytes, setTraceMaskBytes));
    let text = "";
    try {
      text = await answerWord(word, argument);
    } catch (err) {
      logger.error({ err, word }, "a four-letter word could not be answered");
    }
    if (!this.#peers.has(peer.id)) return;
    peer.stream.write(Buffer.from(text, "utf8"));
    this.#drop(peer);
  }

  #onClose(peer: Peer, error: Error | undefined): void {
    this.#ending.remove(peer.stream);
    if (!this.#peers.has(peer.id)) return;
    if (error === undefined && (peer.paused || this.#turns.waiting.has(peer))) {
      // Its last words may be writes, or the end of its session.
      peer.gone = true;
      peer.stuckSinceMs = undefined;
      this.#turns.wait(peer);
      this.#options.dispatch({ type: "ended", connection: peer.id });
      return;
    }
    this.#remove(peer);
    if (error !== undefined) {
      this.#options.logger.debug({ remote: formatAddress(peer.stream.remote), err: error }, "connection broke");
    }
    this.#options.dispatch({ type: "disconnected", connection: peer.id });
  }

  /** Ends a connection for a reason of this port's own. */
  #cutOff(peer: Peer, kind: "unread" | "silent" | "frame" | "large", reason: string, isAbrupt = true): void {
    if (!this.#peers.has(peer.id)) return;
    this.cutOffTotal++;
    if (kind === "silent") this.silentTotal++;
    this.#cutOffs.tell(kind, { remote: formatAddress(peer.stream.remote), reason });
    this.#drop(peer, { isAbrupt });
  }

  #drop(peer: Peer, { isAbrupt = false, isMutual = false } = {}): void {
    this.#remove(peer);
    if (isAbrupt || peer.gone) {
      peer.stream.destroy();
    } else {
      // What still comes is not for us, but must be read for the other side's end to be seen.
      peer.stream.pauseReading(false);
      this.#ending.add(peer.stream);
      peer.stream.end(isMutual);
    }
    this.#options.dispatch({ type: "disconnected", connection: peer.id });
  }

  #remove(peer: Peer): void {
    this.#peers.delete(peer.id);
    this.#turns.forget(peer);
    this.#largeRequests.forget(peer);
    const { host } = peer.stream.remote;
    const left = (this.#perAddress.get(host) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(host);
    else this.#perAddress.set(host, left);
  }
}
