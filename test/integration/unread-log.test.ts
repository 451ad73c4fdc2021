/** Nobody reads the server's log, or only slowly: a pipe that is full holds up neither others nor the server's end. */
import { once } from "node:events";
import { expect, test } from "vitest";
import { RawConnection } from "../support/raw-connection.ts";
import { ServerProcess } from "../support/server-process.ts";

/** As the audit log goes there, each write is a line: more than a pipe and the bound hold, by a megabyte. */
const writes = 5_000;
const isAudited = ["--memory", "--client-port", "0", "--audit", "true"];
const options = [...isAudited, "--limit", "maxAuditBytes=65536"];

function send(client: RawConnection, count: number): void {
  const request = { path: "/", data: null, version: -1 };
  const requests = Array.from({ length: count }, (_, i) => client.encode("setData", request, i + 1));
  client.socket.write(Buffer.concat(requests));
}

async function write(client: RawConnection, count: number): Promise<void> {
  send(client, count);
  for (let i = 0; i < count; i++) expect((await client.reply()).header.err).toBe(0);
}

const countOf = (text: string): number => text.split('"operation":"setData"').length - 1;

/** Standard error of a server, read by hand. */
function stderrOf(server: ServerProcess): NonNullable<ServerProcess["process"]["stderr"]> {
  const { stderr } = server.process;
  if (stderr === null) throw new Error("standard error is piped");
  return stderr;
}

test("of who stands still it is counted what he missed; at the end the exit code and standard output tell of it", async () => {
  const server = await ServerProcess.start([...options, "--admin-port", "0"]);
  const stderr = stderrOf(server);
  let text = "";
  stderr.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const lost = (): number => Number(/"lost":(\d+),"msg":"lines of the log are lost/.exec(text)?.[1] ?? 0);
  const client = await RawConnection.withSession(server.port);

  stderr.pause();
  await write(client, writes);
  stderr.resume();
  let all = writes;
  for (; lost() === 0; all++) await write(client, 1);
  while (countOf(text) + lost() < all) await once(stderr, "data");
  expect(countOf(text) + lost()).toBe(all);
  expect(lost()).toBeGreaterThan(writes / 2);
  await expect.poll(() => /"operation":"auditLinesLost",.*"count":"?(\d+)/.exec(text)?.[1]).toBe(String(lost()));
  const adminUrl = server.stdout[0]?.replace("Corral admin server: ", "");
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  expect(metrics).toMatch(new RegExp(`^corral_audit_lost_total ${lost()}$`, "m"));

  text = "";
  stderr.pause();
  await write(client, writes);
  server.process.kill("SIGTERM");
  expect(await once(server.process, "exit")).toEqual([1, null]);
  stderr.resume();
  await server.exited;
  const told = /^Lines of the log, which is the audit log, are lost at its end.*: (\d+)$/.exec(
    server.stdout.at(-1) ?? "",
  );
  // The server's stop has two lines of its own.
  expect(countOf(text) + Number(told?.[1])).toBe(writes + 2);
});

test("who reads slowly slows down writes alone, and loses none; a stop does not wait for him for long", async () => {
  const server = await ServerProcess.start(options);
  const stderr = stderrOf(server);
  let text = "";
  stderr.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  stderr.pause();
  // Hands on all that is here, and has a little more brought.
  const reading = setInterval(() => stderr.read(), 20);
  const client = await RawConnection.withSession(server.port);
  const other = await RawConnection.withSession(server.port);
  let isWriting = true;
  const written = write(client, 2 * writes).then(() => {
    isWriting = false;
  });
  let slowestMs = 0;
  while (isWriting) {
    const beganMs = performance.now();
    await other.call("exists", { path: "/", watch: false });
    slowestMs = Math.max(slowestMs, performance.now() - beganMs);
  }
  await written;
  expect(slowestMs).toBeLessThan(1_000);
  const stopped = once(server.process, "exit");
  server.process.kill("SIGTERM");
  expect(await stopped).toEqual([0, null]);
  clearInterval(reading);
  stderr.resume();
  await server.exited;
  expect([countOf(text), text.match(/.*"lost".*/g)]).toEqual([2 * writes, null]);
});
