/**
 * Many connections that ask and ask and never read an answer: they are cut off, memory stays bounded, and somebody who
 * behaves is served all the time. CORRAL_UNREAD=2000 is the whole of it; it prints what it saw.
 */
import { readFileSync } from "node:fs";
import { openAcl } from "@corral/protocol";
import { defaultLimits } from "@corral/server";
import { afterEach, expect, test } from "vitest";
import { fourLetterWord } from "../support/four-letter-word.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { ServerProcess } from "../support/server-process.ts";

const count = Number(process.env.CORRAL_UNREAD ?? 100);
const answerBytes = 100_000;
const requestsEach = 1_000;
const { maxUnsentBytes } = defaultLimits;
/** Code and heap of the server, what garbage there is before it is collected, and one answer for each connection. */
const restBytes = (300 << 20) + 2 * count * answerBytes;

let server: ServerProcess | undefined;
afterEach(async () => {
  server?.process.kill("SIGKILL");
  await server?.exited;
});

/** The most that was ever resident, bytes; undefined where the system does not tell. */
function peakBytes(pid: number): number | undefined {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) * 1_024;
  } catch {
    return undefined; // not Linux
  }
}

test("they are cut off, in bounded memory, and nobody else notices", { timeout: 600_000 }, async () => {
  const patience = ["--tick", "200", "--max-session-timeout", "600000", "--limit", "stuckOutputMs=2000"];
  const words = ["--four-letter-words", "*"];
  server = await ServerProcess.start(["--memory", "--client-port", "0", ...patience, ...words]);
  const { port } = server;
  const good = await RawConnection.withSession(port, 600_000);
  const data = Buffer.alloc(answerBytes);
  expect((await good.call("create", { path: "/big", data, acl: openAcl, flags: 0 })).header.err).toBe(0);
  const request = good.encode("getData", { path: "/big", watch: false }, 1);
  const flood = Buffer.concat(Array.from({ length: requestsEach }, () => request));
  const before = peakBytes(server.process.pid ?? 0);

  const lazy = await Promise.all(Array.from({ length: count }, () => RawConnection.withSession(port, 600_000)));
  for (const connection of lazy) {
    connection.socket.pause();
    connection.socket.write(flood);
  }
  // The server says when it has let go of the last of them.
  let answers = 0;
  let longestMs = 0;
  let longestBigMs = 0;
  let pauseMs = 0;
  for (let connections = Number.POSITIVE_INFINITY; connections > 2; ) {
    const askedMs = performance.now();
    expect((await good.call("exists", { path: "/big", watch: false })).header.err).toBe(0);
    longestMs = Math.max(longestMs, performance.now() - askedMs);
    expect((await good.call("getData", { path: "/big", watch: false })).body.length).toBeGreaterThan(answerBytes);
    longestBigMs = Math.max(longestBigMs, performance.now() - askedMs);
    answers++;
    const facts = await fourLetterWord(port, "mntr");
    const alive = /^zk_num_alive_connections\t(\d+)/m.exec(facts)?.[1];
    // A word that came at a bad moment is asked again.
    if (alive === undefined) continue;
    pauseMs = Number(/^zk_max_jvm_pause_time_ms\t(\S+)/m.exec(facts)?.[1]);
    connections = Number(alive);
  }
  const after = peakBytes(server.process.pid ?? 0);
  for (const connection of lazy) connection.destroy();
  const dropped = Number(/^zk_connection_drop_count\t(\d+)/m.exec(await fourLetterWord(port, "mntr"))?.[1]);
  expect(dropped).toBeGreaterThan(0);
  process.stdout.write(
    `\n${count} connections that do not read asked for ${((count * requestsEach * answerBytes) / 1e9).toFixed(1)} GB: ` +
      `all ended, ${dropped} of them cut off for not reading; ${((before ?? 0) / 2 ** 20).toFixed(0)} MiB resident before, at most ${((after ?? 0) / 2 ** 20).toFixed(0)} MiB; ` +
      `${answers} answers to somebody else meanwhile, the longest after ${longestMs.toFixed(0)} ms (${longestBigMs.toFixed(0)} ms where they are long); the event loop was held up for at most ${pauseMs.toFixed(0)} ms\n`,
  );
  if (before !== undefined && after !== undefined) expect(after - before).toBeLessThan(maxUnsentBytes + restBytes);
});
