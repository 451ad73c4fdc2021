/** `cli_mt`, the shell of ZooKeeper's C client, on our server: reads, writes, watches, access lists, containers, sessions. */
import { type Server, startServer } from "@corral/server";
import { afterEach, describe, expect, test } from "vitest";
import { Dialogue } from "../support/dialogue.ts";
import { cliMt, hasCliMt } from "../support/peers.ts";

describe.runIf(hasCliMt())("cli_mt", () => {
  let server: Server;
  const shells: Dialogue[] = [];
  afterEach(async () => {
    for (const shell of shells.splice(0)) shell.kill();
    await server.close();
  });

  /** Without stdbuf it would keep what it says to itself until it has much of it. */
  async function shell(): Promise<Dialogue> {
    const dialogue = new Dialogue("stdbuf", ["-oL", cliMt, "-h", server.connectString]);
    shells.push(dialogue);
    await dialogue.until(/state = CONNECTED_STATE/);
    return dialogue;
  }

  test("does everything that it has commands for", async () => {
    server = await startServer({ tickMs: 500, reaperIntervalMs: 200 });
    const [a, b] = [await shell(), await shell()];
    await a.ask("create /app", /rc = 0[\s\S]*name = \/app/);
    await a.ask("create2 /app/n", /rc = 0[\s\S]*name = \/app\/n/);
    await a.ask("create /app", /rc = -110/);
    await a.ask("create +s /app/s-", /rc = 0[\s\S]*\/app\/s-0000000001/);
    await a.ask("create +c /app/box", /rc = 0[\s\S]*\/app\/box/);
    await a.ask("set /app/n hello", /rc = 0/);
    await b.ask("get /app/n", /hello/);
    await b.ask("get /nothing", /rc = -101/);
    await b.ask("ls /app", /rc = 0\s+n\s+s-0000000001\s+box/);
    await b.ask("sync /app", /rc = 0/);
    // A watch of one shell hears what the other does.
    await b.ask("wexists /app/later", /Error -101 for \/app\/later/);
    await a.ask("create +e /app/later", /rc = 0\s+name = \/app\/later/);
    await b.until(/CREATED_EVENT state = CONNECTED_STATE for path \/app\/later/);
    b.say("wexists /app/later");
    await b.ask("ls2 /app", /rc = 0/);
    a.say("quit");
    // Its session is over, and the node with it.
    await b.until(/DELETED_EVENT state = CONNECTED_STATE for path \/app\/later/);
    await b.ask("delete /app", /rc = -111/);
    await b.ask("delete /app/n", /rc = 0/);
    await b.ask("get /app/n", /rc = -101/);
    b.say("quit");
    expect(await b.exitCode()).toBe(0);
  });
});
