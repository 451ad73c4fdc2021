/**
 * Which host to try next, and what happened at each. Pure. The list comes shuffled, so that clients spread over the
 * servers, and from there on it goes round and round; or it comes by priority, and every search begins at its head.
 */
import { type Address, formatAddress, isCertificateError } from "@corral/io";
import { assert } from "@corral/protocol";
import type { HostDiagnosis } from "./errors.ts";
import { limits } from "./limits.ts";
import type { Link, LinkTo } from "./link.ts";
import type { LinkFailure } from "./session-types.ts";

/** In which order the hosts of a connect string are tried: at random, or always from the first on. */
export type HostOrder = "shuffled" | "priority";

/** The hosts of an ensemble, one after the other. */
export class HostRotation {
  #hosts: readonly Address[];
  readonly #byPriority: boolean;
  #cursor = 0;
  readonly #last = new Map<string, HostDiagnosis>();
  /** Holds until the host does something else than refuse. */
  readonly #whyRefused = new Map<string, string>();
  #refusals = 0;

  constructor(hosts: readonly Address[], order: HostOrder) {
    this.#hosts = hosts;
    this.#byPriority = order === "priority";
  }

  /** In the order in which they are tried. None before a service's have been found. */
  get hosts(): readonly Address[] {
    return this.#hosts;
  }

  /** Goes on with other hosts. What is known of those that stay is kept. */
  replace(hosts: readonly Address[]): void {
    assert(hosts.length > 0, "there is at least one host");
    const next = this.#hosts[this.#cursor % this.#hosts.length];
    const at = hosts.findIndex((host) => host.host === next?.host && host.port === next.port);
    this.#hosts = hosts;
    this.#cursor = Math.max(0, at);
    const names = new Set(hosts.map(formatAddress));
    for (const name of this.#last.keys()) if (!names.has(name)) this.#last.delete(name);
  }

  /** Tries this one next. */
  prefer(preferred: Address): void {
    const at = this.#hosts.findIndex(({ host, port }) => host === preferred.host && port === preferred.port);
    if (at >= 0) this.#cursor = at;
  }

  /** The host to try now. */
  next(): Address {
    const host = this.#hosts[this.#cursor % this.#hosts.length];
    assert(host !== undefined, "the cursor points at a host");
    this.#cursor++;
    return host;
  }

  /** Remembers why a host could not be used. */
  failed({ host, isOneOfSeveral }: Pick<LinkTo, "host" | "isOneOfSeveral">, failure: LinkFailure): void {
    this.#refusals = failure.kind === "refused" ? this.#refusals + 1 : 0;
    const error = "error" in failure ? failure.error : undefined;
    const name = formatAddress(host);
    if (failure.kind !== "refused") this.#whyRefused.delete(name);
    this.#last.set(name, {
      host: name,
      reason: this.#whyRefused.get(name) ?? describeFailure(failure),
      ...(error === undefined ? {} : { cause: error }),
      ...verdictOn(failure, isOneOfSeveral),
    });
  }

  /** More is known about why `host` refuses. */
  diagnosed(host: Address, reason: string): void {
    const name = formatAddress(host);
    const known = this.#last.get(name);
    if (known === undefined) return;
    this.#whyRefused.set(name, reason);
    this.#last.set(name, { ...known, reason });
  }

  /** A session is established or re-attached. */
  succeeded(): void {
    this.#refusals = 0;
    this.#whyRefused.clear();
    if (this.#byPriority) this.#cursor = 0;
  }

  /**
   * How many times in a row a server has accepted the connection and closed it without an answer, and what to make of
   * it. That is how a server turns away a client that has seen more than the server has, and also how it looks when it
   * is not serving yet. `suspicious` holds once in a row.
   */
  get refusals(): { readonly inRow: number; readonly suspicious: boolean; readonly hopeless: boolean } {
    const rounds = 2 * this.#hosts.length;
    return {
      inRow: this.#refusals,
      suspicious: this.#refusals === Math.max(limits.refusalsToWarn, rounds),
      hopeless: this.#refusals >= Math.max(limits.refusalsToStartOver, rounds),
    };
  }

  /** What happened last at each host. `link`: the connection that there is, or is to be. */
  diagnosis(link: Link): HostDiagnosis[] {
    const current = link.phase === "idle" ? undefined : formatAddress(link.host);
    return this.#hosts.map((host) => {
      const name = formatAddress(host);
      const last = name === current && link.phase === "established" ? undefined : this.#last.get(name);
      return last ?? { host: name, reason: name === current ? soFar(link) : "not tried yet" };
    });
  }
}

/** A way out of a row of refusals; see `onRefused`. */
export interface RefusalAdvice {
  /** For the log. */
  readonly warnings: readonly string[];
  /** Give up what was seen of the servers' history, and take their data as it is. */
  readonly startOver: boolean;
}

/**
 * Servers close silently for several reasons; a pattern of it deserves a word, and one of them a way out. Without a session
 * nothing but our own memory holds us to what we saw. A server that merely lags catches up in these attempts; one that
 * was wiped never will, and would turn us away for ever.
 */
export function adviceOn(
  { suspicious, hopeless }: HostRotation["refusals"],
  { seenAny, hasSession }: { readonly seenAny: boolean; readonly hasSession: boolean },
): RefusalAdvice {
  const startOver = hopeless && seenAny && !hasSession;
  return {
    warnings: [
      ...(suspicious ? [refusedEverywhere(seenAny)] : []),
      ...(startOver ? ["starting over from the servers' data, which is older than what this client has seen"] : []),
    ],
    startOver,
  };
}

/** What a row of refusals may mean. `seenAny`: whether the client has seen data before. */
function refusedEverywhere(seenAny: boolean): string {
  return `every server closes the connection right after the handshake was sent: ${
    seenAny
      ? "their data may be older than what this client has seen (wiped or restored?), or they do not serve"
      : "they may not be serving yet, have too many connections from this address, or be something else altogether"
  }`;
}

/** How far a connection has got, in words. */
function soFar({ phase }: Link): string {
  if (phase === "established") return "connected";
  return phase === "dialing" ? "no connection so far" : "it accepted the connection and has not answered so far";
}

/**
 * What to do about it, where that is known, and whether trying again is of no use: then it is, but for a name behind which
 * another server may be. Of a client's certificate it is known only where the server says so, as ours does of one that is
 * missing: one that just closes the connection, as ours does for one that it does not trust, may have other reasons.
 */
function verdictOn(failure: LinkFailure, isOneOfSeveral = false): Pick<HostDiagnosis, "remedy" | "final"> {
  if ("error" in failure && isCertificateError(failure.error)) {
    const { remedy } = failure.error;
    return isOneOfSeveral || failure.error.isOneOfSeveral ? { remedy } : { remedy, final: "NotTrusted" };
  }
  if (failure.kind === "refused")
    return { remedy: "Something listens there: its log says why it closes the connection." };
  if (failure.kind === "malformed") return { remedy: "Check that the port is the one for clients." };
  if (failure.kind !== "notAuthenticated" || !failure.isRefusal) return {};
  const remedy = "Check mechanism, username and password in { sasl } (CORRAL_SASL), and that the server has that user.";
  return isOneOfSeveral ? { remedy } : { remedy, final: "AuthFailed" };
}

/** A failure in words, as the end of "host:port: …". */
export function describeFailure(failure: LinkFailure): string {
  switch (failure.kind) {
    case "unreachable":
      return `no connection: ${failure.error.message}`;
    case "timeout":
      return failure.stage === "dial"
        ? `no connection within ${failure.waitedMs} ms`
        : `it accepted the connection but did not answer within ${failure.waitedMs} ms`;
    case "refused": {
      if (isCertificateError(failure.error)) return failure.error.message;
      const told = failure.error === undefined ? "" : `: ${failure.error.message}`;
      return `it accepted the connection and closed it without an answer${told} (it may not be serving yet, have too many connections from this address, hold older data than this client has seen, want TLS, or a certificate of the client's that it trusts; its log may say)`;
    }
    case "malformed":
      return `what answered does not speak the ZooKeeper protocol: ${failure.error.message}`;
    case "noSession":
      return "it refused the session";
    case "notAuthenticated":
      return failure.error.message;
    case "closed":
      return failure.error === undefined
        ? "the server closed the connection"
        : `the connection broke: ${failure.error.message}`;
    case "silent":
      return `nothing was heard from the server for ${failure.waitedMs} ms`;
    case "given up":
      return "the client gave the connection up";
  }
}
