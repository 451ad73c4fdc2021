/** When to ping an idle server and when to give a silent one up, as the reference client does: by fractions of the timeout. */

/** How a connection is doing. Times are on the elapsed clock. */
export class Heartbeat {
  #sentMs = 0;
  #heardMs = 0;

  /** A connection opens. */
  start(nowMs: number): void {
    this.#sentMs = nowMs;
    this.#heardMs = nowMs;
  }

  /** Something is sent, which makes a ping unnecessary. */
  sent(nowMs: number): void {
    this.#sentMs = nowMs;
  }

  /** Something has come. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  /** The program stood still for `lateMs` and could not have heard: that time does not count as silence. */
  excuse(lateMs: number, nowMs: number): void {
    this.#heardMs = Math.min(nowMs, this.#heardMs + lateMs);
  }

  /** How long nothing has been heard. */
  silentMs(nowMs: number): number {
    return nowMs - this.#heardMs;
  }

  /** When `due` will next have something to say. */
  nextMs(of: Paced): number {
    return Math.min(this.#sentMs + pingAfter(of), this.#heardMs + giveUpAfter(of));
  }

  /** What is to be done now. */
  due(of: Paced, nowMs: number): "ping" | "give up" | undefined {
    if (nowMs >= this.#heardMs + giveUpAfter(of)) return "give up";
    return nowMs >= this.#sentMs + pingAfter(of) ? "ping" : undefined;
  }
}

/** What the pace depends on: the session's timeout, and whether every answer moves its deadline. */
export interface Paced {
  readonly timeoutMs: number;
  readonly answersProve: boolean;
}

/**
 * Two thirds of the session's timeout: the last third is for taking the session up elsewhere. Where answers prove less,
 * the deadline of an idle session is a third earlier, and so is this: half.
 */
function giveUpAfter({ timeoutMs, answersProve }: Paced): number {
  return answersProve ? (timeoutMs * 2) / 3 : timeoutMs / 2;
}

/** So that one ping can fail to be answered; and where a ping is proven by the one after the next, that can, too. */
function pingAfter({ timeoutMs, answersProve }: Paced): number {
  return answersProve ? timeoutMs / 3 : timeoutMs / 6;
}
