/**
 * What V8 takes for granted of a process, and compiles by, must not turn out wrong while a server serves: it would throw away nearly all
 * of its code at once (packages/io/src/node/http-server.ts). V8 tells of it, where it is asked to, on standard output.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RawConnection } from "../support/raw-connection.ts";
import { ServerProcess } from "../support/server-process.ts";

const token = "a-token-for-these-tests";
const traced = `import { setFlagsFromString } from "node:v8"; setFlagsFromString("--trace-protector-invalidation");`;

const isInvalidation = (line: string): boolean => line.includes("Invalidating protector");

let directory: string;
let server: ServerProcess | undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "corral-first-request-"));
});
afterEach(async () => {
  await server?.kill();
  await rm(directory, { recursive: true, force: true });
});

test("the first requests of the admin port, snapshot and restore among them, change nothing that compiled code depends on", async () => {
  server = await ServerProcess.start(["start", "--data-dir", directory, "--client-port", "0", "--admin-port", "0"], {
    CORRAL_ADMIN_TOKEN: token,
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(traced)}`,
  });
  const { stdout } = server;
  const before = stdout.splice(0);
  expect(before).toContain("Invalidating protector cell ArrayBufferDetaching");
  const url = /^Corral admin server: (.*)$/m.exec(before.join("\n"))?.[1];
  const ask = async (path: string, body?: Uint8Array): Promise<Uint8Array> => {
    const method = body === undefined ? "GET" : "POST";
    const init = { method, headers: { authorization: `Bearer ${token}` }, ...(body && { body }) };
    const response = await fetch(new URL(path, url), init);
    expect(response.status).toBe(200);
    return new Uint8Array(await response.arrayBuffer());
  };
  // There is no snapshot of nothing.
  await RawConnection.withSession(server.port);
  for (const path of ["/health", "/metrics", "/commands/monitor"]) await ask(path);
  await ask("/commands/restore", await ask("/commands/snapshot"));
  await server.stop();
  expect(stdout.at(-1)).toBe("Corral server stopped");
  expect(stdout.filter(isInvalidation)).toEqual([]);
});
