/**
 * Many connections that ask and ask and never read an answer: they are cut off, memory stays bounded, and somebody who
 * behaves is served all the time. CORRAL_UNREAD=2000 is the whole of it; it prints what it saw.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { connectRequestCodec, openAcl, Writer } from "@corral/protocol";
import { defaultLimits } from "@corral/server";
import { afterEach, expect, test } from "vitest";
import { fourLetterWord } from "../support/four-letter-word.ts";
import { NodeChild } from "../support/node-child.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { ServerProcess } from "../support/server-process.ts";

const count = Number(process.env.CORRAL_UNREAD ?? 100);
const answerBytes = 100_000;
const requestsEach = 1_000;
const { maxUnsentBytes } = defaultLimits;
/** Code and heap of the server, what garbage there is before it is collected, and one answer for each connection. */
const restBytes = (300 << 20) + 2 * count * answerBytes;

let server: ServerProcess | undefined;
let lazy: NodeChild | undefined;
afterEach(async () => {
  server?.process.kill("SIGKILL");
  await server?.exited;
  await lazy?.kill();
});

function hello(): Buffer {
  const out = new Writer();
  const mark = out.beginFrame();
  const passwd = new Uint8Array(16);
  const none = { protocolVersion: 0, lastZxidSeen: 0, sessionId: 0n, passwd, readOnly: false };
  connectRequestCodec.write(out, { ...none, timeOut: 600_000 });
  out.endFrame(mark);
  return out.take();
}

/** The most that was ever resident, bytes; undefined where the system does not tell. */
function peakBytes(pid: number): number | undefined {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) * 1_024;
  } catch {
    return undefined; // not Linux
  }
}

/** What each of them asks for, over and over: `w` to write a little, `r` to read a lot. */
const floods = [
  ["reads", "r"],
  // A read before a write cannot wait for room once the write is under way.
  ["reads between writes", `w${"r".repeat(19)}`],
] as const;

test.each(floods)(
  "they are cut off, in bounded memory, and nobody else notices: %s",
  { timeout: 600_000 },
  async (_, asked) => {
    const patience = ["--tick", "200", "--max-session-timeout", "600000", "--limit", "stuckOutputMs=2000"];
    const words = ["--four-letter-words", "*"];
    server = await ServerProcess.start(["--memory", "--client-port", "0", ...patience, ...words]);
    const { port } = server;
    const good = await RawConnection.withSession(port, 600_000);
    const data = Buffer.alloc(answerBytes);
    expect((await good.call("create", { path: "/big", data, acl: openAcl, flags: 0 })).header.err).toBe(0);
    expect((await good.call("create", { path: "/little", data: null, acl: openAcl, flags: 0 })).header.err).toBe(0);
    const read = good.encode("getData", { path: "/big", watch: false }, 1);
    const write = good.encode("setData", { path: "/little", data: null, version: -1 }, 1);
    const flood = Buffer.concat([...asked.repeat(requestsEach / asked.length)].map((c) => (c === "r" ? read : write)));
    const before = peakBytes(server.process.pid ?? 0);

    // Not in this process: its own reading would be held up by what it writes.
    const orders = { port, count, hello: hello().toString("base64"), flood: flood.toString("base64") };
    const script = fileURLToPath(new URL("../processes/never-read.mjs", import.meta.url));
    lazy = new NodeChild(script, { args: [JSON.stringify(orders)] });
    let allFlood = false;
    const { stdout } = lazy.process;
    if (stdout !== null) void once(stdout, "data").then(() => (allFlood = true));
    // The server says when it has let go of the last of them.
    let answers = 0;
    let longestMs = 0;
    let longestBigMs = 0;
    let pauseMs = 0;
    for (let connections = Number.POSITIVE_INFINITY; !allFlood || connections > 2; ) {
      expect(lazy.isRunning, lazy.stderr).toBe(true);
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
    const dropped = Number(/^zk_connection_drop_count\t(\d+)/m.exec(await fourLetterWord(port, "mntr"))?.[1]);
    expect(dropped).toBeGreaterThan(0);
    process.stdout.write(
      `\n${count} connections that do not read asked (${asked}) for ${((count * requestsEach * answerBytes) / 1e9).toFixed(1)} GB: ` +
        `all ended, ${dropped} of them cut off for not reading; ${((before ?? 0) / 2 ** 20).toFixed(0)} MiB resident before, at most ${((after ?? 0) / 2 ** 20).toFixed(0)} MiB; ` +
        `${answers} answers to somebody else meanwhile, the longest after ${longestMs.toFixed(0)} ms (${longestBigMs.toFixed(0)} ms where they are long); the event loop was held up for at most ${pauseMs.toFixed(0)} ms\n`,
    );
    if (before !== undefined && after !== undefined) expect(after - before).toBeLessThan(maxUnsentBytes + restBytes);
  },
);
