/**
 * Bad weather on a network: replies and requests lost, connections cut, one direction held up, all by a seeded generator.
 *
 * It is survivable: connections come back long before a session could expire, and after each fault there is a while
 * without one, so that everybody makes progress. The seed decides the faults, not the exact moments: those depend on what
 * the programs send. Handshakes and the ends of sessions are spared, for a session that lingers until its timeout would
 * only make suites slow.
 */
import type { Drop, FaultProxy, ProxiedConnection, RequestInfo, SeededRandom } from "@corral/testing";

/** One in so many replies is lost, when there has been no fault for a while. */
const replyOdds = 12;
/** The same for requests. */
const requestOdds = 25;
/** Frames that a connection passes in peace before anything is lost on it. */
const peacefulFrames = 2;
/** After a fault there is none for a random time between these, ms. */
const calmMs = { min: 80, max: 300 };
/** Each so often something happens to a connection, busy or not; between these, ms. */
const upsetMs = { min: 150, max: 600 };
/** How long a direction is held up, between these, ms. */
const stallMs = { min: 5, max: 120 };

/** See the head of this file. Blows from `start` to `close`. */
export class Weather {
  readonly #proxy: FaultProxy;
  readonly #random: SeededRandom;
  readonly #framesSeen = new WeakMap<ProxiedConnection, number>();
  #drops: readonly Drop<unknown>[] = [];
  #timer: NodeJS.Timeout | undefined;
  #notBeforeMs = 0;
  #calms = 0;

  constructor(proxy: FaultProxy, random: SeededRandom) {
    this.#proxy = proxy;
    this.#random = random;
  }

  start(): void {
    this.#proxy.latency({ minMs: 0, maxMs: 3 });
    const times = Number.POSITIVE_INFINITY;
    this.#drops = [
      this.#proxy.dropReply((frame, connection) => this.#strikes(frame, connection, replyOdds), { times }),
      this.#proxy.dropRequest((frame, connection) => this.#strikes(frame, connection, requestOdds), { times }),
    ];
    this.#upsetSoon();
  }

  /** No faults until the result is disposed of. What is held up goes on at once. */
  calm(): Disposable {
    this.#calms += 1;
    this.#proxy.resume();
    let over = false;
    return {
      [Symbol.dispose]: () => {
        if (!over) this.#calms -= 1;
        over = true;
      },
    };
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const drop of this.#drops) drop.cancel();
  }

  #strikes({ operation }: RequestInfo, connection: ProxiedConnection, odds: number): boolean {
    if (operation === "createSession" || operation === "closeSession") return false;
    const seen = (this.#framesSeen.get(connection) ?? 0) + 1;
    this.#framesSeen.set(connection, seen);
    if (seen <= peacefulFrames || !this.#isDue || this.#random.below(odds) > 0) return false;
    this.#pauseAfterFault();
    return true;
  }

  get #isDue(): boolean {
    return this.#calms === 0 && performance.now() >= this.#notBeforeMs;
  }

  #pauseAfterFault(): void {
    this.#notBeforeMs = performance.now() + this.#between(calmMs);
  }

  #upsetSoon(): void {
    this.#timer = setTimeout(() => {
      this.#upset();
      this.#upsetSoon();
    }, this.#between(upsetMs));
    this.#timer.unref();
  }

  /** Something happens to one connection. */
  #upset(): void {
    const inUse = this.#proxy.connections.filter((one) => (this.#framesSeen.get(one) ?? 0) > peacefulFrames);
    if (inUse.length === 0 || !this.#isDue) return;
    const connection = this.#random.pick(inUse);
    this.#pauseAfterFault();
    if (this.#random.below(3) === 0) {
      connection.cut();
      return;
    }
    connection.stall(this.#random.pick(["toClient", "toServer", "both"] as const));
    setTimeout(() => connection.resume(), this.#between(stallMs)).unref();
  }

  #between({ min, max }: { readonly min: number; readonly max: number }): number {
    return min + this.#random.below(max - min + 1);
  }
}
