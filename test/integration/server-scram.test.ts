/** SCRAM-SHA-256 from end to end: the command makes a user's line, the server knows no password, the client proves it. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Client, connect, type SaslOptions } from "@corral/client";
import { ErrorCode, operations, Reader } from "@corral/protocol";
import { type Server, type ServerSettings, startServer } from "@corral/server";
import { FaultProxy } from "@corral/testing";
import { afterEach, beforeAll, expect, test } from "vitest";
import { RawConnection } from "../support/raw-connection.ts";
import { RecordingLogger } from "../support/recording-logger.ts";

const command = fileURLToPath(new URL("../../packages/server/bin/corral-server.js", import.meta.url));

function scram(user: string, password: string): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [command, "scram", user], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
    child.stdin?.end(password);
  });
}

/** As the command prints it. */
let bob: string;
beforeAll(async () => {
  const { stdout } = await scram("bob", "päß, wört\n");
  bob = stdout.trim();
});

let server: Server | undefined;
let logger: RecordingLogger;
const clients: Client[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await server?.close();
  server = undefined;
});

async function start(settings: ServerSettings): Promise<Server> {
  logger = new RecordingLogger();
  server = await startServer({ ...settings, logger });
  return server;
}

function open(sasl: Partial<SaslOptions>, at = server?.connectString ?? ""): Promise<Client> {
  const all = { mechanism: "SCRAM-SHA-256", username: "bob", password: "päß, wört", ...sasl } as SaslOptions;
  return connect(at, { sasl: all }).then((client) => {
    clients.push(client);
    return client;
  });
}

/** Tries until it has been refused, and gives what the client says of it. */
async function refusal(sasl: Partial<SaslOptions>): Promise<string> {
  const giveUp = new AbortController();
  const all = { mechanism: "SCRAM-SHA-256", username: "bob", password: "päß, wört", ...sasl } as SaslOptions;
  const connecting = connect(server?.connectString ?? "", { sasl: all, signal: giveUp.signal });
  const gone = connecting.then(
    () => "connected",
    () => "given up",
  );
  const { reason } = (await logger.line("authentication failed (SASL)")).fields as { reason: string };
  giveUp.abort();
  expect(await gone).toBe("given up");
  return reason;
}

test("the command asks for what it needs", async () => {
  expect(bob).toMatch(/^bob:SCRAM-SHA-256\$16384:[\w+/]{22}==\$[\w+/]{43}=:[\w+/]{43}=$/);
  expect(await scram("bob", "")).toMatchObject({ code: 2, stderr: expect.stringContaining("no password") });
  const notForVariable =
    "corral-server: CORRAL_SASL_USERS cannot hold this line: commas and spaces separate users there. Put it into the JSON file.\n";
  for (const user of ["a,b", "a b"]) {
    const printed = await scram(user, "x");
    expect(printed).toMatchObject({ code: 0, stderr: notForVariable });
    expect(printed.stdout).toContain(`${user}:SCRAM-SHA-256$`);
  }
  expect(await scram("b:ob", "x")).toMatchObject({ code: 2, stderr: expect.stringContaining("no colon") });
});

test("who proves the password has the identity of its user, on every connection", async () => {
  await start({ saslUsers: [bob, "alice:secret"], saslSuperUser: "alice", enforcedAuthSchemes: ["sasl"] });
  await using proxy = await FaultProxy.start(server?.connectString ?? "");
  const client = await open({}, proxy.connectString);
  await client.create("/bobs", "x", { acl: [{ perms: 31, id: { scheme: "sasl", id: "bob" } }] });
  const suspended = new Promise<void>((resolve) => {
    client.on("state", ({ state }) => state === "suspended" && resolve());
  });
  proxy.cut();
  await suspended;
  await client.set("/bobs", "y");
  expect(await client.whoAmI()).toContainEqual({ authScheme: "sasl", user: "bob" });
  const alice = await open({ username: "alice", password: "secret" });
  await alice.delete("/bobs");
});

test.each([
  ["a wrong password", { password: "pass" }, 'wrong user or password ("bob")'],
  ["a user that there is not", { username: "nobody" }, 'wrong user or password ("nobody")'],
  ["a mechanism that is not offered", { mechanism: "DIGEST-MD5" }, "it means DIGEST-MD5, which is not offered"],
] as const)("%s: refused, and the log says why", async (_, sasl, reason) => {
  await start({ saslUsers: [bob], saslMechanisms: ["SCRAM-SHA-256"] });
  expect(await refusal(sasl)).toBe(`authentication failed (SASL): ${reason}`);
});

test("who has a verifier and comes with DIGEST-MD5 is refused, and the log says what to use", async () => {
  await start({ saslUsers: [bob] });
  expect(await refusal({ mechanism: "DIGEST-MD5" })).toBe(
    'authentication failed (SASL): "bob" has a SCRAM-SHA-256 verifier, which DIGEST-MD5 cannot use: let its client use SCRAM-SHA-256',
  );
});

test("a client tells what the server said, and nobody who lacks the password learns who there is", async () => {
  const { clientPort } = await start({ saslUsers: [bob] });
  const answers: unknown[] = [];
  for (const name of ["bob", "nobody"]) {
    const raw = await RawConnection.withSession(clientPort);
    const { body } = await raw.call("sasl", { token: Buffer.from(`n,,n=${name},r=abc`) });
    const challenge = Buffer.from(operations.sasl.response.read(new Reader(body)).token ?? []).toString();
    const [, nonce = "", salt = "", iterations] = /^r=abc(.*),s=(.*),i=(\d+)$/.exec(challenge) ?? [];
    raw.send("sasl", { token: Buffer.from(`c=biws,r=abc${nonce},p=${"A".repeat(43)}=`) });
    const { header } = await raw.reply();
    await raw.closed;
    answers.push([nonce.length, salt.length, iterations, header.err, header.zxid]);
  }
  expect(answers[0]).toEqual([32, 24, "16384", ErrorCode.AuthFailed, 0]);
  expect(answers[1]).toEqual(answers[0]);
});

test("what is no user's line is refused with the setting's name", async () => {
  await expect(startServer({ saslUsers: [bob, "eve:SCRAM-SHA-256$1:x"] })).rejects.toThrow(
    /saslUsers\.1: must be user:password, or user:SCRAM-SHA-256\$iterations/,
  );
  await expect(startServer({ saslUsers: [bob], saslMechanisms: [] })).rejects.toThrow(
    /saslMechanisms: must be some of/,
  );
});
