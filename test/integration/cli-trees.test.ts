/** The built command `corral` with whole trees: what it says of what a copy or a dump has not, and what it reads dumps from. */
import { type Client, connect } from "@corral/client";
import { type Server, startServer } from "@corral/server";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Found, runCorral } from "../support/corral-command.ts";

let server: Server;
let client: Client;

beforeEach(async () => {
  server = await startServer();
  client = await connect(server.connectString);
});
afterEach(async () => {
  await client.close();
  await server.close();
});

function corral(args: readonly string[], { variables, ...found }: Found = {}) {
  return runCorral(args, { ...found, variables: { CORRAL_CONNECT: server.connectString, ...variables } });
}

async function setQuota(path: string): Promise<void> {
  const at = `/zookeeper/quota${path}`;
  await client.create(`${at}/zookeeper_limits`, "count=9,bytes=-1", { createParents: true });
  await client.create(`${at}/zookeeper_stats`, "count=1,bytes=0");
}

test("quotas are named, since they are left out", async () => {
  for (const path of ["/b", "/a/deep/one", "/a"]) await setQuota(path);
  await using target = await startServer();
  const copy = ["import", "--from", server.connectString, "--to", target.connectString, "--allow-smaller-tokens"];
  const said = "left out: 3 quotas (/a, /a/deep/one, /b): set them anew\n";
  expect(await corral([...copy, "--dry-run"])).toMatchObject({ code: 0, stdout: expect.stringContaining(said) });
  expect(await corral(copy)).toMatchObject({ code: 0, stdout: expect.stringContaining(said) });
  expect(await corral(["dump"])).toMatchObject({ code: 0, stderr: expect.stringContaining(said) });
  for (const path of ["/c", "/d"]) await setQuota(path);
  expect((await corral(["dump"])).stderr).toContain("left out: 5 quotas (/a, /a/deep/one, /b, …): set them anew\n");
  const some = await corral(["dump", "--exclude", "/a", "--exclude", "/c", "--exclude", "/d"]);
  expect(some.stderr).toContain("left out: 1 quota (/b): set it anew\n");
  const { stderr } = await corral(["dump", "--json", "--exclude", "/a"]);
  expect(JSON.parse(stderr)).toMatchObject({ quotas: ["/b", "/c", "/d"] });
  // Neither those of a chroot, which its client does not see, nor any where there are none.
  for (const connectString of [`${server.connectString}/zookeeper`, target.connectString])
    expect((await corral(["dump", "--connect", connectString])).stderr).not.toContain("quota");
});

test("quotas that may not be read end a copy, as nodes do", async () => {
  await client.setAcl("/zookeeper/quota", [{ perms: 2, id: { scheme: "world", id: "anyone" } }]);
  expect(await corral(["dump"])).toMatchObject({
    code: 5,
    stderr: expect.stringContaining("/zookeeper/quota may not be read: "),
  });
  expect((await corral(["dump", "--skip-unreadable"])).stderr).toContain("left out: 1 nodes that may not be read");
  expect(await corral(["dump", "--exclude", "/zookeeper/quota"])).toMatchObject({ code: 0 });
});
