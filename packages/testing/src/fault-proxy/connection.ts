/** One client's connection through the proxy: two sockets, a lane each way, and what is done to them. */
import type { Address, Clock, Random } from "@corral/io";
import { type AcceptedSocket, type TcpHandler, TcpSocket } from "../node/tcp.ts";
import { Conversation, type Piece } from "./conversation.ts";
import type { EventFrame, ProxiedFrame, ReplyFrame, RequestFrame } from "./frames.ts";
import { type Cargo, Lane } from "./lane.ts";
import type { Direction, Latency, ProxiedConnection } from "./proxied-connection.ts";

/** How each direction is treated. */
export interface Conditions {
  readonly latency: { readonly toClient: Latency; readonly toServer: Latency };
  readonly stalled: { readonly toClient: boolean; readonly toServer: boolean };
}

/** What a connection is made of. */
export interface ConnectionParts {
  readonly id: number;
  readonly accepted: AcceptedSocket;
  readonly upstream: Address;
  readonly clock: Clock;
  readonly random: Random;
  readonly conditions: Conditions;
  /** Whether this frame is to be dropped, and the connection with it: then whom to tell once that is done. */
  readonly intercept: (frame: RequestFrame | ReplyFrame) => (() => void) | undefined;
  readonly onPassed: (frame: ProxiedFrame) => void;
  /** Called once. `wasCut`: by a fault, not by either side. */
  readonly onOver: (wasCut: boolean) => void;
}

/** Above this nothing more is read from the sender, who then feels that nobody reads. */
const heldBytesMax = 4 << 20;

/** See the head of this file. */
export class Connection implements ProxiedConnection {
  readonly id: number;
  readonly server: string;
  readonly #parts: ConnectionParts;
  readonly #conversation = new Conversation();
  readonly #client: TcpSocket;
  readonly #toServer: Lane;
  readonly #toClient: Lane;
  readonly #latency: { toClient: Latency; toServer: Latency };
  #upstream: TcpSocket | undefined;
  #clientClosed = false;
  #upstreamClosed = false;
  #isOpen = true;

  constructor(parts: ConnectionParts) {
    const { clock, conditions } = parts;
    this.id = parts.id;
    this.server = `${parts.upstream.host}:${parts.upstream.port}`;
    this.#parts = parts;
    this.#latency = { ...conditions.latency };
    this.#toServer = new Lane({
      clock,
      delayMs: () => this.#draw(this.#latency.toServer),
      deliver: (cargo) => this.#deliverToServer(cargo),
    });
    this.#toClient = new Lane({
      clock,
      delayMs: () => this.#draw(this.#latency.toClient),
      deliver: (cargo) => this.#deliverToClient(cargo),
    });
    if (conditions.stalled.toServer) this.#toServer.stall();
    if (conditions.stalled.toClient) this.#toClient.stall();
    this.#client = parts.accepted.take(this.#clientHandler());
    this.#toServer.push({ kind: "open" });
  }

  get sessionId(): bigint {
    return this.#conversation.sessionId;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  // ── faults ──

  latency(latency: Latency, direction: Direction = "both"): void {
    if (direction !== "toServer") this.#latency.toClient = latency;
    if (direction !== "toClient") this.#latency.toServer = latency;
  }

  stall(direction: Direction): void {
    for (const lane of this.#lanes(direction)) lane.stall();
  }

  resume(direction: Direction = "both"): void {
    for (const lane of this.#lanes(direction)) lane.resume();
  }

  cut(): void {
    if (!this.#isOpen) return;
    this.#client.reset();
    this.#upstream?.reset();
    this.#over(true);
  }

  #lanes(direction: Direction): Lane[] {
    if (direction === "both") return [this.#toServer, this.#toClient];
    return [direction === "toServer" ? this.#toServer : this.#toClient];
  }

  #draw(latency: Latency): number {
    if (typeof latency === "number") return latency;
    return latency.minMs + this.#parts.random.fraction() * (latency.maxMs - latency.minMs);
  }

  // ── what comes in ──

  #clientHandler(): TcpHandler {
    return {
      onConnected() {},
      onData: (bytes) => this.#take(this.#toServer, this.#client, bytes),
      onEnd: () => this.#toServer.push({ kind: "end" }),
      onDrained: () => this.#toClient.proceed(),
      onClosed: (inOrder) => {
        this.#clientClosed = true;
        this.#toClient.discard();
        if (!inOrder) this.#toServer.push({ kind: "reset" });
        this.#overIfBothClosed();
      },
    };
  }

  #upstreamHandler(): TcpHandler {
    return {
      onConnected: () => this.#toServer.proceed(),
      onData: (bytes) => this.#take(this.#toClient, this.#upstream, bytes),
      onEnd: () => this.#toClient.push({ kind: "end" }),
      onDrained: () => this.#toServer.proceed(),
      onClosed: (inOrder) => {
        this.#upstreamClosed = true;
        this.#toServer.discard();
        if (!inOrder) this.#toClient.push({ kind: "reset" });
        this.#overIfBothClosed();
      },
    };
  }

  #take(lane: Lane, from: TcpSocket | undefined, bytes: Buffer): void {
    lane.push({ kind: "bytes", bytes });
    if (lane.heldBytes > heldBytesMax) from?.pauseReading(true);
  }

  // ── what goes out ──

  #deliverToServer(cargo: Cargo): boolean {
    switch (cargo.kind) {
      case "open":
        this.#upstream = TcpSocket.dial(this.#parts.upstream, this.#upstreamHandler());
        return false;
      case "bytes":
        if (this.#toServer.heldBytes <= heldBytesMax) this.#client.pauseReading(false);
        return this.#pass(this.#conversation.toServer(cargo.bytes), this.#upstream);
      case "end":
        this.#upstream?.write(this.#conversation.unfinishedToServer());
        this.#upstream?.end();
        return true;
      case "reset":
        this.#upstream?.reset();
        return true;
    }
  }

  #deliverToClient(cargo: Cargo): boolean {
    switch (cargo.kind) {
      case "open":
        return true;
      case "bytes":
        if (this.#toClient.heldBytes <= heldBytesMax) this.#upstream?.pauseReading(false);
        return this.#pass(this.#conversation.toClient(cargo.bytes), this.#client);
      case "end":
        this.#client.write(this.#conversation.unfinishedToClient());
        this.#client.end();
        return true;
      case "reset":
        this.#client.reset();
        return true;
    }
  }

  /** Writes the pieces until one is to be dropped. False: the receiver has enough for now. */
  #pass(pieces: readonly Piece<RequestFrame | ReplyFrame | EventFrame>[], to: TcpSocket | undefined): boolean {
    let hasRoom = true;
    for (const { bytes, frame } of pieces) {
      if (!this.#isOpen || to === undefined) return false;
      const tell = frame === undefined || frame.kind === "event" ? undefined : this.#parts.intercept(frame);
      if (tell !== undefined) {
        this.#sever(frame?.kind === "reply" ? "toClient" : "toServer");
        tell();
        return false;
      }
      hasRoom = to.write(bytes) && hasRoom;
      if (frame !== undefined) this.#parts.onPassed(frame);
    }
    return hasRoom;
  }

  /** Ends the connection at this point of one direction: what passed before, that way, arrives. */
  #sever(direction: "toClient" | "toServer"): void {
    // Whoever chose the frame may have cut the connection already.
    if (!this.#isOpen) return;
    if (direction === "toClient") {
      this.#client.endWhole();
      this.#upstream?.reset();
    } else {
      this.#upstream?.endWhole();
      this.#client.reset();
    }
    this.#over(true);
  }

  #overIfBothClosed(): void {
    if (this.#clientClosed && (this.#upstreamClosed || this.#upstream === undefined)) this.#over(false);
  }

  #over(wasCut: boolean): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#toServer.discard();
    this.#toClient.discard();
    this.#parts.onOver(wasCut);
  }
}
