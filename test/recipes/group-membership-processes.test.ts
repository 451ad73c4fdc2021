/**
 * Members that are real processes, killed, frozen past their session's timeout and cut off. By history: every act on a
 * shard is a write under its owner's grant, and the tree says in which order the acts really happened.
 */
import { connect } from "@corral/client";
import { Group } from "@corral/group-membership";
import { FaultProxy, TestServer } from "@corral/testing";
import { filter, firstValueFrom } from "rxjs";
import { expect, test } from "vitest";
import { type JournalEntry, type TestProcess, TestProcesses } from "../support/test-processes.ts";

const shards = ["a", "b", "c", "d"];
const sessionTimeoutMs = 800;

test("no shard is acted on out of turn, and the group shows who is there, whoever is killed, frozen or cut off", {
  timeout: 300_000,
}, async () => {
  await using server = await TestServer.start({ durable: true, tickMs: 100 });
  await using proxy = await FaultProxy.start(server.connectString);
  await using watcher = await connect(server.connectString);
  for (const shard of shards) await watcher.ensurePath(`/resource/${shard}`);
  await using processes = await TestProcesses.make();
  const start = (id: string, connectString = server.connectString): TestProcess =>
    processes.start("own-shards", id, { connectString, shards, sessionTimeoutMs });
  const group = new Group(watcher, "/members");
  const untilMembersAre = (...names: string[]) =>
    firstValueFrom(
      group.members$.pipe(
        filter(({ members, suspended }) => {
          const there = members.map(({ name }) => name).sort();
          return !suspended && JSON.stringify(there) === JSON.stringify(names);
        }),
      ),
    );
  /** Returns when each shard has been acted on three more times, by processes other than these. */
  const untilEachMoves = async (...except: readonly string[]): Promise<void> => {
    const place = (await processes.history()).length;
    for await (const _ of watcher.watchNode("/resource/a")) {
      const news = (await processes.history()).slice(place).filter(({ id }) => !except.includes(id));
      const acts = (shard: string) => news.filter((entry) => entry.event === "acted" && entry.shard === shard).length;
      if (shards.every((shard) => acts(shard) >= 3)) return;
    }
  };

  /** Returns when its journal has a membership from the place `after` on: the group may show a member before it knows. */
  const untilItJoins = (member: TestProcess, after = 0): Promise<unknown> =>
    member.entry(({ event, token }) => event === "membership" && token !== "0", after);

  const owns = (entries: readonly JournalEntry[]): boolean => {
    const grant = ({ shard, token }: JournalEntry) => `${shard} ${token}`;
    const isOver = new Set(entries.filter(({ event }) => event === "over").map(grant));
    return entries.some((entry) => entry.event === "granted" && !isOver.has(grant(entry)));
  };
  /** Returns when it owns a shard, and the place in its journal before which it did: what ends it comes later. */
  const untilItOwns = async (member: TestProcess): Promise<number> => {
    for (;;) {
      const entries = [...(await member.entries())];
      if (owns(entries)) return entries.length;
      await member.entry(() => true, entries.length);
    }
  };
  /** Stops it while it owns a shard, which it will then go on to act on. */
  const freezeOwner = async (member: TestProcess): Promise<number> => {
    for (;;) {
      await untilItOwns(member);
      await member.freeze();
      const entries = await member.entries();
      if (owns(entries)) return entries.length;
      member.thaw();
    }
  };

  const [killed, frozen] = [start("killed"), start("frozen")];
  const cutOff = start("cut off", proxy.connectString);
  await untilMembersAre("cut off", "frozen", "killed");
  for (const member of [frozen, cutOff]) await untilItJoins(member);
  await untilEachMoves();

  await killed.kill();
  await untilMembersAre("cut off", "frozen");
  await untilEachMoves("killed");

  const before = await freezeOwner(frozen);
  await untilMembersAre("cut off");
  await untilEachMoves("frozen");
  frozen.thaw();
  await frozen.entry(({ event }) => event === "over", before);
  await untilMembersAre("cut off", "frozen");
  await untilItJoins(frozen, before);
  await untilEachMoves();

  const place = await untilItOwns(cutOff);
  proxy.stall("toClient");
  await untilMembersAre("frozen");
  await cutOff.entry(({ event }) => event === "over", place);
  await untilEachMoves("cut off");
  proxy.resume();
  await untilMembersAre("cut off", "frozen");
  await untilItJoins(cutOff, place);
  await untilEachMoves();

  await Promise.all([frozen.stop(), cutOff.stop()]);
  await untilMembersAre();

  const history = await processes.history();
  for (const shard of shards) {
    const acts = history
      .filter((entry) => entry.event === "acted" && entry.shard === shard)
      .map(({ token, zxid }) => ({ token: BigInt(String(token)), zxid: BigInt(String(zxid)) }))
      .sort((x, y) => Number(x.zxid - y.zxid));
    const tokens = acts.map(({ token }) => token);
    expect(tokens).toEqual([...tokens].sort((x, y) => Number(x - y)));
  }
  // No proof if nobody ever tried: who woke up went on, and was refused.
  expect(history.filter(({ event, id }) => event === "refused" && id === "frozen").length).toBeGreaterThan(0);
  // Each membership has a token of its own, and the later one of a name the higher.
  for (const id of ["frozen", "cut off"]) {
    const tokens = history
      .filter((entry) => entry.event === "membership" && entry.id === id && entry.token !== "0")
      .map(({ token }) => BigInt(String(token)));
    expect(tokens).toEqual([...new Set(tokens)].sort((x, y) => Number(x - y)));
    expect(tokens.length).toBeGreaterThan(1);
  }
});
