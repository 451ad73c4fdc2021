/**
 * What was sent on a connection and awaits its answer. Answers come in the order of the requests. Pings and credentials
 * have no number of their own and a server may answer them ahead of requests that wait for a disk, so each of these
 * kinds has an order of its own.
 */
import { Fifo } from "@corral/io";
import { SpecialXid } from "@corral/protocol";
import type { SessionAuth } from "./session-types.ts";

/** What an answer is to. `sentMs`: when that was sent, on the elapsed clock. */
export type Answered<W> =
  | { readonly type: "request"; readonly xid: number; readonly sentMs: number; readonly what: W }
  | { readonly type: "ping"; readonly sentMs: number }
  | { readonly type: "auth"; readonly sentMs: number; readonly auth: SessionAuth }
  /** To nothing that is due: client and server disagree, the connection is of no use any more. */
  | { readonly type: "unexpected"; readonly problem: string };

/** The requests, pings and credentials under way on one connection. `W`: what the caller knows a request by. */
export class Outstanding<W> {
  readonly #requests = new Fifo<Extract<Answered<W>, { type: "request" }>>();
  readonly #pings = new Fifo<Extract<Answered<W>, { type: "ping" }>>();
  readonly #auths = new Fifo<Extract<Answered<W>, { type: "auth" }>>();
  #xid = 0;

  /** Requests under way. */
  get requests(): number {
    return this.#requests.length;
  }

  /** A request is sent now; returns its number. */
  request(what: W, nowMs: number): number {
    this.#xid = xidAfter(this.#xid);
    this.#requests.push({ type: "request", xid: this.#xid, sentMs: nowMs, what });
    return this.#xid;
  }

  /** A ping is sent now. */
  ping(nowMs: number): void {
    this.#pings.push({ type: "ping", sentMs: nowMs });
  }

  /** Credentials are sent now. */
  auth(auth: SessionAuth, nowMs: number): void {
    this.#auths.push({ type: "auth", sentMs: nowMs, auth });
  }

  /** What the answer numbered `xid` is to. It is then no longer outstanding. */
  answered(xid: number): Answered<W> {
    if (xid === SpecialXid.ping) return this.#pings.shift() ?? unexpected("a ping");
    if (xid === SpecialXid.auth) return this.#auths.shift() ?? unexpected("credentials");
    const due = this.#requests.peek();
    // A request passed over stays in the queue, to fail with the connection.
    if (due?.xid !== xid) return unexpected(`request ${xid}`, due?.xid);
    this.#requests.shift();
    return due;
  }

  /** Nothing will be answered any more. Returns what the requests were. */
  drain(): W[] {
    this.#pings.drain();
    this.#auths.drain();
    return this.#requests.drain().map(({ what }) => what);
  }
}

function unexpected(to: string, due?: number): { readonly type: "unexpected"; readonly problem: string } {
  const instead = due === undefined ? "none was due" : `the one to request ${due} was due`;
  return { type: "unexpected", problem: `an answer to ${to}; ${instead}` };
}

/** Numbers of requests go from 1 to 2^31 − 1 and start again: negative ones have meanings of their own. */
export function xidAfter(xid: number): number {
  return xid === 0x7fff_ffff ? 1 : xid + 1;
}
