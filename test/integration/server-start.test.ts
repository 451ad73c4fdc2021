/** A start that fails leaves nothing behind, and who comes while a server starts is served when it does. */
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server as NetServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Disk, type Listener, nodeDisk, nodeListener } from "@corral/io";
import { openAcl, zxidEpoch } from "@corral/protocol";
import { type Server, startServer } from "@corral/server";
import { afterEach, beforeEach, expect, test } from "vitest";
import { server as certificate } from "../support/certificates.ts";
import { RawConnection } from "../support/raw-connection.ts";

let server: Server | undefined;
let other: NetServer | undefined;
let directory: string;
let dataDir: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "corral-start-"));
  dataDir = join(directory, "data");
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  other?.close();
  await rm(directory, { recursive: true });
});

test.each(["clientPort", "secureClientPort"])("a start that finds its %s taken uses up no epoch", async (port) => {
  const files = { tlsCertFile: join(directory, "cert.pem"), tlsKeyFile: join(directory, "key.pem") };
  await writeFile(files.tlsCertFile, certificate.cert);
  await writeFile(files.tlsKeyFile, certificate.key);
  other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const taken = { [port]: (other.address() as AddressInfo).port };
  for (let i = 0; i < 3; i++) {
    await expect(startServer({ dataDir, ...(port === "secureClientPort" && files), ...taken })).rejects.toMatchObject({
      code: "EADDRINUSE",
    });
  }
  server = await startServer({ dataDir });
  const client = await RawConnection.withSession(server.clientPort);
  const { header } = await client.call("create", { path: "/a", data: null, acl: openAcl, flags: 0 });
  expect(zxidEpoch(header.zxid)).toBe(1);
});

/** Somebody who comes as soon as the port can be had. */
function withNewcomer(onCome: (newcomer: RawConnection) => void): Listener {
  return {
    async listen(address, onStream) {
      const listening = await nodeListener.listen(address, onStream);
      const newcomer = await RawConnection.open(listening.address.port);
      onCome(newcomer);
      return listening;
    },
  };
}

test("who comes before the server serves is served when it does", async () => {
  let served: Promise<unknown> | undefined;
  const listener = withNewcomer((newcomer) => {
    served = newcomer.handshake();
  });
  server = await startServer({ dataDir, listener });
  await served;
  expect(server.sessionCount).toBe(1);
});

test("and is turned away when it never will", async () => {
  let newcomer: RawConnection | undefined;
  const listener = withNewcomer((one) => {
    newcomer = one;
  });
  const broken = new Error("EIO");
  const disk: Disk = {
    ...nodeDisk,
    rename: () => Promise.reject(broken),
  };
  await expect(startServer({ dataDir, listener, disk })).rejects.toThrow("EIO");
  expect(newcomer).toBeDefined();
  await newcomer?.closed;
});
