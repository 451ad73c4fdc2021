/** `zkCli.sh`, the shell of Apache's Java client, on our server: the whole of its commands, in one go. */
import { type Server, startServer } from "@corral/server";
import { afterEach, describe, expect, test } from "vitest";
import { Dialogue } from "../support/dialogue.ts";
import { hasZkCli, zkCli } from "../support/peers.ts";

describe.runIf(hasZkCli())("zkCli.sh", () => {
  let server: Server;
  let shell: Dialogue | undefined;
  afterEach(async () => {
    shell?.kill();
    await server.close();
  });

  test("does everything that it has commands for", async () => {
    server = await startServer({ tickMs: 500, enforcesQuota: true });
    const a = new Dialogue(zkCli, ["-server", server.connectString]);
    shell = a;
    await a.until(/state:SyncConnected/);
    await a.ask("create /app one", /Created \/app/);
    await a.ask("create /app/n two", /Created \/app\/n/);
    await a.ask("create -s /app/s- x", /Created \/app\/s-0000000001/);
    await a.ask("create -e /app/e x", /Created \/app\/e/);
    await a.ask("create -c /app/box x", /Created \/app\/box/);
    await a.ask("create -t 600000 /app/ttl x", /Created \/app\/ttl/);
    await a.ask("create /app again", /Node already exists: \/app/);
    await a.ask("get /app/n", /two/);
    await a.ask("get -s /app/n", /two[\s\S]*cZxid = 0x[\s\S]*dataVersion = 0[\s\S]*numChildren = 0/);
    await a.ask("stat /app", /numChildren = 5/);
    await a.ask("ls /app", /\[box, e, n, s-0000000001, ttl\]/);
    await a.ask("ls -R /app", /\/app\n[\s\S]*\/app\/ttl/);
    await a.ask("getAllChildrenNumber /app", /5/);
    await a.ask("getEphemerals /app", /\[\/app\/e\]/);
    await a.ask("set -v 7 /app/n three", /version No is not valid/);
    // Watches, one-shot and lasting: events come on their own.
    await a.ask("get -w /app/n", /two/);
    await a.ask("set /app/n three", /WatchedEvent state:SyncConnected type:NodeDataChanged path:\/app\/n/);
    a.say("addWatch -m PERSISTENT_RECURSIVE /app");
    await a.ask("create /app/n/deep x", /WatchedEvent state:SyncConnected type:NodeCreated path:\/app\/n\/deep/);
    await a.ask("delete /app/n/deep", /WatchedEvent state:SyncConnected type:NodeDeleted path:\/app\/n\/deep/);
    await a.ask("removewatches /app", /type:PersistentWatchRemoved path:\/app/);
    await a.ask("sync /app", /Sync is OK/);
    // Access lists.
    await a.ask("getAcl /app/n", /'world,'anyone\s*: cdrwa/);
    a.say("addauth digest bob:secret");
    a.say("setAcl /app/n auth::r");
    await a.ask("getAcl -s /app/n", /'digest,'bob:[\s\S]*: r[\s\S]*aclVersion = 1/);
    await a.ask("set /app/n four", /Insufficient permission/);
    await a.ask("whoami", /digest[\s\S]*bob/);
    // Quotas.
    await a.ask("create /small x", /Created \/small/);
    a.say("setquota -N 2 /small");
    await a.ask("create /small/a x", /Created \/small\/a/);
    await a.ask("create /small/b x", /Quota has exceeded/);
    await a.ask("listquota /small", /countHardLimit=2/);
    a.say("delquota -N /small");
    await a.ask("create /small/b x", /Created \/small\/b/);
    a.say("deleteall /app");
    await a.ask("ls /", /\[small, zookeeper\]/);
    a.say("quit");
    expect(await a.exitCode()).toBe(0);
  });
});
