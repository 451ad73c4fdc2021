/** SASL on the server: our client authenticates by DIGEST-MD5, and who has the wrong password is told. */
import { type Client, connect } from "@corral/client";
import { ErrorCode, operations, Reader } from "@corral/protocol";
import { type Server, type ServerSettings, startServer } from "@corral/server";
import { afterEach, expect, test } from "vitest";
import { RawConnection } from "../support/raw-connection.ts";
import { RecordingLogger } from "../support/recording-logger.ts";

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

async function open(username: string, password: string): Promise<Client> {
  const client = await connect(server?.connectString ?? "", { sasl: { mechanism: "DIGEST-MD5", username, password } });
  clients.push(client);
  return client;
}

test("who proves a password has the identity of its user, and access lists know it", async () => {
  await start({ saslUsers: ["bob:a:secret", "müller:päß, wört"], enforcedAuthSchemes: ["sasl"] });
  const bob = await open("bob", "a:secret");
  expect(await bob.whoAmI()).toContainEqual({ authScheme: "sasl", user: "bob" });
  await bob.create("/bobs", Buffer.from("x"), { acl: [{ perms: 31, id: { scheme: "sasl", id: "bob" } }] });
  const other = await open("müller", "päß, wört");
  await expect(other.get("/bobs")).rejects.toMatchObject({ code: "NoAuth" });
  expect(Buffer.from((await bob.get("/bobs")).data as Uint8Array).toString()).toBe("x");
});

test("the superuser may do everything", async () => {
  await start({ saslUsers: ["bob:secret", "root:other"], saslSuperUser: "root" });
  const bob = await open("bob", "secret");
  await bob.create("/bobs", Buffer.from("x"), { acl: [{ perms: 31, id: { scheme: "sasl", id: "bob" } }] });
  await (await open("root", "other")).delete("/bobs");
});

test.each(["bob", "nobody"])("%s with a wrong password: AuthFailed, and the log says who", async (username) => {
  const { clientPort } = await start({ saslUsers: ["bob:secret"] });
  const raw = await RawConnection.withSession(clientPort);
  const { body } = await raw.call("sasl", { token: Buffer.alloc(0) });
  const challenge = Buffer.from(operations.sasl.response.read(new Reader(body)).token ?? []).toString();
  const nonce = /nonce="([^"]+)"/.exec(challenge)?.[1] ?? "";
  raw.send("sasl", { token: Buffer.from(`${answerOf(username, nonce)},response=${"0".repeat(32)}`) });
  const refusal = await raw.reply();
  expect(refusal.header.err).toBe(ErrorCode.AuthFailed);
  // With a body, as no other error has: Java's client reads the token before it looks at the code.
  expect(refusal.body).toEqual(Buffer.from([255, 255, 255, 255]));
  await raw.closed;
  expect((await logger.line(`wrong user or password ("${username}")`)).message).toBe("connection closed");
});

test("a proof counts for one challenge only", async () => {
  const { clientPort } = await start({ saslUsers: ["bob:secret"] });
  const raw = await RawConnection.withSession(clientPort);
  await raw.call("sasl", { token: Buffer.alloc(0) });
  raw.send("sasl", { token: Buffer.from(answerOf("bob", "old")) });
  await raw.closed;
  await logger.line("it answers another challenge");
});

/** An answer to the challenge with this nonce, but for the proof. */
function answerOf(username: string, nonce: string): string {
  return `username="${username}",realm="zk-sasl-md5",nonce="${nonce}",nc=00000001,cnonce="x",digest-uri="zookeeper/zk-sasl-md5"`;
}
