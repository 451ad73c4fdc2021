/** Nobody reads the server's log any more: a pipe that is full holds up neither clients nor the server's end. */
import { once } from "node:events";
import { expect, test } from "vitest";
import { RawConnection } from "../support/raw-connection.ts";
import { ServerProcess } from "../support/server-process.ts";

/** As the audit log goes there, each write is a line: more than a pipe and the bound hold, by a megabyte. */
const writes = 5_000;

async function write(client: RawConnection, count: number): Promise<void> {
  const request = { path: "/", data: null, version: -1 };
  const requests = Array.from({ length: count }, (_, i) => client.encode("setData", request, i + 1));
  client.socket.write(Buffer.concat(requests));
  for (let i = 0; i < count; i++) expect((await client.reply()).header.err).toBe(0);
}

test("clients are served, what was lost is counted when it is read again, and the server ends in order unread", async () => {
  const options = ["--memory", "--client-port", "0", "--audit", "true", "--limit", "maxAuditBytes=65536"];
  const server = await ServerProcess.start(options);
  const { stderr } = server.process;
  if (stderr === null) throw new Error("standard error is piped");
  let text = "";
  stderr.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const told = (): number => text.split('"operation":"setData"').length - 1;
  const lost = (): number => Number(/"lost":(\d+),"msg":"lines of the log are lost/.exec(text)?.[1] ?? 0);
  const client = await RawConnection.withSession(server.port);

  stderr.pause();
  await write(client, writes);
  stderr.resume();
  let all = writes;
  for (; lost() === 0; all++) await write(client, 1);
  while (told() + lost() < all) await once(stderr, "data");
  expect(told() + lost()).toBe(all);
  expect(lost()).toBeGreaterThan(writes / 2);

  stderr.pause();
  await write(client, writes);
  const exited = once(server.process, "exit");
  server.process.kill("SIGTERM");
  expect(await exited).toEqual([0, null]);
});
