/**
 * The client as programs see it: promises over the session, paths without the chroot, errors as exceptions.
 */
import type { Clock, Logger, Random } from "@corral/io";
import {
  type Acl,
  CreateMode,
  ErrorCode,
  type MultiOperation,
  type MultiResult,
  openAcl,
  parentPath,
} from "@corral/protocol";
import { defer, map, Observable } from "rxjs";
import { anyVersion, checkAcl, checkPath, checkVersion, createRequest, toBytes } from "./arguments.ts";
import type { Chroot } from "./chroot.ts";
import { ClientClosedError, errorFromWire, isCoordinationError, isRecoverable } from "./errors.ts";
import { Observed } from "./observe/observed.ts";
import { Observers } from "./observe/observers.ts";
import type { CallOptions, CreateOptions, Data, VersionOptions, WatchOptions } from "./options.ts";
import { type About, Requests } from "./requests.ts";
import type { Session } from "./session.ts";
import type { ClientState, WatchIntent } from "./session-types.ts";
import { publicStat, type Stat } from "./stat.ts";
import { StateEmitter, type StateEvent, type StateListener } from "./state-emitter.ts";
import { Transaction } from "./transaction.ts";
import type { Watcher } from "./watch-event.ts";

/** What a client is made of; `connect()` puts it together. */
export interface ClientParts {
  /** Makes the session, which tells `onState` what becomes of it. */
  makeSession(onState: (event: StateEvent) => void): Session;
  readonly chroot: Chroot;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly requestBytesMax: number;
}

/** A node as `watchNode` shows it. */
export interface ObservedNode {
  readonly path: string;
  /** Shared by all who watch the node: not to be written into. */
  readonly data: Buffer | null;
  readonly stat: Stat;
}

/** How often a step of `ensurePath` is repeated when the connection breaks under it. */
const ensureAttempts = 5;

/**
 * A session with a ZooKeeper-speaking ensemble. It lives until `close()`: connections come and go, and when a session is
 * lost a new one is made. Made by `connect()`.
 *
 * Requests made without a connection wait for one. A request that was sent when the connection broke rejects with
 * ConnectionLossError; one that never left when the session was lost, with SessionExpiredError.
 */
export class Client {
  readonly #parts: ClientParts;
  readonly #session: Session;
  readonly #chroot: Chroot;
  readonly #requests: Requests;
  readonly #states: StateEmitter;
  readonly #observers: Observers;
  #state: ClientState = "connecting";
  /** The state at once, then every change of it. Completes after `closed`. */
  readonly state$: Observable<StateEvent>;

  /** Use `connect()`. */
  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.#chroot = parts.chroot;
    this.#states = new StateEmitter(parts.logger);
    this.#session = parts.makeSession((event) => {
      this.#state = event.state;
      this.#states.emit(event);
    });
    this.#requests = new Requests(this.#session, parts.chroot, parts.requestBytesMax);
    this.#observers = new Observers(this, parts);
    this.state$ = new Observable((subscriber) => {
      const tell = (event: StateEvent): void => {
        subscriber.next(event);
        if (event.state === "closed") subscriber.complete();
      };
      this.#states.on(tell);
      subscriber.add(() => this.#states.off(tell));
      const { state, sessionId, deadlineMs } = this;
      tell({ state, sessionId, deadlineMs });
    });
  }

  /** Whether a server answers, and whether there is a session. */
  get state(): ClientState {
    return this.#state;
  }

  /** The id of the session; 0 while there is none. Changes when a session was lost and a new one made. */
  get sessionId(): bigint {
    return this.#session.sessionId;
  }

  /** The secret with which the session can be taken up elsewhere; empty while there is no session. A copy. */
  get sessionPassword(): Uint8Array {
    return Uint8Array.from(this.#session.sessionPassword);
  }

  /** As negotiated with the server; as asked for while there is no session. */
  get sessionTimeoutMs(): number {
    return this.#session.sessionTimeoutMs;
  }

  /** Until then, on `clock.elapsedMs()`, the server cannot have expired the session. In the past while there is none. */
  get deadlineMs(): number {
    return this.#session.deadlineMs;
  }

  /** The newest zxid that an answer showed. */
  get lastZxid(): bigint {
    return BigInt(this.#session.lastZxid);
  }

  /** The prefix from the connect string, or the empty string. */
  get chroot(): string {
    return this.#chroot.prefix;
  }

  /** The ports that the client runs on, for what is built on top of it. */
  get clock(): Clock {
    return this.#parts.clock;
  }

  get random(): Random {
    return this.#parts.random;
  }

  get logger(): Logger {
    return this.#parts.logger;
  }

  /** Calls `listener` at every change of state, the latest possible moment to stop trusting what the session holds. */
  on(_event: "state", listener: StateListener): this {
    this.#states.on(listener);
    return this;
  }

  /** Calls `listener` at the next change of state only. */
  once(_event: "state", listener: StateListener): this {
    this.#states.once(listener);
    return this;
  }

  /** Undoes `on` and `once`. */
  off(_event: "state", listener: StateListener): this {
    this.#states.off(listener);
    return this;
  }

  /**
   * Creates a node and returns its path, which with a sequential mode ends in ten digits that the server chose.
   * @throws NodeExistsError, NoNodeError (the parent is missing), NoChildrenForEphemeralsError, InvalidAclError
   */
  async create(path: string, data?: Data, options: CreateOptions = {}): Promise<string> {
    const made = createRequest("create", path, data, options, this.#chroot);
    const about = { operation: "create", path };
    const response =
      made.operation === "createTTL"
        ? await this.#requests.send("createTTL", made.request, about, options)
        : await this.#requests.send(made.operation, made.request, about, options);
    return this.#chroot.toClient(response.path);
  }

  /** The same, and returns the new node's stat as well. Its czxid is unique to the node. */
  async create2(
    path: string,
    data?: Data,
    options: CreateOptions = {},
  ): Promise<{ readonly path: string; readonly stat: Stat }> {
    const made = createRequest("create2", path, data, options, this.#chroot);
    const about = { operation: "create", path };
    const response =
      made.operation === "createTTL"
        ? await this.#requests.send("createTTL", made.request, about, options)
        : await this.#requests.send(made.operation, made.request, about, options);
    return { path: this.#chroot.toClient(response.path), stat: publicStat(response.stat) };
  }

  /** Makes sure that the parents of `path` exist, as persistent nodes without data; the chroot included. */
  async createParents(path: string, options: CallOptions = {}): Promise<void> {
    checkPath("createParents", path);
    await this.#ensure(parentPath(this.#chroot.toServer(path)), options);
  }

  /** Makes sure that `path` and its parents exist. */
  async ensurePath(path: string, options: CallOptions = {}): Promise<void> {
    checkPath("ensurePath", path);
    await this.#ensure(this.#chroot.toServer(path), options);
  }

  /** From the leaf up: what is there costs one request, and permissions are needed only where something is missing. */
  async #ensure(serverPath: string, options: CallOptions): Promise<void> {
    if (serverPath === "" || serverPath === "/") return;
    const path = this.#chroot.toClient(serverPath);
    const request = { path: serverPath, data: null, acl: openAcl, flags: CreateMode.persistent };
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#requests.send("create", request, { operation: "create", path }, options);
        return;
      } catch (error) {
        if (isCoordinationError(error, "NodeExists")) return;
        if (isCoordinationError(error, "NoNode")) await this.#ensure(parentPath(serverPath), options);
        // Whether the lost request happened does not matter: a second one then finds the node there.
        else if (!isRecoverable(error)) throw error;
        if (attempt === ensureAttempts) throw error;
      }
    }
  }

  /**
   * Reads a node.
   * @throws NoNodeError
   */
  async get(path: string, options: WatchOptions = {}): Promise<{ readonly data: Buffer | null; readonly stat: Stat }> {
    const request = this.#read("get", path, options);
    const response = await this.#requests.send(
      "getData",
      request,
      { operation: "get", path },
      options,
      watchOf("data", options),
    );
    // A copy: the answer is a view of a chunk that held other answers too.
    const data = response.data === null ? null : Buffer.from(response.data);
    return { data, stat: publicStat(response.stat) };
  }

  /**
   * Replaces a node's data and returns the new stat.
   * @throws NoNodeError, BadVersionError
   */
  async set(path: string, data: Data, options: VersionOptions = {}): Promise<Stat> {
    const { version = anyVersion } = options;
    checkPath("set", path);
    checkVersion("set", path, version);
    const request = { path: this.#chroot.toServer(path), data: toBytes("set", path, data), version };
    const response = await this.#requests.send("setData", request, aboutVersion("set", path, version), options);
    return publicStat(response.stat);
  }

  /**
   * Deletes a node that has no children.
   * @throws NoNodeError, BadVersionError, NotEmptyError
   */
  async delete(path: string, options: VersionOptions = {}): Promise<void> {
    const { version = anyVersion } = options;
    checkPath("delete", path);
    checkVersion("delete", path, version);
    const request = { path: this.#chroot.toServer(path), version };
    await this.#requests.send("delete", request, aboutVersion("delete", path, version), options);
  }

  /** The node's stat, or `undefined` if there is no such node; the watch is registered either way. */
  async exists(path: string, options: WatchOptions = {}): Promise<Stat | undefined> {
    const request = this.#read("exists", path, options);
    const about = { operation: "exists", path };
    const outcome = await this.#requests.call("exists", request, about, options, watchOf("exist", options));
    if (outcome.type === "answer" && outcome.err === ErrorCode.NoNode) return undefined;
    return publicStat(this.#requests.response("exists", outcome, about).stat);
  }

  /**
   * The names of the node's children, sorted by code unit.
   * @throws NoNodeError
   */
  async children(path: string, options: WatchOptions = {}): Promise<string[]> {
    const request = this.#read("children", path, options);
    const about = { operation: "children", path };
    const response = await this.#requests.send("getChildren", request, about, options, watchOf("child", options));
    return [...response.children].sort();
  }

  /** The same, with the stat of the node itself. */
  async childrenWithStat(
    path: string,
    options: WatchOptions = {},
  ): Promise<{ readonly children: string[]; readonly stat: Stat }> {
    const request = this.#read("children", path, options);
    const about = { operation: "children", path };
    const response = await this.#requests.send("getChildren2", request, about, options, watchOf("child", options));
    return { children: [...response.children].sort(), stat: publicStat(response.stat) };
  }

  /**
   * The node, now and after every change that the server can tell; `undefined` while there is none. A node that was
   * deleted and made again shows in its `stat.czxid`. It converges to the latest state after any disconnection and any
   * loss of the session, never tells one state twice, and completes when the client is closed. Changes of data only: for
   * children, ask `watchChildren`; `stat` counts them as of the last read.
   *
   * ```ts
   * for await (const node of client.watchNode("/config", { signal })) apply(node?.data ?? defaults);
   * ```
   *
   * It ends in an error only if the node cannot be read for reasons that last, such as NoAuthError.
   */
  watchNode(path: string, options: CallOptions = {}): Observed<ObservedNode | undefined> {
    checkPath("watchNode", path);
    const nodes = defer(() => this.#observers.node(path));
    return new Observed(nodes.pipe(map((node) => node && { path, ...node })), options.signal);
  }

  /**
   * The names of the node's children, sorted by code unit, now and after every change; `undefined` while there is no such
   * node. The rest is as with `watchNode`. A child that was deleted and made again between two looks does not show.
   */
  watchChildren(path: string, options: CallOptions = {}): Observed<readonly string[] | undefined> {
    checkPath("watchChildren", path);
    const lists = defer(() => this.#observers.children(path));
    return new Observed(lists.pipe(map((list) => list?.children)), options.signal);
  }

  /** The node's access control list. Its `stat.aversion` is the version that `setAcl` compares. */
  async getAcl(
    path: string,
    options: CallOptions = {},
  ): Promise<{ readonly acl: readonly Acl[]; readonly stat: Stat }> {
    checkPath("getAcl", path);
    const request = { path: this.#chroot.toServer(path) };
    const response = await this.#requests.send("getACL", request, { operation: "getAcl", path }, options);
    return { acl: response.acl, stat: publicStat(response.stat) };
  }

  /** Replaces the node's access control list. `version` is compared with `stat.aversion`. */
  async setAcl(path: string, acl: readonly Acl[], options: VersionOptions = {}): Promise<Stat> {
    const { version = anyVersion } = options;
    checkPath("setAcl", path);
    checkAcl("setAcl", path, acl);
    checkVersion("setAcl", path, version);
    const request = { path: this.#chroot.toServer(path), acl, version };
    const response = await this.#requests.send("setACL", request, aboutVersion("setAcl", path, version), options);
    return publicStat(response.stat);
  }

  /**
   * Adds an identity to this client; it is presented again on every later connection. For scheme `digest`, `auth` is
   * `user:password`.
   * @throws AuthFailedError; the server then closes the connection, and the client comes back without the identity.
   */
  async addAuth(scheme: string, auth: Data, options: CallOptions = {}): Promise<void> {
    const about = { operation: `addAuth ${scheme}`, path: undefined };
    const bytes = toBytes("addAuth", scheme, auth);
    const copy = bytes === null ? null : Uint8Array.from(bytes);
    const err = await this.#session.addAuth({ scheme, auth: copy }, options.signal);
    if (err === ErrorCode.Ok) return;
    if (err !== undefined) throw errorFromWire(err, about);
    options.signal?.throwIfAborted();
    throw new ClientClosedError(about);
  }

  /** Waits until the server has caught up with all writes that were committed when it was asked. A later read sees them. */
  async sync(path = "/", options: CallOptions = {}): Promise<void> {
    checkPath("sync", path);
    await this.#requests.send("sync", { path: this.#chroot.toServer(path) }, { operation: "sync", path }, options);
  }

  /** Begins a transaction: operations of which all happen, or none. */
  transaction(): Transaction<[]> {
    return new Transaction<[]>({
      chroot: this.#chroot,
      multi: (operations, options) => this.#multi(operations, options),
    });
  }

  /**
   * Forgets `watcher` on `path`: it will not be called any more. The server's watch stays until it fires; its event
   * then finds nobody.
   */
  unwatch(path: string, watcher: Watcher): void {
    this.#session.unwatch(this.#chroot.toServer(path), watcher);
  }

  /**
   * Ends the session. Requests already sent are still answered; what waits for a connection rejects with
   * ClientClosedError. On the server the session ends at once if it can be reached within a second or, when connected,
   * three; otherwise it ends by its timeout. Never rejects. Idempotent.
   */
  close(): Promise<void> {
    return this.#session.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #multi(operations: readonly MultiOperation[], options: CallOptions): Promise<readonly MultiResult[]> {
    return await this.#requests.send("multi", operations, { operation: "transaction", path: undefined }, options);
  }

  #read(operation: string, path: string, options: WatchOptions): { path: string; watch: boolean } {
    checkPath(operation, path);
    return { path: this.#chroot.toServer(path), watch: options.watch !== undefined };
  }
}

function aboutVersion(operation: string, path: string, version: number): About {
  return { operation, path, detail: version === anyVersion ? undefined : `expected version ${version}` };
}

function watchOf(kind: WatchIntent["kind"], { watch }: WatchOptions): WatchIntent | undefined {
  return watch === undefined ? undefined : { kind, watcher: watch };
}
