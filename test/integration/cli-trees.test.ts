/** The built command `corral` with whole trees: what it says of what a copy or a dump has not, and what it reads dumps from. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { type Client, connect } from "@corral/client";
import { type Server, startServer } from "@corral/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Found, runCorral } from "../support/corral-command.ts";

const command = fileURLToPath(new URL("../../packages/cli/bin/corral.js", import.meta.url));

let server: Server;
let client: Client;
let directory: string;

beforeEach(async () => {
  server = await startServer({ superDigest: `super:${createHash("sha1").update("super:secret").digest("base64")}` });
  client = await connect(server.connectString);
  directory = await mkdtemp(join(tmpdir(), "corral-cli-trees-"));
});
afterEach(async () => {
  await client.close();
  await server.close();
  await rm(directory, { recursive: true, force: true });
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

test("quotas that may not be read do not end a copy, which would not have them, and are told", async () => {
  for (const path of ["/a", "/b"]) await setQuota(path);
  const writeOnly = [{ perms: 2, id: { scheme: "world", id: "anyone" } }];
  const said = "corral: Not all quotas are named: something at or below /zookeeper/quota may not be read.\n";
  const file = join(directory, "app.jsonl");
  await using target = await startServer();
  const copy = ["import", "--from", server.connectString, "--to", target.connectString, "--allow-smaller-tokens"];
  for (const [path, quotas] of [
    ["/zookeeper/quota/b", ["/a"]],
    ["/zookeeper/quota", []],
  ] as const) {
    await client.setAcl(path, writeOnly);
    expect(await corral(["dump", file, "--overwrite", "--quiet"])).toEqual({ code: 0, stdout: "", stderr: said });
    expect(await corral([...copy, "--dry-run"])).toMatchObject({ code: 0, stderr: said });
    const { code, stderr } = await corral(["dump", "--json", "--skip-unreadable"]);
    expect({ code, ...JSON.parse(stderr) }).toMatchObject({ code: 0, quotas, unreadableQuotas: true, unreadable: 0 });
  }
  const excluded = await corral(["dump", "--json", "--exclude", "/zookeeper/quota"]);
  expect(JSON.parse(excluded.stderr)).toMatchObject({ unreadableQuotas: false });
});

test("an exclusion that excluded nothing is told", async () => {
  await client.create("/app/secret/key", "x", { createParents: true });
  const exclude = (...paths: string[]) => paths.flatMap((path) => ["--exclude", path]);
  const said = "corral: --exclude /app/secrets left nothing out: no such node was found.\n";
  const file = join(directory, "app.jsonl");
  const slip = await corral(["dump", file, ...exclude("/app/secrets", "/app/secret"), "--quiet"]);
  expect(slip).toEqual({ code: 0, stdout: "", stderr: said });
  const covered = exclude("/app/secret", "/app/secret/", "/app/secret/key", "/zookeeper", "/zookeeper/quota");
  expect(await corral(["dump", file, ...covered, "--overwrite", "--quiet"])).toMatchObject({ code: 0, stderr: "" });
  const { stderr } = await corral(["dump", "--json", ...exclude("/app/secrets")]);
  expect(JSON.parse(stderr)).toMatchObject({ unmatched: ["/app/secrets"] });
  // The server's own, which a client with a chroot cannot see: some name it out of habit.
  const below = ["dump", file, "--connect", `${server.connectString}/app`, "--overwrite", "--quiet"];
  expect(await corral([...below, ...exclude("/zookeeper")])).toMatchObject({ code: 0, stderr: "" });
  await using target = await startServer();
  const copy = ["import", "--from", server.connectString, "--to", target.connectString, "--allow-smaller-tokens"];
  expect(await corral([...copy, ...exclude("/app/secrets")])).toMatchObject({ code: 0, stderr: said });
});

test("a container or a time to live that is given to nothing is told", async () => {
  await client.create("/locks/a", "x", { createParents: true });
  const hints = ["--container", "/locks/*", "--container", "/nosuch/*", "--ttl", "/gone=60000"];
  const said =
    "corral: --container /nosuch/* made nothing a container: no such node was found.\n" +
    "corral: --ttl /gone gave nothing a time to live: no such node was found.\n";
  const file = join(directory, "app.jsonl");
  expect(await corral(["dump", file, "--quiet", ...hints])).toEqual({ code: 0, stdout: "", stderr: said });
  const { stderr } = await corral(["dump", "--json", ...hints]);
  expect(JSON.parse(stderr)).toMatchObject({ unmatched: [], unmatchedKinds: ["/nosuch/*", "/gone"] });
  await using target = await startServer();
  const copy = ["import", "--from", server.connectString, "--to", target.connectString, "--allow-smaller-tokens"];
  expect(await corral([...copy, ...hints])).toMatchObject({ code: 0, stderr: said });
});

test("a list of hidden digests is told from one that somebody has set so", async () => {
  const asSuper = { variables: { CORRAL_AUTH: "digest:super:secret" } };
  const of = (user: string) => ({ perms: 31, id: { scheme: "digest", id: user } });
  const everybody = { perms: 1, id: { scheme: "world", id: "anyone" } };
  // One who sees a digest sees them all.
  await client.create("/set", null, { acl: [of("u:x"), of("v:abc="), everybody] });
  expect((await corral(["dump"], asSuper)).stdout).toContain('"acl":["cdrwa digest:u:x","cdrwa digest:v:abc=",');
  const refused = (path: string) => ({
    code: 5,
    stderr: expect.stringContaining(
      `The access list of ${path} has no digests of passwords, only user:x. Mostly the server`,
    ),
  });
  expect(await corral(["dump"])).toMatchObject(refused("/set"));
  await client.create("/odd", null, { acl: [of("u:x"), everybody] });
  expect(await corral(["dump"], asSuper)).toMatchObject(refused("/odd"));
  expect(await corral(["dump", "--exclude", "/odd"], asSuper)).toMatchObject({ code: 0 });
});

/** A small one. */
async function dumped(): Promise<string> {
  await client.create("/app/config", "limit=10", { createParents: true });
  const { code, stdout, stderr } = await corral(["dump", "-", "--connect", `${server.connectString}/app`]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("2 nodes with 8 bytes") });
  return stdout;
}

test("a dump goes to standard output and comes from standard input", async () => {
  const text = await dumped();
  vi.stubEnv("TMPDIR", directory);
  try {
    for (const [name, input] of Object.entries({ plain: text, compressed: gzipSync(text) })) {
      const to = `${server.connectString}/${name}`;
      const ended = await corral(["load", "-", "--connect", to], { input });
      expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining("created 1, overwritten"), stderr: "" });
      expect(String((await client.get(`/${name}/config`)).data)).toBe("limit=10");
    }
    const broken = await corral(["load", "-", "--connect", `${server.connectString}/new`], {
      input: text.slice(0, -5),
    });
    expect(broken).toMatchObject({ code: 7, stderr: expect.stringContaining("breaks off in line 4") });
    const bytes = gzipSync(text);
    const changed = Buffer.from(bytes);
    changed[bytes.length - 6] = (changed[bytes.length - 6] ?? 0) ^ 1;
    for (const input of [bytes.subarray(0, -20), bytes.subarray(0, -5), changed]) {
      const ended = await corral(["load", "-", "--connect", `${server.connectString}/new`], { input });
      const stderr = expect.stringMatching(/Standard input is no whole dump: it cannot be decompressed \(.+\)/);
      expect(ended).toMatchObject({ code: 7, stderr });
    }
    expect(await client.exists("/new")).toBeUndefined();
    expect(await readdir(directory)).toEqual([]);
    vi.stubEnv("TMPDIR", join(directory, "none"));
    const homeless = await corral(["load", "-"], { input: text });
    expect(homeless).toMatchObject({ code: 2, stderr: expect.stringMatching(/cannot be kept in .*none .*Set TMPDIR/) });
  } finally {
    vi.unstubAllEnvs();
  }
});

test.skipIf(!existsSync("/dev/stdin"))("a pipe is loaded by its name, though it can be read only once", async () => {
  const file = join(directory, "app.jsonl");
  await writeFile(file, await dumped());
  const script = 'cat "$2" | "$0" "$1" load /dev/stdin --connect "$3" --timeout 60000';
  const args = ["-c", script, process.execPath, command, file, `${server.connectString}/piped`];
  const { stdout } = await promisify(execFile)("sh", args);
  expect(stdout).toContain("created 1, overwritten");
  expect(String((await client.get("/piped/config")).data)).toBe("limit=10");
  expect(await corral(["load", directory])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/cannot be read: EISDIR/),
  });
});
