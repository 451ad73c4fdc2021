/** For files of tests that lose requests and replies: a server behind a fault proxy for each test, and clients of both. */
import { type Client, connect } from "@corral/client";
import { FaultProxy, type ReplyFrame, type RequestFrame, TestServer } from "@corral/testing";
import { afterEach, beforeEach } from "vitest";

/** What passes the proxy and may be lost. */
export type Frame = RequestFrame | ReplyFrame;

/** Transactions: what most recipes write by. */
export const isMulti = ({ operation }: Frame): boolean => operation === "multi";

/** The server of the present test, and what leads to it. */
export interface BehindProxy {
  readonly server: TestServer;
  readonly proxy: FaultProxy;
  /** A client that does not go through the proxy. */
  readonly steady: Client;
  /** Another client, through the proxy unless told otherwise. All are closed after the test. */
  client(connectString?: string, sessionTimeoutMs?: number): Promise<Client>;
  /** Loses what `predicate` says: the reply, or the request before the server sees it. */
  drop(
    what: "reply" | "request",
    predicate: (frame: Frame) => boolean,
    options?: { readonly times?: number },
  ): ReturnType<FaultProxy["dropReply" | "dropRequest"]>;
  /** Resolves when nothing is below `parent`. */
  untilEmpty(parent: string): Promise<void>;
}

/** Sets all of that up for each test of the file. Ask for the members in tests only. */
export function behindProxy(): BehindProxy {
  let current: { readonly server: TestServer; readonly proxy: FaultProxy; readonly steady: Client } | undefined;
  let clients: Client[] = [];
  const there = () => {
    if (current === undefined) throw new Error("no test is running");
    return current;
  };
  const client = async (connectString = there().proxy.connectString, sessionTimeoutMs = 6_000): Promise<Client> => {
    const made = await connect(connectString, { sessionTimeoutMs });
    clients.push(made);
    return made;
  };
  beforeEach(async () => {
    const server = await TestServer.start();
    const proxy = await FaultProxy.start(server.connectString);
    current = { server, proxy, steady: await client(server.connectString) };
  });
  afterEach(async () => {
    await Promise.all(clients.map((one) => one.close()));
    clients = [];
    await current?.proxy.close();
    await current?.server.close();
    current = undefined;
  });
  return {
    get server() {
      return there().server;
    },
    get proxy() {
      return there().proxy;
    },
    get steady() {
      return there().steady;
    },
    client,
    drop(what, predicate, options = {}) {
      const { proxy } = there();
      return what === "reply" ? proxy.dropReply(predicate, options) : proxy.dropRequest(predicate, options);
    },
    async untilEmpty(parent) {
      for await (const names of there().steady.watchChildren(parent)) if ((names ?? []).length === 0) return;
    },
  };
}
