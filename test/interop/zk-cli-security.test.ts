/** Apache's Java client on our server over TLS with a certificate, and by SASL. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Server, startServer } from "@corral/server";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ca, client, server as ours } from "../support/certificates.ts";
import { Dialogue } from "../support/dialogue.ts";
import { hasZkCli } from "../support/peers.ts";

const jars = [
  "zookeeper",
  "slf4j-api",
  "netty-buffer",
  "netty-codec",
  "netty-common",
  "netty-handler",
  "netty-resolver",
  "netty-transport",
  "netty-transport-native-unix-common",
]
  .map((name) => `/usr/share/java/${name}.jar`)
  .join(":");

describe.runIf(hasZkCli())("the shell of Apache's Java client", () => {
  let directory: string;
  let server: Server | undefined;
  let shell: Dialogue | undefined;
  const at = (name: string): string => join(directory, name);

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "corral-zkcli-"));
  });
  afterEach(async () => {
    shell?.kill();
    await server?.close();
    await rm(directory, { recursive: true, force: true });
  });

  function begin(connectString: string, properties: Readonly<Record<string, string>>): Dialogue {
    const flags = Object.entries(properties).map(([name, value]) => `-D${name}=${value}`);
    // Not by its script, whose class path lacks what the client needs for TLS.
    shell = new Dialogue("java", [
      "-cp",
      jars,
      ...flags,
      "org.apache.zookeeper.ZooKeeperMain",
      "-server",
      connectString,
    ]);
    return shell;
  }

  test("comes in over TLS with its certificate", async () => {
    await writeFile(at("server.pem"), `${ours.cert}\n${ours.key}\n`);
    await writeFile(at("ca.pem"), `${ca}\n`);
    await writeFile(at("client.pem"), `${client.key}\n${client.cert}\n`);
    server = await startServer({ secureClientPort: 0, tlsCertFile: at("server.pem"), tlsCaFile: at("ca.pem") });
    const a = begin(`localhost:${server.secureClientPort}`, {
      "zookeeper.client.secure": "true",
      "zookeeper.clientCnxnSocket": "org.apache.zookeeper.ClientCnxnSocketNetty",
      "zookeeper.ssl.keyStore.location": at("client.pem"),
      "zookeeper.ssl.keyStore.type": "PEM",
      "zookeeper.ssl.trustStore.location": at("ca.pem"),
      "zookeeper.ssl.trustStore.type": "PEM",
    });
    await a.until(/state:SyncConnected/);
    await a.ask("whoami", /x509[\s\S]*CN=a client/);
    await a.ask("create /mine secret auth::cdrwa", /Created \/mine/);
    await a.ask("getAcl /mine", /'x509,'CN=a client\s*: cdrwa/);
    await a.ask("get /mine", /secret/);
    a.say("quit");
    expect(await a.exitCode()).toBe(0);
  });

  test("authenticates by SASL DIGEST-MD5", async () => {
    await writeFile(
      at("jaas.conf"),
      'Client { org.apache.zookeeper.server.auth.DigestLoginModule required username="bob" password="secret"; };\n',
    );
    server = await startServer({ saslUsers: ["bob:secret"], enforcedAuthSchemes: ["sasl"] });
    const a = begin(server.connectString, { "java.security.auth.login.config": at("jaas.conf") });
    await a.until(/state:SaslAuthenticated/);
    await a.ask("whoami", /sasl[\s\S]*bob/);
    await a.ask("create /mine secret sasl:bob:cdrwa", /Created \/mine/);
    await a.ask("get /mine", /secret/);
    a.say("quit");
    expect(await a.exitCode()).toBe(0);
  });

  test("is told that its password is wrong", async () => {
    await writeFile(
      at("jaas.conf"),
      'Client { org.apache.zookeeper.server.auth.DigestLoginModule required username="bob" password="wrong"; };\n',
    );
    server = await startServer({ saslUsers: ["bob:secret"] });
    const a = begin(server.connectString, { "java.security.auth.login.config": at("jaas.conf") });
    await a.until(/state:AuthFailed/);
    await a.ask("get /", /Not connected/);
  });
});
