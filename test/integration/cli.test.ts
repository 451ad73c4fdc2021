/** The built command `corral`: what it prints, with which exit code it ends, where secrets come from. */
import { spawn } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, open, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { type Client, connect } from "@corral/client";
import { type Server, startServer } from "@corral/server";
import { afterEach, beforeEach, expect, test } from "vitest";
import * as certificates from "../support/certificates.ts";
import { type Ended, type Found, runCorral } from "../support/corral-command.ts";
import { TlsFront } from "../support/tls-front.ts";

const command = fileURLToPath(new URL("../../packages/cli/bin/corral.js", import.meta.url));
let server: Server;
let client: Client;
let directory: string;

beforeEach(async () => {
  server = await startServer({ adminPort: 0, adminToken: "a token of some length" });
  client = await connect(server.connectString);
  directory = await mkdtemp(join(tmpdir(), "corral-cli-"));
});
afterEach(async () => {
  await client.close();
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

function corral(args: readonly string[], { variables, ...found }: Found = {}): Promise<Ended> {
  return runCorral(args, { ...found, variables: { CORRAL_CONNECT: server.connectString, ...variables } });
}

/** What it printed, if it went well. */
async function printed(args: readonly string[], input = ""): Promise<string> {
  const { code, stdout, stderr } = await corral(args, { input });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

test("a node is created, read, changed, listed, explained and deleted", async () => {
  expect(await printed(["create", "/app/config", "limit=10", "--parents"])).toBe("/app/config\n");
  expect(await printed(["create", "/app/n-", "-", "--sequential"], "from stdin")).toBe("/app/n-0000000001\n");
  expect(await printed(["get", "/app/config"])).toBe("limit=10\n");
  expect(await printed(["get", "/app/n-0000000001", "--raw"])).toBe("from stdin");
  expect(await printed(["set", "/app/config", "limit=11", "--data-version", "0"])).toBe("/app/config has version 1\n");
  expect(JSON.parse(await printed(["get", "/app/config", "--json"]))).toMatchObject({
    path: "/app/config",
    data: "limit=11",
    stat: { version: 1, dataLength: 8, ephemeralOwner: "0x0", czxid: expect.stringMatching(/^0x1[0-9a-f]{8}$/) },
  });
  expect(await printed(["ls", "/app"])).toBe("config\nn-0000000001\n");
  expect(await printed(["stat", "/app"])).toContain("numChildren 2\n");
  expect(await printed(["tree", "/app"])).toBe("/app\n  config\n  n-0000000001\n");
  const explained = await printed(["explain", "/app"]);
  expect(explained).toContain("1 of them stand in line by their numbers; the next would get 0000000002:");
  expect(await printed(["acl", "/app/config", "--set", "r world:anyone", "--set", "cdrwa digest:bob:abc="])).toBe(
    "r world:anyone\n- digest:bob:x\n".replace("- digest", "cdrwa digest"),
  );
  expect(await printed(["delete", "/app", "--recursive"])).toBe("");
  expect(await client.children("/")).toEqual(["zookeeper"]);
});

test.each([
  [["get", "/none"], 3, "there is no such node"],
  [["create", "/zookeeper", "x"], 4, "exists already. Change it with corral set, or give --sequential"],
  [
    ["create", "/none/x", "x"],
    3,
    "create /none/x: there is no such node. Its parent is missing: create that first, or give --parents.",
  ],
  [["set", "/none", "x"], 3, "set /none: there is no such node. Create it with corral create, or give --create."],
  [["delete", "/parent"], 4, "the node has children. Delete its children first, or give --recursive."],
  [["set", "/zookeeper", "x", "--data-version", "7"], 4, "another version"],
  [["stat", "/none"], 3, "corral: stat /none: there is no such node."],
  [["ls", "none"], 2, "corral: ls none: the path is not valid: "],
  [["explain", "/none"], 3, "corral: explain /none: there is no such node."],
  [
    ["acl", "/parent", "--set", "r world:anyone", "--set", "cr ip:nowhere"],
    1,
    "corral: acl /parent: the access control list is not valid (r world:anyone; cr ip:nowhere). Give at least one entry",
  ],
  [["create", "/x", "--acl", "r foo:bar"], 1, "the access control list is not valid (r foo:bar)."],
  [["get", "/", "--connect", "127.0.0.1:1", "--timeout", "200"], 6, "127.0.0.1:1"],
] as const)("%j ends with %d", async (args, code, message) => {
  await client.create("/parent/child", null, { createParents: true });
  const ended = await corral(args);
  expect(ended).toEqual({ code, stdout: "", stderr: expect.stringContaining(message) });
});

test("data beyond what servers take", async () => {
  const file = join(directory, "large");
  await writeFile(file, Buffer.alloc(1 << 20));
  const usual = await corral(["create", "/large", "--file", file]);
  expect(usual).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("raise the server's limit and --request-bytes"),
  });
  const more = ["--file", file, "--request-bytes", "2000000"];
  for (const args of [
    ["create", "/large"],
    ["set", "/zookeeper"],
  ]) {
    // The server just ends the connection.
    const ended = await corral([...args, ...more]);
    expect(ended).toMatchObject({
      code: 6,
      stderr: expect.stringContaining("it sent 1048576 bytes of data). Servers close"),
    });
  }
  await using other = await startServer({ limits: { maxFrameBytes: 2_000_000 } });
  expect(await corral(["create", "/large", ...more, "--connect", other.connectString])).toMatchObject({ code: 0 });
});

test("credentials come from variables, and without them a node that asks for some is not shown", async () => {
  await client.addAuth("digest", "bob:pw");
  await client.create("/bobs", "secret", { acl: [{ perms: 31, id: { scheme: "auth", id: "" } }] });
  expect(await corral(["get", "/bobs"])).toMatchObject({ code: 5, stderr: expect.stringContaining("CORRAL_AUTH=") });
  const ended = await corral(["get", "/bobs"], { variables: { CORRAL_AUTH: "digest:bob:pw" } });
  expect(ended).toMatchObject({ code: 0, stdout: "secret\n" });
  expect((await corral(["get", "/"], { variables: { CORRAL_AUTH: "bob" } })).code).toBe(2);
});

test("an access list that shuts out whoever sets it is set, and printed", async () => {
  await client.create("/l");
  expect(await corral(["acl", "/l", "--set", "wa world:anyone"])).toMatchObject({ code: 0, stderr: "" });
  expect(await corral(["acl", "/l", "--set", "w world:anyone"])).toEqual({
    code: 0,
    stdout: "w world:anyone\n",
    stderr: "/l has this access list now, and you can no longer read it.\n",
  });
  // The next one is not allowed to.
  expect(await corral(["acl", "/l", "--set", "r world:anyone"])).toMatchObject({ code: 5, stdout: "" });
  expect(await corral(["acl", "/l"])).toMatchObject({ code: 5, stdout: "" });
  await client.create("/m");
  // The server has put something else there.
  const asBob = { variables: { CORRAL_AUTH: "digest:bob:pw" } };
  expect(await corral(["acl", "/m", "--set", "w auth:"], asBob)).toEqual({
    code: 0,
    stdout: "w auth:\n",
    stderr: "/m has this access list now, with your identities for auth:, and you can no longer read it.\n",
  });
  await client.create("/k");
  const json = await corral(["acl", "/k", "--set", "w world:anyone", "--json"]);
  expect(JSON.parse(json.stdout)).toEqual({ path: "/k", acl: ["w world:anyone"], aversion: 1 });
});

test("import says of nodes that it has written which ones it may not read back", async () => {
  await client.addAuth("digest", "bob:pw");
  const bobs = { perms: 31, id: { scheme: "auth", id: "" } };
  const sides = (name: string) => [
    "--from",
    `${server.connectString}/${name}`,
    "--to",
    `${server.connectString}/to-${name}`,
  ];
  const copy = (name: string, more: Readonly<Record<string, string>> = {}, conflict = "refuse") =>
    corral(["import", ...sides(name), "--allow-smaller-tokens", "--on-conflict", conflict], {
      variables: { CORRAL_FROM_AUTH: "digest:bob:pw", ...more },
    });
  await client.create("/secret");
  await client.create("/secret/of-bob", "x", { acl: [bobs] });
  const secret = await copy("secret");
  expect(secret).toMatchObject({ code: 5, stdout: "" });
  expect(secret.stderr).toMatch(
    /^corral: \/of-bob was written, but could not be read back .* does not let this user read it\. .* --on-conflict overwrite/,
  );
  expect(String((await client.get("/to-secret/of-bob")).data)).toBe("x");
  // What is there already has not been written.
  const again = await copy("secret", {}, "overwrite");
  expect(again.stderr).toMatch(/^corral: There is a node at \/of-bob already, which this user may not read/);
  // Everybody may read the data here, but sees no digests in the list.
  await client.create("/public");
  await client.create("/public/of-bob", "x", { acl: [bobs, { perms: 1, id: { scheme: "world", id: "anyone" } }] });
  const hidden = await copy("public");
  expect(hidden).toMatchObject({ code: 5, stdout: "" });
  expect(hidden.stderr).toMatch(/^corral: \/of-bob was written, but its access list could not be compared: /);
  const done = await copy("public", { CORRAL_TO_AUTH: "digest:bob:pw" }, "overwrite");
  expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining("unchanged 2") });
});

test.skipIf(!existsSync("/dev/full"))("what cannot be printed is told in one line", async () => {
  const full = await open("/dev/full", "w");
  try {
    for (const args of [["get", "/", "--connect", server.connectString, "--timeout", "60000"], ["--help"]]) {
      const child = spawn(process.execPath, [command, ...args], { stdio: ["ignore", full.fd, "pipe"] });
      const [errors, [code]] = await Promise.all([text(child.stderr as Readable), once(child, "close")]);
      const stderr = "corral: Standard output cannot be written: ENOSPC: no space left on device, write.\n";
      expect({ args, code, errors }).toEqual({ args, code: 1, errors: stderr });
    }
  } finally {
    await full.close();
  }
});

test("watch prints every state until it is interrupted", async () => {
  await client.create("/seen", "one");
  const env = { ...process.env, CORRAL_CONNECT: server.connectString };
  const child = spawn(process.execPath, [command, "watch", "/seen", "--timeout", "60000"], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  try {
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    const until = (shown: string) => expect.poll(() => text, { timeout: 60_000 }).toBe(shown);
    await until("one\n");
    await client.set("/seen", "two");
    await until("one\ntwo\n");
    await client.delete("/seen");
    await until("one\ntwo\n(no such node)\n");
    child.kill("SIGINT");
    expect(await ended).toEqual([130, null]);
  } finally {
    child.kill("SIGKILL");
  }
  await client.create("/tree/of/nodes", null, { createParents: true });
  expect(await printed(["watch", "/tree", "--tree", "--count", "1", "--json"])).toContain(
    '{"type":"created","path":"/tree/of"}\n',
  );
});

test("permissions that have no letter are dumped, loaded, shown and set", async () => {
  const perms = [0x63, -1, 0x40];
  const acl = perms.map((bits, at) => ({ perms: bits, id: { scheme: "ip", id: `10.0.0.${at}` } }));
  await client.create("/odd/node", null, { createParents: true });
  await client.setAcl("/odd/node", [...acl, { perms: 31, id: { scheme: "world", id: "anyone" } }]);
  const shown = "rw+0x60 ip:10.0.0.0\ncdrwa+0xffffffe0 ip:10.0.0.1\n-+0x40 ip:10.0.0.2\ncdrwa world:anyone\n";
  expect(await printed(["acl", "/odd/node"])).toBe(shown);
  const file = join(directory, "odd.jsonl");
  await printed(["dump", file, "--connect", `${server.connectString}/odd`]);
  await printed(["load", file, "--connect", `${server.connectString}/loaded`]);
  expect((await client.getAcl("/loaded/node")).acl).toEqual((await client.getAcl("/odd/node")).acl);
  const entries = shown.trimEnd().split("\n");
  expect(await printed(["acl", "/odd", ...entries.flatMap((entry) => ["--set", entry])])).toBe(shown);
});

test("a dump's file is its owner's, replaces only a regular file, and keeps that one's mode", async () => {
  const at = (name: string) => join(directory, name);
  const modeOf = async (name: string) => (await stat(at(name))).mode & 0o777;
  await writeFile(at("app.jsonl.tmp"), "of somebody else");
  await printed(["dump", at("app.jsonl")]);
  expect(await modeOf("app.jsonl")).toBe(0o600);
  await chmod(at("app.jsonl"), 0o440);
  await printed(["dump", at("app.jsonl"), "--overwrite"]);
  expect(await modeOf("app.jsonl")).toBe(0o440);
  expect(await readFile(at("app.jsonl.tmp"), "utf8")).toBe("of somebody else");

  await symlink("app.jsonl", at("link"));
  for (const name of ["link", "."]) {
    for (const more of [[], ["--overwrite"]]) {
      const ended = await corral(["dump", at(name), ...more]);
      expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining("is not a regular file") });
    }
  }
  expect((await readdir(directory)).sort()).toEqual(["app.jsonl", "app.jsonl.tmp", "link"]);
});

test("a tree goes to a file and back, and to another server, whose tokens go on above", async () => {
  await client.create("/app");
  await client.create("/app/bytes", Uint8Array.of(0xff, 0));
  await client.create("/app/mine", null, { mode: "ephemeral" });
  const file = join(directory, "app.jsonl.gz");
  const from = `${server.connectString}/app`;
  await writeFile(file, "of yesterday");
  expect(await corral(["dump", file, "--connect", from])).toEqual({
    code: 4,
    stdout: "",
    stderr: `corral: ${file} is there already. Choose another name, or give --overwrite to replace it.\n`,
  });
  expect(await readFile(file, "utf8")).toBe("of yesterday");
  const dumped = await printed(["dump", file, "--overwrite", "--connect", from]);
  expect(dumped).toMatch(/^2 nodes with 2 bytes.*\nleft out: 1 ephemeral/);
  const text = gunzipSync(await readFile(file)).toString();
  expect(text).toContain('{"path":"/bytes","base64":"/wA="}\n');
  const ended = await corral(["dump", "--connect", from]);
  expect(ended.stdout.split("\n").slice(1)).toEqual(
    text
      .split("\n")
      .slice(1)
      .map((line) => expect.stringContaining(line.slice(0, 20))),
  );

  const to = `${server.connectString}/loaded`;
  expect(JSON.parse(await printed(["load", file, "--connect", to, "--json"]))).toMatchObject({ nodes: 2, created: 1 });
  expect((await corral(["load", file, "--connect", to])).code).toBe(4);
  expect(await printed(["load", file, "--connect", to, "--on-conflict", "skip", "--dry-run"])).toContain(
    "would be copied",
  );
  const broken = join(directory, "broken.jsonl");
  await writeFile(broken, text.slice(0, -5));
  expect(await corral(["load", broken, "--connect", `${server.connectString}/new`])).toMatchObject({ code: 7 });
  expect(await client.exists("/new")).toBeUndefined();

  // A source in a late epoch, as an ensemble that had many elections.
  const authorization = "Bearer a token of some length";
  await fetch(`${server.adminUrl}/commands/raise_epoch?above=0x700000000`, {
    method: "POST",
    headers: { authorization },
  });
  const { czxid: token } = (await client.create2("/app/lock")).stat;
  const [ca, both] = [join(directory, "ca.pem"), join(directory, "both.pem")];
  await writeFile(ca, certificates.ca);
  await writeFile(both, `${certificates.server.cert}\n${certificates.server.key}\n`);
  const secure = { adminTls: "only", adminTlsCertFile: both } as const;
  await using other = await startServer({ adminPort: 0, adminToken: "a token of some length", ...secure });
  const copy = ["import", "--from", from, "--to", other.connectString];
  expect(await corral(copy)).toMatchObject({ code: 7, stderr: expect.stringContaining("--admin URL") });
  const variables = { CORRAL_ADMIN_TOKEN: "a token of some length" };
  const untrusted = await corral([...copy, "--admin", other.adminUrl ?? ""], { variables });
  expect(untrusted).toMatchObject({ code: 1, stderr: expect.stringMatching(/certificate/) });
  const admin = ["--admin", other.adminUrl ?? "", "--admin-tls-ca", ca];
  expect(await corral([...copy, ...admin], { variables })).toMatchObject({ code: 0 });
  await using reader = await connect(other.connectString);
  expect(await reader.children("/")).toEqual(["bytes", "lock", "zookeeper"]);
  expect((await reader.create2("/lock/holder")).stat.czxid).toBeGreaterThan(token);
  const back = ["export", "--to", `${server.connectString}/back`, "--allow-smaller-tokens", "--json"];
  const report = await corral(back, { variables: { CORRAL_CONNECT: other.connectString } });
  expect(JSON.parse(report.stdout)).toMatchObject({ nodes: 4, different: [] });
});

test("over TLS, with an authority of one's own", async () => {
  await using front = await TlsFront.start(server.clientPort, certificates.server);
  const ca = join(directory, "ca.pem");
  await writeFile(ca, certificates.ca);
  const connect = `localhost:${front.port}`;
  expect(await printed(["ls", "/", "--connect", connect, "--tls-ca", ca])).toBe("zookeeper\n");
  const ended = await corral(["ls", "/", "--connect", connect, "--tls", "--timeout", "3600000"]);
  expect(ended).toMatchObject({ code: 6, stderr: expect.stringMatching(/localhost.*not to be trusted.*--tls-ca/) });
});

test.each(["DIGEST-MD5", "SCRAM-SHA-256"])(
  "a wrong password for %s ends it at once: not allowed",
  async (mechanism) => {
    await using guarded = await startServer({ saslUsers: ["bob:secret"] });
    const variables = { CORRAL_SASL: "bob:wrong", CORRAL_SASL_MECHANISM: mechanism };
    const ended = await corral(["ls", "/", "--connect", guarded.connectString, "--timeout", "3600000"], { variables });
    expect(ended).toMatchObject({ code: 5, stderr: expect.stringMatching(/refused.*CORRAL_SASL/) });
  },
);

test("files of TLS that cannot be used are wrong usage, told before anybody is connected to", async () => {
  const put = async (name: string, ...texts: string[]) => {
    await writeFile(join(directory, name), texts.join("\n"));
    return join(directory, name);
  };
  const { cert, key } = certificates.client;
  const [own, ownKey, foreignKey] = [
    await put("own.pem", cert),
    await put("own.key", key),
    await put("foreign.key", certificates.foreign.key),
  ];
  const locked = createPrivateKey(key).export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" });
  const lockedKey = await put("locked.key", locked.toString());
  const junk = await put("junk.pem", "localhost");
  const cases: [readonly string[], string][] = [
    [
      ["--tls-cert", own],
      `--tls-key must name the file with the private key, since ${own} holds no private key in PEM.`,
    ],
    [["--tls-key", ownKey], `--tls-cert must name the certificate that ${ownKey} is the private key of.`],
    [
      ["--tls-cert", own, "--tls-key", foreignKey],
      `--tls-key: ${foreignKey} is not the private key of the first certificate in ${own}.`,
    ],
    [["--tls-cert", own, "--tls-key", junk], `--tls-key: ${junk} holds no private key in PEM.`],
    [
      ["--tls-cert", own, "--tls-key", lockedKey],
      `CORRAL_TLS_PASSPHRASE is needed: the key is encrypted (${lockedKey}).`,
    ],
    [["--tls-cert", junk, "--tls-key", ownKey], `--tls-cert: ${junk} holds no certificate in PEM.`],
    [["--tls-ca", junk], `--tls-ca: ${junk} holds no certificate in PEM.`],
  ];
  for (const [flags, message] of cases) {
    const ended = await corral(["ls", "/", "--connect", "127.0.0.1:1", ...flags]);
    expect(ended).toEqual({ code: 2, stdout: "", stderr: `corral: ${message}\n` });
  }
  const copy = ["import", "--from", "127.0.0.1:1", "--to", server.connectString, "--from-tls-cert", own];
  expect(await corral(copy)).toMatchObject({ code: 2, stderr: expect.stringContaining("--from-tls-key must name") });
  const admin = ["import", "--from", server.connectString, "--to", server.connectString, "--admin-tls-ca", junk];
  expect(await corral(admin)).toMatchObject({ code: 2, stderr: expect.stringContaining("--admin-tls-ca: ") });
});

test("the certificate that is shown may have its key in the same file", async () => {
  const both = join(directory, "both.pem");
  await writeFile(both, `${certificates.client.cert}\n${certificates.client.key}\n`);
  const ca = join(directory, "ca.pem");
  await writeFile(ca, certificates.ca);
  const needs = { ca: certificates.ca, requestCert: true, rejectUnauthorized: true };
  await using front = await TlsFront.start(server.clientPort, { ...certificates.server, ...needs });
  const flags = ["--connect", `localhost:${front.port}`, "--tls-ca", ca, "--tls-cert", both];
  expect(await printed(["ls", "/", ...flags])).toBe("zookeeper\n");
});
