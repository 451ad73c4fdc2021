/** TLS on the admin port, and certificates that are read again when an administrator asks for it. */
import { once } from "node:events";
import { renameSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { raiseEpoch } from "@corral/cli";
import { connect } from "@corral/client";
import { type Clock, httpRequest, nodeClock, type TlsOptions } from "@corral/io";
import { type Server, type ServerOptions, startServer } from "@corral/server";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ca, client, foreign, server as serverCertificate } from "../support/certificates.ts";
import { RecordingLogger } from "../support/recording-logger.ts";
import { ServerProcess } from "../support/server-process.ts";

const adminToken = "a token of more than 16";
const headers = { authorization: `Bearer ${adminToken}` };

let directory: string;
let files: { tlsCertFile: string; tlsKeyFile: string };
let logger: RecordingLogger;
let server: Server | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "corral-admin-tls-"));
  files = {
    tlsCertFile: await put("cert.pem", serverCertificate.cert),
    tlsKeyFile: await put("key.pem", serverCertificate.key),
  };
  logger = new RecordingLogger();
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await rm(directory, { recursive: true, force: true });
});

async function put(name: string, text: string): Promise<string> {
  await writeFile(join(directory, name), text);
  return join(directory, name);
}

async function start(settings: ServerOptions = {}): Promise<URL> {
  const limits = { handshakeMs: 120_000 };
  server = await startServer({ adminPort: 0, adminToken, adminTls: "only", limits, ...files, ...settings, logger });
  return new URL(server.adminUrl ?? "");
}

function ask(url: URL, path: string, tls: TlsOptions = { ca }, method: "GET" | "POST" = "GET") {
  return httpRequest(new URL(path, url), { method, headers, tls });
}

describe("TLS alone", () => {
  test("is answered with the certificate of the ports for clients; clear text is refused, and the log says why", async () => {
    const url = await start();
    expect(url.protocol).toBe("https:");
    expect(await ask(url, "/commands/ruok")).toMatchObject({ status: 200, body: expect.stringContaining('"ruok"') });
    expect((await ask(url, "/metrics")).body).toContain("corral_tls_certificate_expiry_timestamp_seconds");
    await expect(httpRequest(`http://${url.host}/health`)).rejects.toThrow();
    await logger.line("it does not speak TLS");
    // Nobody else's authority has signed it.
    await expect(ask(url, "/health", {})).rejects.toThrow(/certificate/);
  });

  test("the token is asked for all the same", async () => {
    const url = await start();
    expect(await httpRequest(new URL("/commands/ruok", url), { tls: { ca } })).toMatchObject({ status: 401 });
    expect(await httpRequest(new URL("/health", url), { tls: { ca } })).toMatchObject({ status: 200 });
  });

  test("a snapshot of megabytes comes and goes; the command's request begins a later epoch", async () => {
    const url = await start({ dataDir: join(directory, "data") });
    const before = await connect(server?.connectString ?? "");
    for (const name of ["/a", "/b", "/c"]) await before.create(name, Buffer.alloc(900_000, "0123456789abcdef-"));
    const file = await download(new URL("/commands/snapshot", url));
    await before.delete("/b");
    await before.close();
    const restored = await httpRequest(new URL("/commands/restore", url), {
      method: "POST",
      headers,
      body: file,
      tls: { ca },
    });
    expect(restored).toMatchObject({ status: 200, body: expect.stringContaining('"error" : null') });
    const after = await connect(server?.connectString ?? "");
    expect((await after.get("/b")).data).toHaveLength(900_000);
    await after.close();
    await raiseEpoch({ url: url.href, token: adminToken, tls: { ca } }, 5_000n << 32n);
    await expect(raiseEpoch({ url: url.href, token: adminToken }, 1n)).rejects.toThrow(
      /is the URL right\? \(.*certificate/,
    );
  });

  test("the server ends though somebody is silent and somebody keeps a connection", async () => {
    const url = await start({ limits: { handshakeMs: 3_600_000 } });
    const silent = connectTcp(Number(url.port), url.hostname);
    silent.on("error", () => silent.destroy());
    await once(silent, "connect");
    const agent = new Agent({ ca, keepAlive: true });
    const kept = request(new URL("/health", url), { agent }).end();
    const [answer] = await once(kept, "response");
    answer.resume();
    await once(answer, "end");
    const gone = once(silent.resume(), "close");
    await server?.close();
    await gone;
    agent.destroy();
  });
});

test("both on one port: the first byte tells", async () => {
  const url = await start({ adminTls: "both" });
  expect(url.protocol).toBe("http:");
  expect(await ask(url, "/commands/ruok")).toMatchObject({ status: 200 });
  expect(await ask(new URL(`https://${url.host}`), "/commands/ruok")).toMatchObject({ status: 200 });
});

test("a certificate and an authority of its own: who calls must show a good certificate", async () => {
  const url = await start({
    adminTlsCertFile: await put("admin.pem", `${serverCertificate.cert}\n${serverCertificate.key}\n`),
    adminTlsCaFile: await put("ca.pem", ca),
    adminTlsClientAuth: "need",
    tlsCertFile: undefined,
    tlsKeyFile: undefined,
  });
  expect(await ask(url, "/health", { ca, ...client })).toMatchObject({ status: 200 });
  await expect(ask(url, "/health", { ca })).rejects.toThrow(
    /^the server refuses the client's certificate, or that it shows none: [^:\n]*certificate required$/,
  );
  await logger.line("it shows no certificate");
  await expect(ask(url, "/health", { ca, ...foreign })).rejects.toThrow();
  await logger.line("its certificate is not to be trusted");
});

describe("reload_certificates", () => {
  test("says what was read, for the ports of clients and for its own; new connections are met with it", async () => {
    const own = await put("admin.pem", `${serverCertificate.cert}\n${serverCertificate.key}\n`);
    const url = await start({ secureClientPort: 0, adminTlsCertFile: own });
    expect(await ask(url, "/commands/reload_certificates")).toMatchObject({ status: 405 });
    await put("cert.pem", client.cert);
    await put("key.pem", client.key);
    const { status, body } = await ask(url, "/commands/reload_certificates", { ca }, "POST");
    expect({ status, ...JSON.parse(body) }).toEqual({
      status: 200,
      command: "reload_certificates",
      error: null,
      certificates: [
        { file: files.tlsCertFile, subject: "CN=a client", not_after: "2126-10-27T12:32:04.000Z" },
        { file: own, subject: "CN=localhost", not_after: "2126-10-27T12:32:04.000Z" },
      ],
    });
    const met = connectTls({ port: Number(server?.secureClientPort), host: "localhost", rejectUnauthorized: false });
    await once(met, "secureConnect");
    expect(met.getPeerCertificate().subject.CN).toBe("a client");
    met.destroy();
  });

  test("says why new ones cannot be used; the ones before stay", async () => {
    const url = await start();
    await put("cert.pem", client.cert);
    const { status, body } = await ask(url, "/commands/reload_certificates", { ca }, "POST");
    expect(status).toBe(409);
    expect(JSON.parse(body)).toMatchObject({
      command: "reload_certificates",
      error: expect.stringMatching(
        /^the certificates before stay: tlsKeyFile: .*key\.pem is not the private key of .*cert\.pem$/,
      ),
    });
    expect(await ask(url, "/health")).toMatchObject({ status: 200 });
    expect((await ask(url, "/metrics")).body).toMatch(/^corral_tls_reload_failures_total [1-9]/m);
  });

  test("a change is told once, though two ports show it and several files have changed", async () => {
    const live = join(directory, "live");
    // All files change in one step, as with who keeps them behind a link.
    const show = async (name: string, cert: string, key: string) => {
      await mkdir(join(directory, name));
      await put(`${name}/cert.pem`, cert);
      await put(`${name}/key.pem`, key);
      await symlink(name, `${live}.new`);
      renameSync(`${live}.new`, live);
    };
    await show("good", serverCertificate.cert, serverCertificate.key);
    const [tlsCertFile, tlsKeyFile] = [join(live, "cert.pem"), join(live, "key.pem")];
    const url = await start({ adminTls: "both", secureClientPort: 0, tlsCertFile, tlsKeyFile });
    await show("mixed", client.cert, serverCertificate.key);
    await logger.line("is not the private key");
    await show("none", "no certificate", client.key);
    await logger.line("holds no certificate");
    const { body: metrics } = await httpRequest(new URL("/metrics", url), { headers });
    expect(metrics).toMatch(/^corral_tls_reload_failures_total 2$/m);
    await show("new", client.cert, client.key);
    await logger.line("certificates were read again");
    const told = logger.lines.filter(({ fields }) => "certFile" in fields);
    expect(told.map(({ level, fields: { certFile, reason } }) => ({ level, certFile, reason }))).toEqual([
      {
        level: "error",
        certFile: tlsCertFile,
        reason: `tlsKeyFile: ${tlsKeyFile} is not the private key of the first certificate in ${tlsCertFile}`,
      },
      { level: "error", certFile: tlsCertFile, reason: `tlsCertFile: ${tlsCertFile} holds no certificate in PEM` },
      { level: "info", certFile: tlsCertFile, reason: undefined },
    ]);
    const { body } = await httpRequest(new URL("/commands/reload_certificates", url), { method: "POST", headers });
    expect(JSON.parse(body).certificates).toMatchObject([{ file: tlsCertFile, subject: "CN=a client" }]);
  });

  test("is for who shows the token, and for servers that speak TLS", async () => {
    const url = await start({ adminTls: "none" });
    expect(await ask(url, "/commands/reload_certificates", {}, "POST")).toMatchObject({ status: 409 });
    await server?.close();
    const open = await start({ adminTls: "none", adminToken: undefined });
    expect(await ask(open, "/commands/reload_certificates", {}, "POST")).toMatchObject({ status: 403 });
  });
});

describe("a certificate's end", () => {
  const expiry = Date.parse("2126-10-27T12:32:04.000Z");
  const warningsOf = async (url: URL) => JSON.parse((await ask(url, "/health")).body).warnings;
  /** A clock whose date and timers a test sets. */
  const testClock = (startMs: number) => {
    const date = { nowMs: startMs };
    const looks: (() => void)[] = [];
    const setTimer: Clock["setTimer"] = (delayMs, callback) => {
      if (delayMs < 3_600_000) return nodeClock.setTimer(delayMs, callback);
      looks.push(callback);
      return { cancel: () => undefined };
    };
    const clock = { elapsedMs: () => nodeClock.elapsedMs(), wallMs: () => date.nowMs, setTimer };
    return { clock, date, looks };
  };

  test("is warned of in the log and by /health, before and after, once however many ports show it", async () => {
    const { clock, looks, date } = testClock(expiry - 15 * 24 * 3_600_000);
    const url = await start({ clock, secureClientPort: 0 });
    expect(await warningsOf(url)).toEqual([]);
    date.nowMs = expiry - 14 * 24 * 3_600_000;
    const soon = `the certificate in ${files.tlsCertFile} expires at 2126-10-27T12:32:04.000Z: put a new one in its place before`;
    expect(await warningsOf(url)).toEqual([soon]);
    const lines = () =>
      logger.lines.filter(({ level, message }) => level === "warn" && message.includes("the certificate"));
    expect(lines()).toEqual([]);
    const look = () => looks.shift()?.();
    look();
    look();
    expect(lines().map(({ message }) => message)).toEqual([soon]);
    date.nowMs = expiry;
    look();
    const over = `the certificate in ${files.tlsCertFile} expired at 2126-10-27T12:32:04.000Z: put a new one in its place`;
    expect(lines().map(({ message }) => message)).toEqual([soon, over]);
    expect(await warningsOf(url)).toEqual([over]);
  });

  test("that has been at the start is warned of as well", async () => {
    const { clock } = testClock(expiry);
    await start({ clock });
    await logger.line(`the certificate in ${files.tlsCertFile} expired at`);
  });

  test("keeps it from taking the place of one that is good", async () => {
    const later = {
      tlsCertFile: await put("later.pem", foreign.cert),
      tlsKeyFile: await put("later.key", foreign.key),
    };
    const { clock, date } = testClock(expiry);
    await start({ clock, ...later });
    await put("later.pem", serverCertificate.cert);
    await put("later.key", serverCertificate.key);
    expect(server?.reloadCertificates()).toBe(false);
    await logger.line(`tlsCertFile: ${later.tlsCertFile} expired at 2126-10-27T12:32:04.000Z`);
    // Unless there is none to be kept.
    date.nowMs = Date.parse("2127-01-01");
    expect(server?.reloadCertificates()).toBe(true);
  });
});

test("the command: a zoo.cfg with admin.forceHttps", async () => {
  const both = await put("both.pem", `${serverCertificate.cert}\n${serverCertificate.key}\n`);
  const lines = ["clientPort=0", `dataDir=${join(directory, "data")}`, "admin.serverPort=0", "admin.forceHttps=true"];
  const config = await put("zoo.cfg", `${[...lines, `ssl.quorum.keyStore.location=${both}`].join("\n")}\n`);
  const running = await ServerProcess.start(["--config", config]);
  const url = /^Corral admin server: (https:\S+)$/.exec(running.stdout[0] ?? "")?.[1] ?? "";
  expect(await httpRequest(`${url}/health`, { tls: { ca } })).toMatchObject({ status: 200 });
  expect(await running.stop()).toEqual({ code: 0, signal: null });
});

/** What is not text. */
async function download(url: URL): Promise<Buffer> {
  const [answer] = await once(request(url, { ca, headers }).end(), "response");
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
