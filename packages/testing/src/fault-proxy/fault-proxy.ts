/**
 * A TCP proxy that breaks connections the way networks do, in front of any server that speaks ZooKeeper's protocol.
 *
 * What it never does: duplicate, reorder, alter or invent bytes. What arrives at one side is always a beginning of what
 * the other side has sent; what a latency or a stall holds back arrives later, in order, or never. The two directions
 * keep their order as well: no reply passes that the proxy has not let the request through for.
 */
import { parseConnectString } from "@corral/client";
import { type Address, type Clock, nodeClock, type Random } from "@corral/io";
import { type AcceptedSocket, TcpListening } from "../node/tcp.ts";
import { seededRandom } from "../seeded-random.ts";
import { callOutside } from "./call-outside.ts";
import { Connection } from "./connection.ts";
import { ArmedDrop, type Drop, type DropOptions, type FramePredicate } from "./drop.ts";
import type { ProxiedFrame, ReplyFrame, RequestFrame } from "./frames.ts";
import type { Direction, Faults, Latency, ProxiedConnection } from "./proxied-connection.ts";

/** Of `FaultProxy.start`. */
export interface FaultProxyOptions {
  /** Delay from the beginning; see `latency`. */
  readonly latency?: Latency;
  /** Where varying latencies are drawn from. Default: `seededRandom(1)`. */
  readonly random?: Random;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/** Connections so far. */
export interface ConnectionCounts {
  /** Let in. */
  readonly accepted: number;
  /** Turned away by `refuse`. */
  readonly refused: number;
  /** Cut by `cut` or a drop. */
  readonly cut: number;
  /** Alive now. */
  readonly open: number;
}

/** Told of frames. */
export type FrameListener = (frame: ProxiedFrame, connection: ProxiedConnection) => void;

/**
 * See the head of this file.
 *
 * ```ts
 * await using proxy = await FaultProxy.start(server.connectString);
 * await using client = await connect(proxy.connectString);
 *
 * const drop = proxy.dropReply(({ operation, path }) => operation === "create" && path === "/a");
 * await client.create("/a").catch((error) => error instanceof ConnectionLossError); // it was made, and nobody said so
 * await drop.happened;
 * ```
 */
export class FaultProxy implements Faults {
  readonly #chroot: string;
  readonly #listenings: TcpListening[] = [];
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #connections = new Set<Connection>();
  readonly #listeners = new Set<FrameListener>();
  readonly #requestDrops = new Set<ArmedDrop<RequestFrame>>();
  readonly #replyDrops = new Set<ArmedDrop<ReplyFrame>>();
  readonly #latency: { toClient: Latency; toServer: Latency };
  readonly #stalled = { toClient: false, toServer: false };
  #refusing = false;
  #accepted = 0;
  #refused = 0;
  #cut = 0;
  #closing: Promise<void> | undefined;

  private constructor(chroot: string, { latency = 0, random = seededRandom(1), clock = nodeClock }: FaultProxyOptions) {
    this.#chroot = chroot;
    this.#random = random;
    this.#clock = clock;
    this.#latency = { toClient: latency, toServer: latency };
  }

  /**
   * Listens on a free port of 127.0.0.1 for each server that `connectString` names. A server need not run yet: a
   * connection to one that does not answer is reset.
   * @throws BadArgumentsError for a connect string that is none.
   */
  static async start(connectString: string, options: FaultProxyOptions = {}): Promise<FaultProxy> {
    const { hosts, chroot } = parseConnectString(connectString);
    const proxy = new FaultProxy(chroot, options);
    try {
      for (const upstream of hosts) {
        proxy.#listenings.push(await TcpListening.open((accepted) => proxy.#onAccepted(accepted, upstream)));
      }
    } catch (error) {
      await proxy.close();
      throw error;
    }
    return proxy;
  }

  /** Where clients find it: one address for each server behind it, in the same order, and the same chroot. */
  get connectString(): string {
    return this.#listenings.map(({ address: { host, port } }) => `${host}:${port}`).join(",") + this.#chroot;
  }

  /** Connections that are alive, oldest first. */
  get connections(): readonly ProxiedConnection[] {
    return [...this.#connections];
  }

  /** The newest living connection of a session: of a client's, with `client.sessionId`. */
  connectionOf(sessionId: bigint): ProxiedConnection | undefined {
    return this.connections.findLast((connection) => connection.sessionId === sessionId);
  }

  /** How many connections there were, and became of. */
  get counts(): ConnectionCounts {
    return { accepted: this.#accepted, refused: this.#refused, cut: this.#cut, open: this.#connections.size };
  }

  // ── faults of all connections, those to come included ──

  latency(latency: Latency, direction: Direction = "both"): void {
    if (direction !== "toServer") this.#latency.toClient = latency;
    if (direction !== "toClient") this.#latency.toServer = latency;
    for (const connection of this.connections) connection.latency(latency, direction);
  }

  stall(direction: Direction): void {
    if (direction !== "toServer") this.#stalled.toClient = true;
    if (direction !== "toClient") this.#stalled.toServer = true;
    for (const connection of this.connections) connection.stall(direction);
  }

  resume(direction: Direction = "both"): void {
    if (direction !== "toServer") this.#stalled.toClient = false;
    if (direction !== "toClient") this.#stalled.toServer = false;
    for (const connection of this.connections) connection.resume(direction);
  }

  /** Resets every connection there is. New ones are let in unless `refuse` was called. */
  cut(): void {
    for (const connection of this.connections) connection.cut();
  }

  /** Resets every new connection as soon as it is there. Those there are live on. */
  refuse(): void {
    this.#refusing = true;
  }

  /** Ends `refuse`. */
  accept(): void {
    this.#refusing = false;
  }

  // ── faults of chosen frames ──

  /**
   * Lets a request through, and cuts the connection when the server's reply comes, instead of passing it on: the client
   * cannot know whether the server has done it, and the server has. Replies before it arrive; requests that the client
   * had sent behind it may have been done as well.
   */
  dropReply(predicate: FramePredicate<ReplyFrame>, options: DropOptions = {}): Drop<ReplyFrame> {
    const drop = new ArmedDrop(predicate, options);
    this.#replyDrops.add(drop);
    return drop;
  }

  /**
   * Cuts the connection instead of passing a request on: the client cannot know whether the server has done it, and the
   * server has not. Requests before it arrive.
   */
  dropRequest(predicate: FramePredicate<RequestFrame>, options: DropOptions = {}): Drop<RequestFrame> {
    const drop = new ArmedDrop(predicate, options);
    this.#requestDrops.add(drop);
    return drop;
  }

  /**
   * Calls `listener` for each frame that has passed, in the order of passing: to count the watch events of a release,
   * say. It may cause faults. Returns how to stop it.
   */
  onFrame(listener: FrameListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Cuts every connection, cancels what is armed, and gives the ports up. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.refuse();
    this.cut();
    for (const drop of [...this.#requestDrops, ...this.#replyDrops]) drop.cancel();
    await Promise.all(this.#listenings.map((listening) => listening.close()));
  }

  #onAccepted(accepted: AcceptedSocket, upstream: Address): void {
    if (this.#refusing) {
      this.#refused += 1;
      accepted.refuse();
      return;
    }
    this.#accepted += 1;
    const connection: Connection = new Connection({
      id: this.#accepted,
      accepted,
      upstream,
      clock: this.#clock,
      random: this.#random,
      conditions: { latency: this.#latency, stalled: this.#stalled },
      intercept: (frame) => this.#intercept(frame, connection),
      onPassed: (frame) => {
        for (const listener of [...this.#listeners]) callOutside(() => listener(frame, connection), undefined);
      },
      onOver: (wasCut) => {
        this.#connections.delete(connection);
        if (wasCut) this.#cut += 1;
      },
    });
    this.#connections.add(connection);
  }

  #intercept(frame: RequestFrame | ReplyFrame, connection: ProxiedConnection): (() => void) | undefined {
    return frame.kind === "request"
      ? firstTaker(this.#requestDrops, frame, connection)
      : firstTaker(this.#replyDrops, frame, connection);
  }
}

function firstTaker<F extends RequestFrame | ReplyFrame>(
  drops: Set<ArmedDrop<F>>,
  frame: F,
  connection: ProxiedConnection,
): (() => void) | undefined {
  for (const drop of drops) {
    const isTaken = drop.takes(frame, connection);
    if (!drop.isArmed) drops.delete(drop);
    if (isTaken) return () => drop.tell({ frame, connection });
  }
  return undefined;
}
