/**
 * A load that remembers what it was promised, and afterwards holds the server to it. Every writer has nodes of its own,
 * so that what must be there is known exactly: what was acknowledged, and of what was in flight at the end all or nothing.
 */
import { type MultiOperation, OpCode, openAcl, operations, Reader, statCodec } from "@corral/protocol";
import { RawConnection } from "./raw-connection.ts";

/** What one check of a server found. */
export interface Verdict {
  readonly writesChecked: number;
  readonly sessionsChecked: number;
  readonly ephemeralsChecked: number;
  /** One line for each promise that was not kept. */
  readonly broken: readonly string[];
}

class Writer {
  readonly root: string;
  connection: RawConnection | undefined;
  sessionId = 0n;
  passwd: Uint8Array = new Uint8Array(16);
  /** setData of the counter node: number acknowledged, number sent. */
  setsAcked = 0;
  setsSent = 0;
  /** Toggles of a node, odd: created, even: deleted. */
  togglesAcked = 0;
  togglesSent = 0;
  /** Pairs made by one multi, by number. */
  pairsAcked = 0;
  pairsSent = 0;
  ephemerals: string[] = [];
  /** Sessions that acknowledged their own end, and an ephemeral that each had. */
  readonly ended: { sessionId: bigint; passwd: Uint8Array; ephemeral: string }[] = [];
  acknowledged = 0;

  constructor(index: number) {
    this.root = `/writer-${index}`;
  }
}

function create(path: string, data: string | null, flags = 0) {
  return { path, data: data === null ? null : Buffer.from(data), acl: openAcl, flags };
}

export class AcknowledgedLoad {
  readonly #writers: Writer[];
  #stopping = false;

  constructor(writerCount: number) {
    this.#writers = Array.from({ length: writerCount }, (_, i) => new Writer(i));
  }

  /** Writes acknowledged so far. */
  get acknowledged(): number {
    return this.#writers.reduce((sum, w) => sum + w.acknowledged, 0);
  }

  /** Makes each writer's nodes and session. */
  async prepare(port: number): Promise<void> {
    await Promise.all(
      this.#writers.map(async (w) => {
        const c = await RawConnection.withSession(port, 60_000);
        w.sessionId = c.sessionId;
        w.passwd = c.passwd;
        await must(c.call("create", create(w.root, null)));
        await must(c.call("create", create(`${w.root}/counter`, "0")));
        w.connection = c;
      }),
    );
  }

  /** Writes until the server goes away (or `stop`). Resolves when every writer has noticed. */
  async run(port: number): Promise<void> {
    this.#stopping = false;
    await Promise.all(
      this.#writers.map(async (w) => {
        try {
          await this.#write(w, port);
        } catch {
          // The server is gone: what it acknowledged until now is what it is held to.
          w.connection?.destroy();
        }
      }),
    );
  }

  stop(): void {
    this.#stopping = true;
  }

  async #write(w: Writer, port: number): Promise<void> {
    const c = w.connection ?? (await reattach(w, port));
    w.connection = c;
    for (let round = 0; !this.#stopping; round++) {
      const replies: Promise<unknown>[] = [];
      // Several in flight, of several kinds.
      for (let i = 0; i < 3; i++) {
        w.setsSent++;
        const data = Buffer.from(String(w.setsSent));
        replies.push(
          must(c.call("setData", { path: `${w.root}/counter`, data, version: w.setsSent - 1 })).then(() => {
            w.setsAcked++;
            w.acknowledged++;
          }),
        );
      }
      w.togglesSent++;
      const toggle = `${w.root}/toggle`;
      const toggled =
        w.togglesSent % 2 === 1
          ? c.call("create", create(toggle, String(w.togglesSent)))
          : c.call("delete", { path: toggle, version: -1 });
      replies.push(
        must(toggled).then(() => {
          w.togglesAcked++;
          w.acknowledged++;
        }),
      );
      w.pairsSent++;
      const pair: MultiOperation[] = ["a", "b"].map((half) => ({
        type: OpCode.create,
        ...create(`${w.root}/pair-${w.pairsSent}-${half}`, "x".repeat(300)),
      }));
      replies.push(
        must(c.call("multi", pair)).then(() => {
          w.pairsAcked++;
          w.acknowledged++;
        }),
      );
      if (round % 5 === 0) {
        const path = `${w.root}/ephemeral-${w.pairsSent}`;
        replies.push(
          must(c.call("create", create(path, null, 1))).then(() => {
            w.ephemerals.push(path);
            w.acknowledged++;
          }),
        );
      }
      const settled = await Promise.allSettled(replies);
      const failed = settled.find((s) => s.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      if (round % 8 === 3) await endASession(w, port);
    }
  }

  /** Holds the server to everything that was acknowledged. Leaves the writers re-attached, ready to run again. */
  async verify(port: number): Promise<Verdict> {
    const broken: string[] = [];
    let writesChecked = 0;
    let sessionsChecked = 0;
    let ephemeralsChecked = 0;
    await Promise.all(
      this.#writers.map(async (w) => {
        const c = await reattach(w, port);
        w.connection = c;
        sessionsChecked++;
        const counter = await getData(c, `${w.root}/counter`);
        const value = Number(counter?.data);
        if (counter === undefined || counter.version !== value || value < w.setsAcked || value > w.setsSent) {
          broken.push(`${w.root}/counter: ${JSON.stringify(counter)}, acknowledged ${w.setsAcked}, sent ${w.setsSent}`);
        }
        writesChecked += w.setsAcked;
        w.setsAcked = value;
        w.setsSent = value;

        const toggle = await getData(c, `${w.root}/toggle`);
        const possible = range(w.togglesAcked, w.togglesSent);
        const found = possible.find((n) => (n % 2 === 1 ? toggle?.data === String(n) : toggle === undefined));
        if (found === undefined) {
          broken.push(
            `${w.root}/toggle: ${JSON.stringify(toggle)}, acknowledged ${w.togglesAcked}, sent ${w.togglesSent}`,
          );
        }
        writesChecked += w.togglesAcked;
        w.togglesAcked = found ?? w.togglesSent;
        w.togglesSent = w.togglesAcked;

        const { children } = operations.getChildren.response.read(
          new Reader((await must(c.call("getChildren", { path: w.root, watch: false }))).body),
        );
        const present = new Set(children);
        for (let n = 1; n <= w.pairsSent; n++) {
          const a = present.has(`pair-${n}-a`);
          const b = present.has(`pair-${n}-b`);
          if (a !== b) broken.push(`${w.root}/pair-${n}: half of a multi`);
          if (n <= w.pairsAcked && !a) broken.push(`${w.root}/pair-${n}: acknowledged, lost`);
        }
        writesChecked += w.pairsAcked;
        // A pair whose fate was open must not be tried again under its name.
        w.pairsAcked = w.pairsSent;
        for (let n = 1; n <= w.pairsSent; n++) {
          if (!present.has(`pair-${n}-a`)) {
            const again: MultiOperation[] = ["a", "b"].map((h) => ({
              type: OpCode.create,
              ...create(`${w.root}/pair-${n}-${h}`, null),
            }));
            await must(c.call("multi", again));
          }
        }

        for (const path of w.ephemerals) {
          const name = path.slice(w.root.length + 1);
          ephemeralsChecked++;
          if (!present.has(name)) {
            broken.push(`${path}: acknowledged ephemeral of a living session, lost`);
            continue;
          }
          const owner = (await getData(c, path))?.ephemeralOwner;
          if (owner !== w.sessionId) broken.push(`${path}: owned by ${owner}, not by ${w.sessionId}`);
        }
        for (const { sessionId, passwd, ephemeral } of w.ended) {
          sessionsChecked++;
          if (present.has(ephemeral.slice(w.root.length + 1))) broken.push(`${ephemeral}: outlived its session`);
          const probe = await RawConnection.open(port);
          const answer = await probe.handshake({ sessionId, passwd });
          probe.destroy();
          if (answer.sessionId !== 0n) broken.push(`session ${sessionId} acknowledged its end and lives`);
        }
        w.ended.length = 0;
      }),
    );
    return { writesChecked, sessionsChecked, ephemeralsChecked, broken };
  }
}

async function reattach(w: Writer, port: number): Promise<RawConnection> {
  const c = await RawConnection.open(port);
  const answer = await c.handshake({ sessionId: w.sessionId, passwd: w.passwd, timeOut: 60_000 });
  if (answer.sessionId !== w.sessionId) throw new Error(`acknowledged session of ${w.root} is lost`);
  return c;
}

/** A short session with an ephemeral, ended in order. */
async function endASession(w: Writer, port: number): Promise<void> {
  const c = await RawConnection.withSession(port, 60_000);
  const ephemeral = `${w.root}/of-${c.sessionId}`;
  await must(c.call("create", create(ephemeral, null, 1)));
  await must(c.call("closeSession", {}));
  w.ended.push({ sessionId: c.sessionId, passwd: c.passwd, ephemeral });
  w.acknowledged += 2;
  await c.closed;
}

async function getData(c: RawConnection, path: string) {
  const reply = await c.call("getData", { path, watch: false });
  if (reply.header.err !== 0) return undefined;
  const reader = new Reader(reply.body);
  const data = reader.buffer()?.toString();
  const { version, ephemeralOwner } = statCodec.read(reader);
  return { data, version, ephemeralOwner };
}

async function must(reply: ReturnType<RawConnection["call"]>) {
  const r = await reply;
  if (r.header.err !== 0) throw new Error(`error ${r.header.err}`);
  return r;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}
