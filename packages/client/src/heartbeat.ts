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

  /** When `due` will next have something to say, for a session with this timeout. */
  nextMs(timeoutMs: number): number {
    return Math.min(this.#sentMs + pingAfter(timeoutMs), this.#heardMs + giveUpAfter(timeoutMs));
  }

  /** What is to be done now. */
  due(timeoutMs: number, nowMs: number): "ping" | "give up" | undefined {
    if (nowMs >= this.#heardMs + giveUpAfter(timeoutMs)) return "give up";
    return nowMs >= this.#sentMs + pingAfter(timeoutMs) ? "ping" : undefined;
  }
}

/** Two thirds of the session's timeout: the last third is for taking the session up elsewhere. */
function giveUpAfter(timeoutMs: number): number {
  return (timeoutMs * 2) / 3;
}

/** Half of that, so that one ping can fail to be answered. */
function pingAfter(timeoutMs: number): number {
  return timeoutMs / 3;
}
