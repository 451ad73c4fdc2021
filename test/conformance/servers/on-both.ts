/**
 * Every line of the list is tried twice, on our server and on Apache ZooKeeper, and expects the same. Where the two are
 * meant to differ, `differences.ts` says what each does; nowhere else does a test ask which server it has.
 */
import { setTimeout as delay } from "node:timers/promises";
import { CreateMode, type Id, openAcl } from "@corral/protocol";
import { type Server, startServer } from "@corral/server";
import { afterAll, describe, inject, test } from "vitest";
import { RawConnection } from "../../support/raw-connection.ts";
import { type DifferenceName, differences } from "../differences.ts";
import { Caller } from "./caller.ts";
import type {} from "./conformance-setup.ts";
import { ourSettings, type ServerKind } from "./kinds.ts";

/** Whom a test has. */
export type ServerName = "corral" | "apache";

let visits = 0;

/** Ours run until the last test, one of each kind: all tests are in one file. */
const ours = new Map<ServerKind, Promise<Server>>();

function ourServer(kind: ServerKind): Promise<Server> {
  const server = ours.get(kind) ?? startServer(ourSettings[kind]);
  ours.set(kind, server);
  return server;
}

afterAll(async () => {
  await Promise.all([...ours.values()].map(async (server) => (await server).close()));
});

/** What one test gets: a server, a node of its own, and as many callers as it likes. All of it is ended after the test. */
export class Visit {
  readonly server: ServerName;
  readonly port: number;
  /** A node that is there, whose name no other test uses. */
  readonly path: string;
  readonly #callers: Caller[] = [];

  constructor(server: ServerName, port: number) {
    this.server = server;
    this.port = port;
    visits++;
    this.path = `/${server}-${process.pid}-${visits}`;
  }

  /** One who talks, in a session of its own. */
  readonly caller = async (timeOut?: number): Promise<Caller> => {
    const caller = await Caller.open(this.port, timeOut);
    this.#callers.push(caller);
    return caller;
  };

  /** Several of them. */
  readonly callers = async <const C extends 2 | 3>(
    count: C,
  ): Promise<C extends 2 ? [Caller, Caller] : [Caller, Caller, Caller]> => {
    const callers = await Promise.all(Array.from({ length: count }, () => this.caller()));
    return callers as C extends 2 ? [Caller, Caller] : [Caller, Caller, Caller];
  };

  /** One who has not said hello yet. */
  readonly connection = async (): Promise<Caller> => {
    const caller = new Caller(await RawConnection.open(this.port));
    this.#callers.push(caller);
    return caller;
  };

  /** What this server does where the two are meant to differ. */
  differing(name: DifferenceName): unknown {
    return differences[name][this.server];
  }

  /** Ends all sessions, also of those whose connection was closed, so that none expires in the middle of another test. */
  async end(): Promise<void> {
    const sessions = new Map(this.#callers.map((caller) => [caller.connection.sessionId, caller]));
    await Promise.all([...sessions].map(([id, caller]) => (id === 0n ? undefined : endSession(caller, this.port))));
    for (const { connection } of this.#callers) connection.destroy();
  }
}

async function endSession(caller: Caller, port: number): Promise<void> {
  const { sessionId, passwd, socket } = caller.connection;
  if (socket.writable && (await caller.call("closeSession", {})).err === "Ok") return caller.untilClosed();
  for (;;) {
    try {
      const last = new Caller(await RawConnection.open(port));
      const { sessionId: found } = await last.connection.handshake({ sessionId, passwd });
      // Nobody closes a session on a strict server who has not proven to be somebody.
      if (found !== 0n) await last.authenticate("last:one");
      if (found !== 0n) await last.call("closeSession", {});
      return last.connection.destroy();
    } catch {
      // A server that takes few connections has not seen the end of the others yet: there is nothing to wait on but that.
      await delay(20);
    }
  }
}

/** Tests of one server. */
export interface ServerUnderTest {
  readonly name: ServerName;
  /** A test, named by the number of its line. */
  test(title: string, body: (visit: Visit) => Promise<unknown>): void;
  /** One that has to wait for something, and does so beside the others of its kind. */
  slow(title: string, body: (visit: Visit) => Promise<unknown>): void;
}

/** Declares tests for both servers. */
export function onBoth(what: string, declare: (server: ServerUnderTest) => void, kind: ServerKind = "plain"): void {
  const apachePorts = inject("conformanceApachePorts");
  describe(`${what}: Corral`, () => {
    declare(testsOf("corral", kind, true, async () => (await ourServer(kind)).clientPort));
  });
  describe.runIf(apachePorts !== null)(`${what}: Apache ZooKeeper`, () => {
    declare(testsOf("apache", kind, apachePorts !== null, async () => apachePorts?.[kind] ?? 0));
  });
}

function testsOf(name: ServerName, kind: ServerKind, isThere: boolean, port: () => Promise<number>): ServerUnderTest {
  const run = (body: (visit: Visit) => Promise<unknown>) => async () => {
    const visit = new Visit(name, await port());
    try {
      if (kind !== "strict") await makeNode(visit);
      await body(visit);
    } finally {
      await visit.end();
    }
  };
  return {
    name,
    test: (title, body) => test(title, run(body)),
    slow: (title, body) => slowTests.push({ title: `${title}: ${name}`, isThere, body: run(body) }),
  };
}

async function makeNode(visit: Visit): Promise<void> {
  const { err } = await (await visit.caller()).patientCall("create", node(visit.path));
  if (err !== "Ok") throw new Error(`create of ${visit.path} failed: ${err}`);
}

const slowTests: { readonly title: string; readonly isThere: boolean; readonly body: () => Promise<unknown> }[] = [];

/** Declares the tests that have to wait: all at once, after the others, so that the run waits once. */
export function declareSlow(): void {
  describe("What takes its time", () => {
    for (const { title, isThere, body } of slowTests) {
      test.skipIf(!isThere).concurrent(title, async () => void (await body()));
    }
  });
}

/** What a create asks for; plain and open unless it says otherwise. */
export function node(path: string, flags: number = CreateMode.persistent, data: string | null = "") {
  return { path, data: data === null ? null : Buffer.from(data), acl: openAcl, flags };
}

/** A list that gives these permissions to everybody. */
export function toAll(perms: number) {
  return [{ perms, id: { scheme: "world", id: "anyone" } satisfies Id }];
}
