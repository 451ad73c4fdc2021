import { ErrorCode, WatchEventType, type WireStat } from "@corral/protocol";
import { expect, test } from "vitest";
import { settle } from "../../test-helpers/fake-clock.ts";
import { plainStat, type ServerConnection } from "../../test-helpers/scripted-server.ts";
import { world } from "../../test-helpers/world.ts";

const stat = (czxid: number, mzxid = czxid): WireStat => ({ ...plainStat, czxid, mzxid });

async function answerGet(connection: ServerConnection, text: string, is: WireStat): Promise<void> {
  connection.answer("getData", await connection.request("getData"), { data: Buffer.from(text), stat: is });
  await settle();
}

async function answerAbsent(connection: ServerConnection): Promise<void> {
  connection.refuse(await connection.request("getData"), ErrorCode.NoNode);
  connection.refuse(await connection.request("exists"), ErrorCode.NoNode);
  await settle();
}

test("watchNode: the current state, every change, absence and return", async () => {
  const { client, server } = await world();
  const { connection } = server;
  const seen: string[] = [];
  client.watchNode("/a").subscribe((node) => seen.push(node === undefined ? "absent" : `${node.path} ${node.data}`));
  await answerAbsent(connection);
  expect(seen).toEqual(["absent"]);
  connection.event(WatchEventType.nodeCreated, "/a");
  await answerGet(connection, "one", stat(1));
  connection.event(WatchEventType.nodeDataChanged, "/a");
  await answerGet(connection, "two", stat(1, 2));
  connection.event(WatchEventType.nodeDeleted, "/a");
  await answerGet(connection, "three", stat(4));
  expect(seen).toEqual(["absent", "/a one", "/a two", "absent", "/a three"]);
});

test("watchNode: a state already told is not told again; one recreated with the same data is", async () => {
  const { client, server, clock } = await world();
  const seen: bigint[] = [];
  client.watchNode("/a").subscribe((node) => seen.push(node?.stat.czxid ?? 0n));
  await answerGet(server.connection, "x", stat(1));
  server.connection.event(WatchEventType.nodeDataChanged, "/a");
  await answerGet(server.connection, "x", stat(1));
  expect(seen).toEqual([1n]);
  server.connection.event(WatchEventType.nodeDataChanged, "/a");
  const interrupted = await server.connection.request("getData");
  expect(interrupted.operation).toBe("getData");
  server.connection.close();
  await clock.advance(500);
  await answerGet(server.connection, "x", stat(7));
  expect(seen).toEqual([1n, 7n]);
});

test("watchNode: a node that appears between the two looks is looked at again", async () => {
  const { client, server } = await world();
  const { connection } = server;
  const seen: (string | undefined)[] = [];
  client.watchNode("/a").subscribe((node) => seen.push(node?.data?.toString()));
  connection.refuse(await connection.request("getData"), ErrorCode.NoNode);
  connection.answer("exists", await connection.request("exists"), { stat: stat(3) });
  await answerGet(connection, "x", stat(3));
  expect(seen).toEqual(["x"]);
});

test("watchNode: it goes on in a new session, and completes when the client is closed", async () => {
  const { client, server, clock } = await world();
  const seen: string[] = [];
  client.watchNode("/a").subscribe({
    next: (node) => seen.push(node?.data?.toString() ?? "absent"),
    complete: () => seen.push("complete"),
  });
  await answerGet(server.connection, "old", stat(1));
  server.manner = "refuse";
  server.connection.close();
  await clock.advance(10_000);
  expect(client.sessionId).toBe(0n);
  server.manner = "accept";
  await clock.advance(2_000);
  await answerGet(server.connection, "new", stat(1, 9));
  expect(seen).toEqual(["old", "new"]);
  void client.close();
  await settle();
  expect(seen).toEqual(["old", "new", "complete"]);
});

test("watchChildren: names in order, changes of names only, absence", async () => {
  const { client, server } = await world();
  const { connection } = server;
  const seen: (readonly string[] | undefined)[] = [];
  const answer = async (children: string[], czxid = 1) => {
    connection.answer("getChildren2", await connection.request("getChildren2"), { children, stat: stat(czxid) });
    await settle();
  };
  client.watchChildren("/a").subscribe((names) => seen.push(names));
  await answer(["c", "b"]);
  connection.event(WatchEventType.nodeChildrenChanged, "/a");
  await answer(["b", "c"]);
  connection.event(WatchEventType.nodeChildrenChanged, "/a");
  await answer(["a", "b"]);
  connection.event(WatchEventType.nodeDeleted, "/a");
  connection.refuse(await connection.request("getChildren2"), ErrorCode.NoNode);
  connection.refuse(await connection.request("exists"), ErrorCode.NoNode);
  await settle();
  expect(seen).toEqual([["b", "c"], ["a", "b"], undefined]);
});

test("one follower however many subscribe; a late one is told the latest state; ended with the last", async () => {
  const { client, server } = await world();
  const { connection } = server;
  const seen: string[] = [];
  const one = client.watchNode("/a").subscribe((node) => seen.push(`one ${node?.data}`));
  await answerGet(connection, "x", stat(1));
  const two = client.watchNode("/a").subscribe((node) => seen.push(`two ${node?.data}`));
  expect(seen).toEqual(["one x", "two x"]);
  one.unsubscribe();
  connection.event(WatchEventType.nodeDataChanged, "/a");
  await answerGet(connection, "y", stat(1, 2));
  expect(seen).toEqual(["one x", "two x", "two y"]);
  expect(connection.removedWatches).toEqual([]);
  two.unsubscribe();
  await settle();
  expect(connection.removedWatches).toEqual(["/a 2"]);
  connection.event(WatchEventType.nodeDataChanged, "/a");
  await settle();
  expect(connection.log.filter((operation) => operation === "getData").length).toBe(2);
});

test("what cannot be read for good reason ends in an error, and can be tried again", async () => {
  const { client, server } = await world();
  const { connection } = server;
  const codes: string[] = [];
  const watch = () => client.watchNode("/a").subscribe({ error: (error) => codes.push(error.code) });
  watch();
  connection.refuse(await connection.request("getData"), ErrorCode.NoAuth);
  await settle();
  expect(codes).toEqual(["NoAuth"]);
  watch();
  connection.refuse(await connection.request("getData"), ErrorCode.NoAuth);
  await settle();
  expect(codes).toEqual(["NoAuth", "NoAuth"]);
  expect(() => client.watchNode("no/slash")).toThrow(/path/);
});

test("a loop ends cleanly with its signal, and leaving it early takes the watch back", async () => {
  const { client, server } = await world();
  const { connection } = server;
  const controller = new AbortController();
  const seen: string[] = [];
  const looping = (async () => {
    for await (const node of client.watchNode("/a", { signal: controller.signal })) seen.push(String(node?.data));
    return "ended";
  })();
  await answerGet(connection, "x", stat(1));
  controller.abort();
  expect(await looping).toBe("ended");
  expect(seen).toEqual(["x"]);
  const leaving = (async () => {
    for await (const _ of client.watchNode("/b")) return "left";
    return "not begun";
  })();
  await answerGet(connection, "x", stat(1));
  expect(await leaving).toBe("left");
  connection.event(WatchEventType.nodeDataChanged, "/a");
  connection.event(WatchEventType.nodeDataChanged, "/b");
  await settle();
  expect(connection.log.filter((operation) => operation === "getData").length).toBe(2);
});

test("state$: the current one first, then every change, to the end", async () => {
  const { client, server, clock } = await world();
  const seen: string[] = [];
  client.state$.subscribe({
    next: ({ state, sessionId }) => seen.push(`${state} ${sessionId}`),
    complete: () => seen.push("complete"),
  });
  server.connection.close();
  await clock.advance(200);
  void client.close();
  expect(seen).toEqual(["connected 77", "suspended 77", "connected 77", "closed 77", "complete"]);
  const late: string[] = [];
  client.state$.subscribe({ next: ({ state }) => late.push(state), complete: () => late.push("complete") });
  expect(late).toEqual(["closed", "complete"]);
});

test("watchTree: a server that is busy when it is asked for recursive watches is asked again", async () => {
  const { client, server, clock } = await world();
  client.watchTree("/a").subscribe();
  server.connection.refuse(await server.connection.request("checkWatches"), ErrorCode.ThrottledOp);
  await clock.advance(1_000);
  server.connection.refuse(await server.connection.request("checkWatches"), ErrorCode.NoWatcher);
  expect((await server.connection.request("addWatch")).operation).toBe("addWatch");
});
