/** The command with a config file, the environment and an admin port; and what it makes of Apache's files. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { server as serverCertificate } from "../support/certificates.ts";
import { fourLetterWord } from "../support/four-letter-word.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { ServerProcess } from "../support/server-process.ts";

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
if (!hasIpv6) process.stderr.write("\n  SKIPPED: this machine has no IPv6, so nobody comes by it\n\n");

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "corral-config-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test("a zoo.cfg as it is: start, what it has no use for is warned about, and flags count before it", async () => {
  const config = join(directory, "zoo.cfg");
  const data = join(directory, "data");
  await writeFile(
    config,
    `tickTime=500\ninitLimit=10\ndataDir=${data}\nclientPort=1\n4lw.commands.whitelist=*\nadmin.serverPort=0\nfoo=1\n`,
  );
  const server = await ServerProcess.start(["start", "--config", config, "--client-port", "0"]);
  const url = /^Corral admin server: (\S+)$/.exec(server.stdout[0] ?? "")?.[1];
  expect(server.stdout[1]).toBe(`Corral server ready: listening on 127.0.0.1:${server.port} (data in ${data})`);
  // On every address, as with Apache: those of IPv6 as well.
  if (hasIpv6) expect(await fourLetterWord(server.port, "ruok", "::1")).toBe("imok");
  expect(server.stderr).toContain(`${config}: foo: no such key in zoo.cfg; it has no effect`);
  expect(server.stderr).not.toContain("initLimit");
  expect(await fourLetterWord(server.port, "conf")).toContain("tickTime=500\n");
  const health = await fetch(`${url}/health`);
  expect([health.status, await health.json()]).toEqual([200, { live: true, ready: true, reasons: [], warnings: [] }]);

  const client = await RawConnection.withSession(server.port);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  await client.closed;
});

test("every address of the machine, for clients and for the admin port", async () => {
  const token = "0123456789abcdef0123456789abcdef";
  const hosts = ["--host", "*", "--admin-host", "*", "--admin-port", "0"];
  const server = await ServerProcess.start(["start", "--memory", "--client-port", "0", ...hosts], {
    CORRAL_ADMIN_TOKEN: token,
  });
  const url = /^Corral admin server: (http:\/\/127\.0\.0\.1:\d+)$/.exec(server.stdout[0] ?? "")?.[1] ?? "";
  expect((await fetch(`${url}/health`)).status).toBe(200);
  expect(await fourLetterWord(server.port, "ruok")).toBe("imok");
  if (hasIpv6) {
    expect((await fetch(`${url.replace("127.0.0.1", "[::1]")}/health`)).status).toBe(200);
    expect(await fourLetterWord(server.port, "ruok", "::1")).toBe("imok");
  }
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

test("a secure port in use, and its address, are called by their names", async () => {
  const first = await ServerProcess.start(["--memory", "--client-port", "0", "--log-level", "silent"]);
  const pem = join(directory, "server.pem");
  await writeFile(pem, `${serverCertificate.cert}\n${serverCertificate.key}\n`);
  const usual = ["--memory", "--client-port", "0", "--tls-cert", pem, "--log-level", "silent"];
  expect(await ServerProcess.fails([...usual, "--secure-client-port", String(first.port)])).toEqual({
    code: 1,
    stderr: `corral-server: Port ${first.port} is in use by another program. Stop it, or choose another port with --secure-client-port.\n`,
  });
  // 192.0.2.0/24 is nobody's: it is kept for documents.
  const elsewhere = [...usual, "--secure-client-port", "0", "--secure-host", "192.0.2.1"];
  expect(await ServerProcess.fails(elsewhere)).toEqual({
    code: 1,
    stderr: "corral-server: 192.0.2.1 is no address of this machine. Choose another with --secure-host.\n",
  });
  await first.stop();
});

test("settings as JSON, and variables before them", async () => {
  const config = join(directory, "corral.json");
  await writeFile(config, JSON.stringify({ clientPort: 1, fourLetterWords: ["conf"], tickMs: 300 }));
  const variables = {
    CORRAL_CONFIG: config,
    CORRAL_CLIENT_PORT: "0",
    CORRAL_MEMORY: "true",
    CORRAL_LOG_LEVEL: "silent",
  };
  const server = await ServerProcess.start([], variables);
  expect(await fourLetterWord(server.port, "conf")).toContain("tickTime=300\n");
  expect(server.stderr).toBe("");
  await server.stop();
});

test("what a file cannot set is refused by its name: what programs give startServer beside the settings", async () => {
  const config = join(directory, "corral.json");
  for (const key of ["random", "logger"]) {
    await writeFile(config, JSON.stringify({ [key]: {} }));
    const { code, stderr } = await ServerProcess.fails(["--memory", "--client-port", "0", "--config", config]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: `corral-server: ${key} in ${config}: no such setting\n` });
  }
});

test("a mistyped dataDir is told by its name, and not that there is none", async () => {
  const config = join(directory, "corral.json");
  await writeFile(config, JSON.stringify({ dataDirs: directory, colour: "red" }));
  expect(await ServerProcess.fails(["--config", config])).toEqual({
    code: 2,
    stderr:
      `corral-server: dataDirs in ${config}: no such setting; did you mean dataDir?; ` +
      `colour in ${config}: no such setting\n`,
  });
});

test("the data of an Apache ZooKeeper is not taken for an empty directory", async () => {
  await mkdir(join(directory, "version-2"));
  const config = join(directory, "zoo.cfg");
  await writeFile(config, `dataDir=${directory}\nclientPort=0\n`);
  const { code, stderr } = await ServerProcess.fails(["--config", config]);
  expect(stderr).toContain(`${directory} holds the data of an Apache ZooKeeper (version-2)`);
  expect(stderr).toContain(`dataDir in ${config}`);
  expect(code).toBe(1);
});

test("an admin port in use is called by its name", async () => {
  const first = await ServerProcess.start(["--memory", "--client-port", "0", "--log-level", "silent"]);
  const args = ["--memory", "--client-port", "0", "--admin-port", String(first.port), "--log-level", "silent"];
  expect(await ServerProcess.fails(args)).toEqual({
    code: 1,
    stderr: `corral-server: Port ${first.port} is in use by another program. Stop it, or choose another port with --admin-port.\n`,
  });
  await first.stop();
});

test("a variable that there is not, and a limit that would stop the server, are refused in its operator's words", async () => {
  const args = ["--memory", "--client-port", "0", "--log-level", "silent"];
  expect(await ServerProcess.fails(args, { variables: { CORRAL_ENFORCED_AUTH: "x509" } })).toEqual({
    code: 2,
    stderr:
      "corral-server: CORRAL_ENFORCED_AUTH: no such variable; for --enforced-auth set CORRAL_ENFORCED_AUTH_SCHEMES.\n",
  });
  const variables = { CORRAL_LIMITS_MAX_TURN_REQUESTS: "0" };
  expect(await ServerProcess.fails(args, { variables })).toEqual({
    code: 2,
    stderr: "corral-server: CORRAL_LIMITS_MAX_TURN_REQUESTS: must be at least 1 (the default is 10000)\n",
  });
});
