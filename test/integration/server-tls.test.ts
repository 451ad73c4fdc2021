/** TLS on the server: a port of its own, or the same as for clear text; certificates of clients, and new ones while it runs. */
import { createPrivateKey } from "node:crypto";
import { copyFile, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { connect as connectTcp, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { type Client, type ClientOptions, connect } from "@corral/client";
import { type Server, type ServerSettings, startServer } from "@corral/server";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  ca,
  client as clientCertificate,
  foreign as foreignCertificate,
  server as serverCertificate,
} from "../support/certificates.ts";
import { fourLetterWord } from "../support/four-letter-word.ts";
import { RecordingLogger } from "../support/recording-logger.ts";
import { ServerProcess } from "../support/server-process.ts";

let directory: string;
let files: { tlsCertFile: string; tlsKeyFile: string; tlsCaFile: string };
let logger: RecordingLogger;
let server: Server | undefined;
const clients: Client[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "corral-tls-"));
  const at = (name: string): string => join(directory, name);
  files = { tlsCertFile: at("cert.pem"), tlsKeyFile: at("key.pem"), tlsCaFile: at("ca.pem") };
  await writeFile(files.tlsCertFile, serverCertificate.cert);
  await writeFile(files.tlsKeyFile, serverCertificate.key);
  await writeFile(files.tlsCaFile, ca);
  logger = new RecordingLogger();
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await server?.close();
  server = undefined;
  await rm(directory, { recursive: true, force: true });
});

async function start(settings: ServerSettings = {}): Promise<Server> {
  server = await startServer({ secureClientPort: 0, ...files, ...settings, logger });
  return server;
}

async function open(port: number | undefined, tls?: ClientOptions["tls"]): Promise<Client> {
  const client = await connect(`localhost:${port}`, tls === undefined ? {} : { tls });
  clients.push(client);
  return client;
}

/** Resolves when the connection is over, however it ends. */
function ended(socket: Socket): Promise<void> {
  socket.on("error", () => socket.destroy());
  return new Promise((resolve) => void socket.resume().once("close", () => resolve()));
}

function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => Promise.reject(new Error("it succeeded")),
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
}

/** Why connections were refused, as the log says. */
const refusals = (): string[] =>
  logger.lines.flatMap(({ message, fields }) => (message === "connection refused" ? [String(fields.reason)] : []));

const withCertificate = { ca, ...clientCertificate };

describe("a port for TLS", () => {
  test("who shows a good certificate comes in under its subject, and access lists know it", async () => {
    const { secureClientPort } = await start();
    const client = await open(secureClientPort, withCertificate);
    expect(await client.whoAmI()).toContainEqual({ authScheme: "x509", user: "CN=a client" });
    await client.create("/mine", Buffer.from("secret"), {
      acl: [{ perms: 31, id: { scheme: "x509", id: "CN=a client" } }],
    });
    const clear = await open(server?.clientPort);
    await expect(clear.get("/mine")).rejects.toMatchObject({ code: "NoAuth" });
    expect(Buffer.from((await client.get("/mine")).data as Uint8Array).toString()).toBe("secret");
  });

  test("the subject that is the superuser's may do everything", async () => {
    const { secureClientPort } = await start({ x509SuperUser: "CN=a client" });
    const clear = await open(server?.clientPort);
    await clear.create("/closed", Buffer.from("x"), { acl: [{ perms: 31, id: { scheme: "x509", id: "CN=other" } }] });
    const client = await open(secureClientPort, withCertificate);
    await client.delete("/closed");
    expect(await clear.exists("/closed")).toBeUndefined();
  });

  test("administrators see which port is for TLS, and who came to it", async () => {
    const { clientPort, secureClientPort, adminUrl } = await start({
      tlsOnClientPort: true,
      adminPort: 0,
      fourLetterWords: ["*"],
    });
    const own = await open(secureClientPort, withCertificate);
    await open(clientPort);
    // As with Apache's `client.portUnification`, the port tells, not what is spoken there.
    await open(clientPort, withCertificate);
    expect(await fourLetterWord(clientPort, "conf")).toContain(
      `clientPort=${clientPort}\nsecureClientPort=${secureClientPort}\n`,
    );
    for (const name of ["connections", "stats"]) {
      const response = await fetch(`${adminUrl}/commands/${name}`);
      const { connections, secure_connections: secure } = (await response.json()) as Record<string, unknown[]>;
      expect([connections?.length, secure?.length], name).toEqual([2, 1]);
    }
    const connections = await fetch(`${adminUrl}/commands/connections`);
    expect(await connections.text()).toMatch(new RegExp(`"secure_connections" : [^]*"session_id" : ${own.sessionId}`));
  });

  test("a large tree of bytes comes through unchanged", async () => {
    const { secureClientPort } = await start();
    const client = await open(secureClientPort, withCertificate);
    const data = Buffer.alloc(900_000, "0123456789abcdef-");
    await client.create("/big", data);
    expect(data.equals((await client.get("/big")).data as Uint8Array)).toBe(true);
  });

  test("who shows none, or one of another authority, or speaks in clear is refused, and the log says why", async () => {
    const { secureClientPort: port } = await start({ tlsClientAuth: "need" });
    const none = connectTls({ host: "localhost", port: Number(port), ca });
    await ended(none);
    await logger.line("it shows no certificate");

    const foreign = connectTls({ host: "localhost", port: Number(port), ca, ...foreignCertificate });
    await ended(foreign);
    await logger.line("its certificate is not to be trusted");

    const clear = connectTcp({ host: "localhost", port: Number(port) }, () => clear.write("ruok"));
    await ended(clear);
    await logger.line("it does not speak TLS");

    const broken = connectTcp({ host: "localhost", port: Number(port) }, () =>
      broken.write("\x16\x03\x01\x00\x05hello"),
    );
    await ended(broken);
    await logger.line("its TLS handshake failed: unexpected message");
  });

  test.each([
    ["none", {}, "it shows no certificate, and all clients must"],
    [
      "one of another authority",
      foreignCertificate,
      "its certificate is not to be trusted: DEPTH_ZERO_SELF_SIGNED_CERT",
    ],
  ])("with TLS 1.2 who shows %s is refused with the same words in the log", async (_, shown, reason) => {
    const { secureClientPort: port } = await start({ tlsClientAuth: "need" });
    await ended(connectTls({ host: "localhost", port: Number(port), ca, maxVersion: "TLSv1.2", ...shown }));
    await logger.line(reason);
    expect(refusals()).toEqual([reason]);
  });

  test("a client that shows none where all must learns it from the server, and does not go on trying", async () => {
    const { secureClientPort: port } = await start();
    const error = await failure(connect(`localhost:${port}`, { tls: { ca }, connectTimeoutMs: 3_600_000 }));
    expect(error).toMatchObject({ name: "NotTrustedError", code: "NotTrusted" });
    expect(error.message).toMatch(
      /the server refuses the client's certificate, or that it shows none: [^:\n]*certificate required\)\. Give .*--tls-cert/,
    );
    await logger.line("it shows no certificate");
    expect(refusals()).toContain("it shows no certificate, and all clients must");
  });

  test.each(["need", "want"] as const)(
    "one of another authority is refused without a word where clients %s",
    async (tlsClientAuth) => {
      const { secureClientPort: port } = await start({ tlsClientAuth });
      const tls = { ca, ...foreignCertificate };
      const giveUp = new AbortController();
      const options = { tls, connectTimeoutMs: 3_600_000, signal: giveUp.signal };
      const failed = failure(connect(`localhost:${port}`, options));
      const reason = "its certificate is not to be trusted: DEPTH_ZERO_SELF_SIGNED_CERT";
      await logger.line(reason);
      expect(refusals()).toEqual([reason]);
      giveUp.abort(new Error("enough"));
      expect((await failed).message).toBe("enough");
    },
  );

  test("where a certificate is only wanted, none will do", async () => {
    const { secureClientPort } = await start({ tlsClientAuth: "want" });
    const client = await open(secureClientPort, { ca });
    expect((await client.whoAmI()).map(({ authScheme }) => authScheme)).toEqual(["ip"]);
  });

  test("who wants no certificate takes those without one", async () => {
    const { secureClientPort } = await start({ tlsClientAuth: "none" });
    const client = await open(secureClientPort, { ca });
    expect((await client.whoAmI()).map(({ authScheme }) => authScheme)).toEqual(["ip"]);
  });

  test("silence ends", async () => {
    const { secureClientPort: port } = await start({ limits: { handshakeMs: 300 } });
    await ended(connectTcp({ host: "localhost", port: Number(port) }));
    await logger.line("no TLS handshake came of it in 300 ms");
  });

  test("who goes away in the middle of the handshake gives its place back at once", async () => {
    const { secureClientPort: port } = await start({ limits: { handshakeMs: 120_000, maxHandshakes: 1 } });
    const hasty = connectTcp({ host: "localhost", port: Number(port) });
    const over = ended(hasty);
    // The beginning of a first message that is said to be 512 bytes long.
    hasty.end(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]));
    await over;
    const client = await open(port, withCertificate);
    await client.create("/after", Buffer.from("x"));
    const reasons = logger.lines.map(({ fields }) => String(fields.reason ?? ""));
    expect(reasons.join()).not.toContain("no TLS handshake came of it");
  });

  test("so many may be silent at once", async () => {
    const { secureClientPort: port } = await start({ limits: { handshakeMs: 120_000, maxHandshakes: 2 } });
    const silent = [1, 2, 3].map(() => connectTcp({ host: "localhost", port: Number(port) }));
    const all = silent.map(ended);
    await logger.line("it was silent, and made room for others (limit maxHandshakes)");
    for (const socket of silent) socket.destroy();
    await Promise.all(all);
    // All of them are forgotten.
    const client = await open(port, withCertificate);
    await client.create("/after", Buffer.from("x"));
  });
});

describe("no port for clear text", () => {
  test("clients, four-letter words and the admin port do without", async () => {
    const { clientPort, secureClientPort, connectString, adminUrl } = await start({
      clientPortEnabled: false,
      fourLetterWords: ["conf"],
      adminPort: 0,
    });
    expect({ clientPort, connectString }).toEqual({ clientPort: 0, connectString: `127.0.0.1:${secureClientPort}` });
    const client = await open(secureClientPort, withCertificate);
    await client.create("/here", Buffer.from("x"));
    const word = connectTls({ host: "localhost", port: Number(secureClientPort), ...withCertificate });
    word.setEncoding("utf8").write("conf");
    let answer = "";
    for await (const text of word) answer += text;
    expect(answer).toContain(`clientPort=-1\nsecureClientPort=${secureClientPort}\n`);
    expect((await fetch(`${adminUrl}/health`)).status).toBe(200);
    expect(await (await fetch(`${adminUrl}/commands/configuration`)).json()).toMatchObject({ client_port: -1 });
    expect(logger.lines.some(({ message }) => message === "listening for clients")).toBe(false);
  });

  test.each([{ secureClientPort: undefined }, { tlsOnClientPort: true }])("not with %j", async (settings) => {
    await expect(start({ clientPortEnabled: false, ...settings })).rejects.toThrow("clientPortEnabled: false leaves");
  });
});

describe("TLS on the port for clear text", () => {
  test("the first byte tells", async () => {
    const { clientPort, secureClientPort } = await start({
      secureClientPort: undefined,
      tlsOnClientPort: true,
      tlsClientAuth: "want",
    });
    expect(secureClientPort).toBeUndefined();
    const secure = await open(clientPort, withCertificate);
    const clear = await open(clientPort);
    await clear.create("/both", Buffer.from("x"));
    expect(await secure.exists("/both")).toBeDefined();
    expect((await clear.whoAmI()).map(({ authScheme }) => authScheme)).toEqual(["ip"]);
  });

  test("without it, TLS on that port is told in the log", async () => {
    const { clientPort } = await start();
    const lost = connectTls({ host: "localhost", port: clientPort, ca });
    await ended(lost);
    await logger.line("it looks like TLS, which this port does not speak");
  });
});

const encryptedKey = createPrivateKey(serverCertificate.key)
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "right" })
  .toString();
const junkKey = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

describe("files that cannot be used keep the server from starting, and the error blames the right one", () => {
  test.each<[string, "cert.pem" | "key.pem" | "ca.pem", string, ServerSettings, string]>([
    [
      "another's key",
      "key.pem",
      clientCertificate.key,
      {},
      "tlsKeyFile: KEY is not the private key of the first certificate in CERT",
    ],
    ["a key that is none", "key.pem", junkKey, {}, "tlsKeyFile: KEY holds a private key that cannot be read"],
    ["no key", "key.pem", serverCertificate.cert, {}, "tlsKeyFile: KEY holds no private key in PEM"],
    [
      "a key nowhere",
      "key.pem",
      "",
      { tlsKeyFile: undefined },
      "tlsKeyFile: must name the file with the private key, since CERT holds no private key in PEM",
    ],
    ["a locked key", "key.pem", encryptedKey, {}, "tlsKeyPassword: is needed: the key is encrypted (KEY)"],
    [
      "a wrong password",
      "key.pem",
      encryptedKey,
      { tlsKeyPassword: "wrong" },
      "tlsKeyPassword: does not open the key: error:",
    ],
    ["no certificate", "cert.pem", "", {}, "tlsCertFile: CERT holds no certificate in PEM"],
    [
      "half a certificate",
      "cert.pem",
      serverCertificate.cert.slice(0, 300),
      {},
      "tlsCertFile: CERT breaks off within a certificate",
    ],
    ["no authority", "ca.pem", "localhost\n", {}, "tlsCaFile: CA holds no certificate in PEM"],
    [
      "no such file",
      "ca.pem",
      ca,
      { tlsCaFile: "/nowhere/ca.pem" },
      "tlsCaFile: /nowhere/ca.pem cannot be read (ENOENT)",
    ],
    [
      "no such cipher",
      "ca.pem",
      ca,
      { tlsCiphers: "FOO" },
      "tlsCiphers: cannot be used: error:0A0000B9:SSL routines::no cipher match",
    ],
  ])("%s", async (_, name, text, settings, message) => {
    await writeFile(join(directory, name), text);
    const paths: Record<string, string> = { KEY: files.tlsKeyFile, CERT: files.tlsCertFile, CA: files.tlsCaFile };
    const expected = message.replace(/\b(KEY|CERT|CA)\b/g, (word) => paths[word] ?? word);
    await expect(start(settings)).rejects.toThrow(`Wrong settings: ${expected}`);
  });

  test("the key opens with the right password", async () => {
    await writeFile(files.tlsKeyFile, encryptedKey);
    const { secureClientPort } = await start({ tlsKeyPassword: "right" });
    expect(await (await open(secureClientPort, withCertificate)).exists("/")).toBeDefined();
  });

  test("the admin port's own key, and the authorities that it shares", async () => {
    const own = join(directory, "admin.key");
    await writeFile(own, clientCertificate.key);
    const admin: ServerSettings = { adminPort: 0, adminTls: "only", secureClientPort: undefined };
    await expect(start({ ...admin, adminTlsCertFile: files.tlsCertFile, adminTlsKeyFile: own })).rejects.toThrow(
      `adminTlsKeyFile: ${own} is not the private key`,
    );
    await writeFile(files.tlsCaFile, "");
    await expect(start(admin)).rejects.toThrow(`tlsCaFile: ${files.tlsCaFile} holds no certificate in PEM`);
  });
});

describe("new certificates", () => {
  test("a changed file counts by itself; what cannot be used does not", async () => {
    const { secureClientPort } = await start();
    const before = await open(secureClientPort, withCertificate);
    await writeFile(`${files.tlsCertFile}.new`, "no certificate");
    await rename(`${files.tlsCertFile}.new`, files.tlsCertFile);
    await logger.line("the new certificates cannot be used");
    await (await open(secureClientPort, withCertificate)).create("/still", Buffer.from("x"));

    await writeFile(files.tlsCertFile, serverCertificate.cert);
    await copyFile(files.tlsCertFile, files.tlsCaFile);
    expect(server?.reloadCertificates()).toBe(true);
    await logger.line("certificates were read again");
    // The authority is another now: who came in before stays, who comes now does not get in.
    expect(await before.exists("/still")).toBeDefined();
    const late = connectTls({ host: "localhost", port: Number(secureClientPort), ...withCertificate });
    await ended(late);
    await logger.line("its certificate is not to be trusted");
  });

  test.each([
    ["that is empty", "", "holds no certificate in PEM"],
    ["that is none", "no certificate", "holds no certificate in PEM"],
    ["that is half written", serverCertificate.cert.slice(0, 300), "breaks off within a certificate"],
    [
      "with a certificate that is none",
      "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
      "holds a certificate that cannot be read",
    ],
  ])("a file of authorities %s is refused, and shuts nobody out", async (_, text, problem) => {
    const { secureClientPort } = await start();
    await writeFile(files.tlsCaFile, text);
    expect(server?.reloadCertificates()).toBe(false);
    await logger.line("the new certificates cannot be used");
    await (await open(secureClientPort, withCertificate)).create("/still", Buffer.from("x"));
    await expect(startServer({ ...files, secureClientPort: 0 })).rejects.toThrow(`${files.tlsCaFile} ${problem}`);
  });

  test("a certificate that no port shows is warned of", async () => {
    await start({ secureClientPort: undefined });
    await logger.line("there are files for TLS that no port uses");
  });

  test("what no port can be opened with", async () => {
    await expect(startServer({ secureClientPort: 0 })).rejects.toThrow("tlsCertFile: must name");
    await expect(startServer({ ...files, secureClientPort: 0, tlsCaFile: undefined, tlsClientAuth: "need" }))
      .rejects //
      .toThrow("tlsCaFile: must name");
  });
});

test("the command: a zoo.cfg with TLS, and SIGHUP", async () => {
  const config = join(directory, "zoo.cfg");
  const both = join(directory, "both.pem");
  await writeFile(both, `${serverCertificate.cert}\n${serverCertificate.key}\n`);
  const lines = [
    `dataDir=${join(directory, "data")}`,
    "secureClientPort=0",
    `ssl.keyStore.location=${both}`,
    `ssl.trustStore.location=${files.tlsCaFile}`,
    "ssl.clientAuth=need",
  ];
  await writeFile(config, `${lines.join("\n")}\n`);
  const running = await ServerProcess.start(["--config", config]);
  const port = Number(/^Corral secure port: (\d+)$/.exec(running.stdout[0] ?? "")?.[1]);
  expect(running.stdout[1]).toContain(`listening on 127.0.0.1:${port} (`);
  const client = await open(port, withCertificate);
  expect(await client.whoAmI()).toContainEqual({ authScheme: "x509", user: "CN=a client" });
  running.process.kill("SIGHUP");
  await expect.poll(() => running.stderr, { timeout: 60_000 }).toContain("certificates were read again");
  await client.close();
  clients.length = 0;
  expect(await running.stop()).toEqual({ code: 0, signal: null });
});
