/** A state machine and hands to feed it: entries with growing zxids, and a picture of everything in it to compare. */
import { CreateMode, type MultiOperation, OpCode, openAcl } from "@corral/protocol";
import type { Entry, Operation, Outcome } from "../src/state/operation.ts";
import type { Firing } from "../src/state/operations/context.ts";
import type { QuotaExcess } from "../src/state/quota.ts";
import { StateMachine } from "../src/state/state-machine.ts";

export class StateDriver {
  readonly state: StateMachine;
  firings: readonly Firing[] = [];
  excesses: readonly QuotaExcess[] = [];
  /** What the entries say of it. */
  enforcesQuota = false;
  identities: Entry["identities"] = [{ scheme: "ip", id: "127.0.0.1" }];
  #zxid: number;

  constructor(state = new StateMachine()) {
    this.state = state;
    this.#zxid = state.lastZxid;
  }

  entry(operation: Operation, sessionId: bigint): Entry {
    this.#zxid++;
    return {
      zxid: this.#zxid,
      timeMs: 1_000 + this.#zxid,
      sessionId,
      attachment: 0,
      xid: 0,
      identities: this.identities,
      operation,
      enforcesQuota: this.enforcesQuota,
    };
  }

  apply(operation: Operation, sessionId = 1n): Outcome {
    const { outcome, firings, excesses } = this.state.apply(this.entry(operation, sessionId));
    this.firings = firings;
    this.excesses = excesses;
    return outcome;
  }

  session(id: bigint): void {
    this.apply(
      { type: OpCode.createSession, request: { timeoutMs: 5_000, password: Buffer.alloc(16, Number(id)) } },
      id,
    );
  }

  create(
    path: string,
    flags: number = CreateMode.persistent,
    data: Buffer | null = Buffer.from("d"),
    session = 1n,
  ): Outcome {
    return this.apply({ type: OpCode.create2, request: { path, data, acl: openAcl, flags } }, session);
  }

  set(path: string, data: Buffer | null, version = -1): Outcome {
    return this.apply({ type: OpCode.setData, request: { path, data, version } });
  }

  delete(path: string, version = -1): Outcome {
    return this.apply({ type: OpCode.delete, request: { path, version } });
  }

  multi(...operations: MultiOperation[]): Outcome {
    return this.apply({ type: OpCode.multi, request: operations });
  }

  stat(path: string) {
    return this.state.tree.get(path)?.stat();
  }
}

/** Everything in a state, in an order that does not depend on how it came about. */
export function picture(state: StateMachine): unknown {
  const nodes: unknown[] = [];
  const walk = (path: string): void => {
    const node = state.tree.get(path);
    if (node === undefined) throw new Error(`${path} is missing`);
    const { data, acl, lifetime, childCreates } = node;
    nodes.push({ path, data: data?.toString("hex") ?? null, acl, lifetime, childCreates, stat: node.stat() });
    for (const name of [...(node.children ?? [])].sort()) walk(path === "/" ? `/${name}` : `${path}/${name}`);
  };
  walk("/");
  const sessions = [...state.sessions]
    .map(({ id, password, timeoutMs }) => ({
      id,
      password: password.toString("hex"),
      timeoutMs,
      ephemerals: [...state.tree.ephemeralsOf(id)].sort(),
    }))
    .sort((a, b) => Number(a.id - b.id));
  const { nodeCount, approximateDataBytes } = state.tree;
  return { nodes, sessions, lastZxid: state.lastZxid, nodeCount, approximateDataBytes };
}
