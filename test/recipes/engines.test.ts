/** What the recipe suites take for granted of every engine. */
import { type Client, isCoordinationError, isRecoverable } from "@corral/client";
import { expect, test } from "vitest";
import { describeAlwaysOnEveryEngine } from "../engines/engines.ts";
import { nextState } from "../support/states.ts";

describeAlwaysOnEveryEngine("an engine", (engine) => {
  test("gives each namespace a tree of its own", async () => {
    await using one = await engine.namespace();
    await using other = await engine.namespace();
    const [a, b] = [await one.connectSteadily(), await other.connectSteadily()];
    await a.create("/x", "of one");
    expect(await b.exists("/x")).toBeUndefined();
    const again = await one.connect();
    expect((await untilDone(() => again.get("/x"))).data?.toString()).toBe("of one");
    expect(again.chroot).toBe(one.chroot);
  });

  test("closes its clients, and their sessions with them", async () => {
    const namespace = await engine.namespace();
    const client = await namespace.connectSteadily();
    await client.create("/e", null, { mode: "ephemeral" });
    await using watching = await engine.namespace();
    const looker = await watching.connectSteadily();
    expect(looker.state).toBe("connected");
    await namespace[Symbol.asyncDispose]();
    expect(client.state).toBe("closed");
  });

  test("expires a session for real: its ephemerals go, a watch fires, its client hears of it", async () => {
    await using namespace = await engine.namespace();
    const client = await namespace.connect({ sessionTimeoutMs: 9_000 });
    const observer = await namespace.connectSteadily();
    const { sessionId } = client;
    using calm = namespace.calm();
    expect(calm).toBeDefined();
    await untilDone(() => client.create("/e", null, { mode: "ephemeral" }));
    const gone = new Promise((resolve) => void observer.exists("/e", { watch: resolve }));
    const lost = nextState(client, "lost");
    await namespace.expireSession(client);
    expect(await gone).toMatchObject({ type: "nodeDeleted" });
    expect(await lost).toMatchObject({ sessionId, reason: "expired" });
    await nextState(client, "connected");
    expect(client.sessionId).not.toBe(sessionId);
  });

  test("keeps sessions alive through whatever happens on the way", async () => {
    await using namespace = await engine.namespace();
    const clients = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    const sessions = clients.map((client) => client.sessionId);
    // In bad weather until it has struck; the seed decides when.
    let interruptions = 0;
    const isEnough = (round: number) => round >= 50 && (!engine.isFaulty || interruptions >= 3);
    await Promise.all(
      clients.map(async (client, index) => {
        await untilDone(() => client.ensurePath(`/n${index}`));
        for (let round = 0; !isEnough(round); round++) {
          await untilDone(
            () => client.set(`/n${index}`, String(round)),
            () => {
              interruptions += 1;
            },
          );
          expect((await untilDone(() => client.get(`/n${index}`))).data?.toString()).toBe(String(round));
        }
      }),
    );
    expect(clients.map((client: Client) => client.sessionId)).toEqual(sessions);
    if (!engine.isFaulty) expect(interruptions).toBe(0);
  });
});

/** Idempotent calls only. */
async function untilDone<T>(call: () => Promise<T>, onInterruption = (): void => undefined): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (isCoordinationError(error, "NodeExists") || !isRecoverable(error)) throw error;
      onInterruption();
    }
  }
}
