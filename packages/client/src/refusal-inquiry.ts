/**
 * Why a server refuses us: it closes the connection without a word, for one of several reasons. What it says to others,
 * on a connection of its own, tells them apart.
 */
import { type Address, formatAddress } from "@corral/io";
import { formatZxid } from "@corral/protocol";
import { askFourLetterWord, type Ports } from "./four-letter-word.ts";
import { limits } from "./limits.ts";

/** What is asked about, now and then, one host at a time each. */
export class RefusalInquiry {
  readonly #ports: Ports;
  readonly #askedAtMs = new Map<string, number>();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** The reason in words; `undefined` if it does not say, or was asked a moment ago. Never rejects. */
  async ask(host: Address, lastZxid: () => number, signal: AbortSignal): Promise<string | undefined> {
    const name = formatAddress(host);
    const nowMs = this.#ports.clock.elapsedMs();
    if (nowMs < (this.#askedAtMs.get(name) ?? Number.NEGATIVE_INFINITY) + limits.refusalInquiryMs) return undefined;
    this.#askedAtMs.set(name, nowMs);
    const answer = await askFourLetterWord(this.#ports, host, "srvr", signal);
    return answer === undefined ? undefined : reasonOf(answer, lastZxid());
  }
}

/** What an answer to `srvr` says about a refusal of a client that has seen `lastZxid`. */
export function reasonOf(srvr: string, lastZxid: number): string | undefined {
  if (/not currently serving/.test(srvr)) return "it is not serving: it has no quorum, or is still starting";
  const zxid = /^Zxid: (0x[0-9a-f]+)/m.exec(srvr)?.[1];
  if (zxid === undefined) return undefined;
  if (Number(zxid) < lastZxid) {
    const seen = formatZxid(lastZxid);
    return `its data (zxid ${zxid}) is older than what this client has seen (${seen}): it lags behind, or was wiped or restored`;
  }
  // As Corral's server says it. What it holds can be read over the connections that there are.
  if (/^Mode: read-only \(the log failed/m.test(srvr)) {
    return "its log cannot be written: it opens no sessions until its disk is mended and it is started again";
  }
  if (/^Mode: read-only/m.test(srvr)) {
    return "it is read-only at the moment: wait for its quorum, or connect with canBeReadOnly";
  }
  return "it serves others, but closed this connection without an answer: too many connections from this address?";
}
