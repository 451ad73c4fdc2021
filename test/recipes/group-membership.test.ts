/** Groups on every engine: who is there, names that are taken, lost replies, lost sessions, healing, guards. */
import { type Client, type Codec, connect, isCoordinationError, json } from "@corral/client";
import {
  Group,
  isGrantLostError,
  isMemberNameTakenError,
  isWaitTimeoutError,
  type Membership,
  type MembersView,
  utf8,
} from "@corral/group-membership";
import { insist } from "@corral/recipe-kit";
import { FaultProxy } from "@corral/testing";
import { filter, firstValueFrom, type Observable } from "rxjs";
import { expect, test } from "vitest";
import { describeOnEveryEngine } from "../engines/engines.ts";

const patience = { timeoutMs: 60_000 };

/** Resolves with the first view, not suspended, that is `wanted`. */
function viewOf<T>(group: Group<T>, wanted: (view: MembersView<T>) => boolean): Promise<MembersView<T>> {
  return firstValueFrom(group.members$.pipe(filter((view) => !view.suspended && wanted(view))));
}

const namesIn = ({ members }: MembersView) => members.map(({ name }) => name).sort();

function hasNames(...names: string[]): (view: MembersView) => boolean {
  return (view) => JSON.stringify(namesIn(view)) === JSON.stringify(names);
}

/** Resolves when there are so many names below `path`. */
async function untilThereAre(client: Client, path: string, length: number): Promise<void> {
  for await (const names of client.watchChildren(path)) if ((names ?? []).length === length) return;
}

const ended = ({ signal }: Membership<never> | Membership): Promise<unknown> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    signal.addEventListener("abort", () => resolve(signal.reason), { once: true });
  });

describeOnEveryEngine("a group", (engine) => {
  test("shows who joins, updates and leaves, to members and to others", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    const views: MembersView[] = [];
    const observed = new Group(c, "/a/group").members$.subscribe((view) => void (view.suspended || views.push(view)));
    const first = await new Group(a, "/a/group").join({ name: "a", data: { load: 1 }, ...patience });
    expect(first.held).toBe(true);
    expect(await insist(a, () => a.exists(first.memberPath))).toMatchObject({ ephemeralOwner: a.sessionId });
    const second = await new Group(b, "/a/group").join({ name: "b", ...patience });
    await viewOf(new Group(c, "/a/group"), hasNames("a", "b"));
    await first.update({ load: 2 }, patience);
    await viewOf(new Group(c, "/a/group"), ({ members }) => JSON.stringify(members[0]?.data) === '{"load":2}');
    await first.leave();
    await viewOf(new Group(c, "/a/group"), hasNames("b"));
    await second.leave();
    await viewOf(new Group(c, "/a/group"), hasNames());
    observed.unsubscribe();
    // What changed, view by view, adds up to what there is.
    const there = new Map<string, unknown>();
    for (const view of views) {
      for (const { name } of view.left) expect(there.delete(name)).toBe(true);
      for (const { name, data } of [...view.joined, ...view.updated]) there.set(name, data);
      expect([...there.keys()].sort()).toEqual(namesIn(view));
    }
    // What comes while the observer is not connected is told as one.
    if (!engine.isFaulty) {
      expect(views[0]).toEqual({ members: [], joined: [], left: [], updated: [], suspended: false });
      expect(views.flatMap((view) => view.joined.map(({ name }) => name))).toEqual(["a", "b"]);
      expect(views.flatMap((view) => view.updated.map(({ data }) => data))).toEqual([{ load: 2 }]);
    }
    expect(await insist(c, () => c.children("/a/group.claims"))).toEqual([]);
  });

  test("lists members in the order in which they joined, with data by a codec of one's own; what is no data is a member", async () => {
    await using namespace = await engine.namespace();
    const client = await namespace.connect();
    const group = new Group(client, "/group", { codec: utf8 });
    await group.join({ name: "z", data: "first", ...patience });
    await group.join({ name: "a", data: "second", ...patience });
    // As another library would.
    await insist(client, () => client.create("/group/m", new Uint8Array([0xff]), { mode: "ephemeral" }).catch(isThere));
    const members = await group.members();
    expect(members).toMatchObject([
      { name: "z", data: "first", sessionId: client.sessionId },
      { name: "a", data: "second" },
      { name: "m", data: undefined, problem: expect.any(Error) },
    ]);
    const explained = await group.explain();
    expect(explained.map(({ sessionTimeoutMs }) => sessionTimeoutMs)).toEqual([
      client.sessionTimeoutMs,
      client.sessionTimeoutMs,
      undefined,
    ]);
  });

  test("has a member once its node is there, and the member knows when it is not", async () => {
    await using namespace = await engine.namespace();
    const [a, observer] = await Promise.all([namespace.connect(), namespace.connectSteadily()]);
    const membership = await new Group(a, "/group").join({ name: "a", ...patience });
    await observer.delete("/group/a");
    expect(await ended(membership)).toSatisfy(isGrantLostError);
    expect(membership.held).toBe(false);
    // Its claim is given back, so that a guard of it fails and the name is free.
    await untilThereAre(observer, "/group.claims", 0);
    const update = membership.update("late", patience);
    await expect(update).rejects.toSatisfy(isGrantLostError);
    await (await new Group(a, "/group").join({ name: "a", ...patience })).leave();
    await untilThereAre(observer, "/group.claims", 0);
  });

  test("refuses a second process that lives, and gives a name that is free again", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect({ sessionTimeoutMs: 1_000 })]);
    const first = await new Group(a, "/group").join({ name: "w1", whenTaken: "refuse", ...patience });
    const taken = new Group(b, "/group").join({ name: "w1", whenTaken: "refuse", ...patience });
    await expect(taken).rejects.toSatisfy(isMemberNameTakenError);
    await expect(new Group(a, "/group").join({ name: "w1", ...patience })).rejects.toSatisfy(isMemberNameTakenError);
    const waiting = new Group(b, "/group").join({ name: "w1", whenTaken: "wait", ...patience });
    const tooLong = new Group(b, "/group").join({ name: "w1", whenTaken: "wait", timeoutMs: 50 });
    await expect(tooLong).rejects.toSatisfy(isWaitTimeoutError);
    await first.leave();
    const second = await waiting;
    expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
    await second.leave();
    await untilThereAre(a, "/group.claims", 0);
  });

  test("§6.13 gives the name back to a process that was restarted before its old session was over", async () => {
    await using namespace = await engine.namespace();
    const [crashed, restarted] = await Promise.all([namespace.connectSteadily(), namespace.connectSteadily()]);
    const old = await new Group(crashed, "/group").join({ name: "w1", ...patience });
    const again = new Group(restarted, "/group").join({ name: "w1", ...patience });
    await namespace.expireSession(crashed);
    const membership = await again;
    expect(membership.held).toBe(true);
    expect(membership.fencingToken).toBeGreaterThan(old.fencingToken);
    await ended(old);
    // And the node that is there stays: it is the new session's.
    expect(await restarted.exists("/group/w1")).toMatchObject({ ephemeralOwner: restarted.sessionId });
  });

  test("refuses after having waited for as long as one that has died could be listed", async () => {
    await using namespace = await engine.namespace();
    // Ours, in this process, stands still when its client does; Apache's expires the session of one that has a pause.
    const sessionTimeoutMs = engine.isCorral ? 1_000 : 3_000;
    const [alive, second] = await Promise.all([
      namespace.connectSteadily({ sessionTimeoutMs }),
      namespace.connectSteadily({ sessionTimeoutMs }),
    ]);
    await new Group(alive, "/group").join({ name: "w1", ...patience });
    const beganMs = second.clock.elapsedMs();
    const join = new Group(second, "/group").join({ name: "w1", ...patience });
    await expect(join).rejects.toSatisfy(isMemberNameTakenError);
    expect(second.clock.elapsedMs() - beganMs).toBeGreaterThanOrEqual(alive.sessionTimeoutMs);
    expect(await second.children("/group.claims")).toHaveLength(1);
  });

  test("§6.1 §6.2 lets a name be replaced: the replaced one knows, and what it guards does not happen", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    await insist(a, () => a.ensurePath("/ledger"));
    const replaced = await new Group(a, "/group").join({ name: "w1", ...patience });
    await insist(a, () => a.transaction().guard(replaced).set("/ledger", "of the first").commit());
    const next = await new Group(b, "/group").join({ name: "w1", whenTaken: "replace", ...patience });
    const late = a.transaction().check(replaced.guard().path).set("/ledger", "late").commit();
    await expect(late).rejects.toSatisfy((error) => isCoordinationError(error) && error.code !== "BadVersion");
    expect(await ended(replaced)).toSatisfy(isGrantLostError);
    await insist(b, () => b.transaction().guard(next).set("/ledger", "of the second").commit());
    expect((await insist(b, () => b.get("/ledger"))).data?.toString()).toBe("of the second");
    // The replaced one's leaving takes nothing from its successor.
    await replaced.leave();
    expect(await insist(b, () => b.exists("/group/w1"))).toMatchObject({ czxid: next.fencingToken });
    expect(await insist(b, () => b.children("/group.claims"))).toHaveLength(1);
  });

  test("§6.22 leaves nothing behind of a join that is given up, also while the connection is down", async () => {
    await using namespace = await engine.namespace();
    const observer = await namespace.connectSteadily();
    await using proxy = await FaultProxy.start(namespace.steadyConnectString);
    await using client = await connect(proxy.connectString);
    await observer.ensurePath("/group");
    await observer.ensurePath("/group.claims");
    const enough = new AbortController();
    const drop = proxy.dropReply(({ paths }) => paths.some((path) => path.endsWith("/group/w1")));
    proxy.refuse();
    const joining = new Group(client, "/group").join({ name: "w1", signal: enough.signal });
    joining.catch(() => undefined);
    proxy.accept();
    await drop.happened;
    proxy.refuse();
    proxy.cut();
    enough.abort(new Error("enough"));
    await expect(joining).rejects.toThrow("enough");
    proxy.accept();
    await untilThereAre(observer, "/group", 0);
    await untilThereAre(observer, "/group.claims", 0);
    expect(client.state).toBe("connected");
  });

  test("§6.4 joins once when the reply was lost", async () => {
    await using namespace = await engine.namespace();
    const observer = await namespace.connectSteadily();
    await using proxy = await FaultProxy.start(namespace.steadyConnectString);
    await using client = await connect(proxy.connectString);
    const group = new Group(client, "/group");
    await (await group.join({ name: "w0", ...patience })).leave();
    const made = proxy.dropReply(({ operation }) => operation === "multi");
    const membership = await group.join({ name: "w1", data: 1, ...patience });
    await made.happened;
    expect(await observer.exists("/group/w1")).toMatchObject({ czxid: membership.fencingToken });
    expect(await observer.children("/group.claims")).toHaveLength(1);
    const updated = proxy.dropReply(({ operation }) => operation === "multi");
    await membership.update(2, patience);
    await updated.happened;
    expect(await new Group(observer, "/group").members()).toMatchObject([{ name: "w1", data: 2 }]);
    const left = proxy.dropReply(({ operation }) => operation === "multi");
    await membership.leave();
    await left.happened;
    expect(await observer.children("/group")).toEqual([]);
    expect(await observer.children("/group.claims")).toEqual([]);
  });

  test("keeps the order of updates through lost replies", async () => {
    await using namespace = await engine.namespace();
    const observer = await namespace.connectSteadily();
    await using proxy = await FaultProxy.start(namespace.steadyConnectString);
    await using client = await connect(proxy.connectString);
    const membership = await new Group(client, "/group").join({ name: "w1", data: 0, ...patience });
    proxy.dropReply(({ operation }) => operation === "multi", { times: 5 });
    await Promise.all(Array.from({ length: 20 }, (_, i) => membership.update(i + 1, patience)));
    expect(membership.data).toBe(20);
    expect(await new Group(observer, "/group").members()).toMatchObject([{ data: 20 }]);
  });

  test("loses a member with its session; who stays joined is there again, with the data of then", async () => {
    await using namespace = await engine.namespace();
    const [a, observer] = await Promise.all([namespace.connect(), namespace.connectSteadily()]);
    const group = new Group(a, "/group", { codec: json as Codec<number> });
    const plain = await group.join({ name: "plain", data: 1, ...patience });
    const standing = await group.stayJoined({ name: "standing", data: 1, ...patience });
    const first = standing.membership;
    await standing.update(2, patience);
    await namespace.expireSession(a);
    expect(await ended(plain)).toSatisfy(isGrantLostError);
    await firstValueFrom(standing.membership$.pipe(filter((m) => m !== undefined && m !== first)));
    await viewOf(new Group(observer, "/group"), hasNames("standing"));
    expect(standing.membership?.fencingToken).toBeGreaterThan(first?.fencingToken ?? 0n);
    expect(await new Group(observer, "/group", { codec: json }).members()).toMatchObject([{ data: 2 }]);
    // Somebody's hand as well.
    await observer.delete("/group/standing");
    await viewOf(new Group(observer, "/group"), ({ members }) => members[0]?.name === "standing");
    await standing.leave();
    expect(standing.signal.aborted).toBe(true);
    await expect(standing.update(3)).rejects.toMatchObject({ name: "AbortError" });
    await untilThereAre(observer, "/group", 0);
    await untilThereAre(observer, "/group.claims", 0);
  });

  test("ends a standing membership whose name another process has taken meanwhile", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connectSteadily(), namespace.connectSteadily()]);
    const standing = await new Group(a, "/group").stayJoined({ name: "w1", whenTaken: "refuse", ...patience });
    const over = new Promise((resolve) => standing.membership$.subscribe({ error: resolve }));
    await new Group(b, "/group").join({ name: "w1", whenTaken: "replace", ...patience });
    expect(await over).toSatisfy(isMemberNameTakenError);
    expect(standing.signal.reason).toSatisfy(isMemberNameTakenError);
    expect(standing.membership).toBeUndefined();
    await standing.leave();
  });

  test("ends with the client: memberships are lost, streams complete", async () => {
    await using namespace = await engine.namespace();
    const client = await namespace.connect();
    const group = new Group(client, "/group");
    const membership = await group.join(patience);
    const standing = await group.stayJoined(patience);
    const completed = Promise.all(
      [group.members$, standing.membership$].map(
        (stream) => new Promise<void>((resolve) => (stream as Observable<unknown>).subscribe({ complete: resolve })),
      ),
    );
    await client.close();
    await completed;
    expect(membership.signal.reason).toMatchObject({ reason: "client closed" });
    expect(standing.signal.aborted).toBe(true);
    await Promise.all([membership.leave(), standing.leave()]);
  });

  test("§6.8 §6.9 says when it cannot know, and what has changed when it can again", async () => {
    await using namespace = await engine.namespace();
    const [steady, b] = await Promise.all([namespace.connectSteadily(), namespace.connectSteadily()]);
    await using proxy = await FaultProxy.start(namespace.steadyConnectString);
    await using client = await connect(proxy.connectString);
    const stays = await new Group(steady, "/group").join({ name: "stays", ...patience });
    const leaves = await new Group(b, "/group").join({ name: "leaves", ...patience });
    const views: MembersView[] = [];
    const group = new Group(client, "/group");
    const seen = (wanted: (view: MembersView) => boolean) => firstValueFrom(group.members$.pipe(filter(wanted)));
    const subscription = group.members$.subscribe((view) => void views.push(view));
    await seen(hasNames("leaves", "stays"));
    proxy.refuse();
    proxy.cut();
    await seen(({ suspended }) => suspended);
    expect(views.at(-1)).toMatchObject({ suspended: true, joined: [], left: [], updated: [] });
    expect(namesIn(views.at(-1) as MembersView)).toEqual(["leaves", "stays"]);
    await leaves.leave();
    const comes = await new Group(b, "/group").join({ name: "comes", ...patience });
    await stays.leave();
    const back = await new Group(steady, "/group").join({ name: "stays", data: "again", ...patience });
    proxy.accept();
    await seen((view) => !view.suspended && hasNames("comes", "stays")(view));
    subscription.unsubscribe();
    const last = views.at(-1) as MembersView;
    expect(last.suspended).toBe(false);
    const after = views.slice(views.findIndex(({ suspended }) => suspended));
    expect(after.flatMap(({ left }) => left.map(({ name }) => name)).sort()).toEqual(["leaves", "stays"]);
    expect(after.flatMap(({ joined }) => joined.map(({ name }) => name)).sort()).toEqual(["comes", "stays"]);
    expect(last.members.map(({ fencingToken }) => fencingToken)).toEqual([comes.fencingToken, back.fencingToken]);
  });
});

function isThere(error: unknown): void {
  if (!isCoordinationError(error, "NodeExists")) throw error;
}
