/** The client as programs see it: a session, and the tree below it. */
import type { Clock, Logger, Random } from "@corral/io";
import { type ClientInfo, ErrorCode } from "@corral/protocol";
import type { Observable } from "rxjs";
import { checkPath, toBytes } from "./arguments.ts";
import type { ClientCore } from "./client-core.ts";
import { type Context, viewOf } from "./context.ts";
import { BadArgumentsError, ClientClosedError, errorFromWire, type HostDiagnosis } from "./errors.ts";
import { inTime } from "./in-time.ts";
import type { ClientMetrics } from "./meter.ts";
import { sendIfThere } from "./operations/optional.ts";
import type { NodeData } from "./operations/read.ts";
import { type ReconfigOptions, reconfig } from "./operations/reconfig.ts";
import type { CallOptions, Data } from "./options.ts";
import type { ClientState } from "./session-types.ts";
import type { StateEvent, StateListener } from "./state-emitter.ts";
import { Tree } from "./tree.ts";

/**
 * A session with a ZooKeeper-speaking ensemble. It lives until `close()`: connections come and go, and when a session is
 * lost a new one is made. Made by `connect()`.
 *
 * Requests made without a connection wait for one. A request that was sent when the connection broke rejects with
 * ConnectionLossError; one that never left when the session was lost, with SessionExpiredError.
 */
export class Client extends Tree {
  readonly #core: ClientCore;
  readonly #context: Context;

  /** Use `connect()`. */
  constructor(context: Context) {
    super(context);
    this.#context = context;
    this.#core = context.core;
  }

  /** Whether a server answers, and whether there is a session. */
  get state(): ClientState {
    return this.#core.state;
  }

  /** The state at once, then every change of it. Completes after `closed`. */
  get state$(): Observable<StateEvent> {
    return this.#core.state$;
  }

  /** The id of the session; 0 while there is none. Changes when a session was lost and a new one made. */
  get sessionId(): bigint {
    return this.#core.session.sessionId;
  }

  /** The secret with which the session can be taken up elsewhere; empty while there is no session. A copy. */
  get sessionPassword(): Uint8Array {
    return Uint8Array.from(this.#core.session.sessionPassword);
  }

  /** As negotiated with the server; as asked for while there is no session. */
  get sessionTimeoutMs(): number {
    return this.#core.session.sessionTimeoutMs;
  }

  /** Until then, on `clock.elapsedMs()`, the server cannot have expired the session. In the past while there is none. */
  get deadlineMs(): number {
    return this.#core.session.deadlineMs;
  }

  /** The newest zxid that an answer showed. */
  get lastZxid(): bigint {
    return BigInt(this.#core.session.lastZxid);
  }

  /** The prefix of every path on the server, from the connect string and `namespace()`; or the empty string. */
  get chroot(): string {
    return this.#context.chroot.prefix;
  }

  /** What `connect()` was given. */
  get connectString(): string {
    return this.#core.connectString;
  }

  /** The ports that the client runs on, for what is built on top of it. */
  get clock(): Clock {
    return this.#core.clock;
  }

  get random(): Random {
    return this.#core.random;
  }

  get logger(): Logger {
    return this.#core.logger;
  }

  /** Calls `listener` at every change of state, the latest possible moment to stop trusting what the session holds. */
  on(event: "state", listener: StateListener): this {
    checkListener(event, listener);
    this.#core.states.on(listener);
    return this;
  }

  /** Calls `listener` at the next change of state only. */
  once(event: "state", listener: StateListener): this {
    checkListener(event, listener);
    this.#core.states.once(listener);
    return this;
  }

  /** Undoes `on` and `once`. */
  off(_event: "state", listener: StateListener): this {
    this.#core.states.off(listener);
    return this;
  }

  /** What the client has done since `connect()` and has to do now, as plain numbers. */
  metrics(): ClientMetrics {
    return this.#core.metrics();
  }

  /** What happened last at each host: why there is no connection, if there is none. */
  diagnosis(): readonly HostDiagnosis[] {
    return this.#core.session.diagnosis;
  }

  /** Whether the server takes no writes at the moment; only with `canBeReadOnly`. */
  get readOnly(): boolean {
    return this.#core.readOnly;
  }

  /**
   * The same session with another view of the tree: what is called "/a" there is `path` + "/a" here. State, identities
   * and `close()` are those of the session, whichever view they are asked of. `path` need not exist; `ensurePath("/")`
   * makes it.
   */
  namespace(path: string): Client {
    checkPath("namespace", path);
    const prefix = this.#context.chroot.toServer(path);
    return new Client(viewOf(this.#core, prefix === "/" ? "" : prefix));
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
    await inTime(this.#core.clock, about, options, async ({ signal }) => {
      const err = await this.#core.session.addAuth({ scheme, auth: copy }, signal);
      if (err === ErrorCode.Ok) return;
      if (err !== undefined) throw errorFromWire(err, about);
      signal?.throwIfAborted();
      throw new ClientClosedError(about);
    });
  }

  /** Who the server takes this client for: its address first, then every identity added. Servers before 3.7: UnimplementedError. */
  async whoAmI(options: CallOptions = {}): Promise<readonly ClientInfo[]> {
    const about = { operation: "whoAmI", path: undefined };
    const { clientInfo } = await inTime(this.#core.clock, about, options, (call) =>
      sendIfThere(this.#context, "whoAmI", {}, about, call),
    );
    // Apache's servers give them in no order.
    return [...clientInfo].sort((a, b) => Number(b.authScheme === "ip") - Number(a.authScheme === "ip"));
  }

  /**
   * Changes the ensemble's membership, and returns its new configuration: by who joins and leaves, or by who all the
   * members are. Servers are written as in a configuration file, `server.3=host:2888:3888;2181`.
   * @throws ReconfigDisabled, NewConfigNoQuorum, ReconfigInProgress, BadVersion (`fromConfig` is not the current one),
   * NoAuth; Unimplemented by a server that stands alone
   */
  async reconfig(change: ReconfigOptions, options: CallOptions = {}): Promise<NodeData> {
    const about = { operation: "reconfig", path: undefined };
    return await inTime(this.#core.clock, about, options, (call) => reconfig(this.#context, change, call));
  }

  /**
   * Ends the session. Requests already sent are still answered; what waits for a connection rejects with
   * ClientClosedError. On the server the session ends at once if it can be reached within a second or, when connected,
   * three; otherwise it ends by its timeout. Never rejects. Idempotent.
   */
  close(): Promise<void> {
    return this.#core.session.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A listener that would never be called is worse than none: what is lost would not be told. */
function checkListener(event: "state", listener: StateListener): void {
  const detail = event === "state" ? "the listener is not a function" : `there is no event ${JSON.stringify(event)}`;
  if (event === "state" && typeof listener === "function") return;
  throw new BadArgumentsError({ operation: "on", detail, remedy: 'Give a function for the event "state".' });
}
