/**
 * `npm run fuzz`: bytes that are nearly right, by the million: into every decoder of the protocol and of what is on a server's
 * disk, then over sockets into a server, next to a client that must not notice. Fails when anything else happens than an answer, a refusal or an end, or
 * when memory grows.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Client, connect, isCoordinationError } from "@corral/client";
import { Command, InvalidArgumentError } from "commander";
import { monitorOf, residentMiB } from "../server-facts.ts";
import { startCorral } from "../servers.ts";
import { tryDecoders } from "./decoders.ts";
import { intrude } from "./intruder.ts";
import { type Chance, chanceFrom } from "./mutate.ts";
import { StorageFuzz } from "./storage.ts";

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError("It must be a whole number.");
  return value;
}

const { inputs, frames, seed } = new Command("npm run fuzz --")
  .description(
    "Gives bytes that are nearly right to every decoder, of the wire and of the disk, and to a server over sockets.",
  )
  .option("--inputs <n>", "inputs for the decoders of the wire, and as many for those of the disk", whole, 500_000)
  .option("--frames <n>", "frames for the server", whole, 200_000)
  .option("--seed <n>", "repeats a run's bytes", whole, Math.floor(Math.random() * 2 ** 32))
  .parse()
  .opts<{ inputs: number; frames: number; seed: number }>();

const say = (text: string): boolean => process.stdout.write(`${text}\n`);
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function heapMiB(): number {
  collectGarbage();
  // What the first one has found to be garbage outside of the heap, the second one has given back.
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 2 ** 20;
}

/** What may be more at the end than after the first tenth, MiB: noise of the runtime. */
const heapNoiseMiB = 8;
const serverNoiseMiB = 150;

async function fuzzDecoders(what: string, tryOne: () => void | Promise<void>): Promise<void> {
  let atFirst = 0;
  for (let tenth = 1; tenth <= 10; tenth++) {
    for (let i = 0; i < inputs / 10; i++) await tryOne();
    const heap = heapMiB();
    say(`${what}: ${Math.round((inputs * tenth) / 10)} inputs, heap ${heap.toFixed(1)} MiB`);
    if (tenth === 1) atFirst = heap;
    if (heap > atFirst + heapNoiseMiB) throw new Error(`the heap grows: ${atFirst.toFixed(1)} MiB after a tenth`);
  }
}

async function fuzzWire(): Promise<void> {
  const chance = chanceFrom(seed);
  await fuzzDecoders("decoders", () => tryDecoders(chance));
}

async function fuzzDisk(): Promise<void> {
  const storage = await StorageFuzz.load();
  const chance = chanceFrom(seed + 2);
  await fuzzDecoders("storage", () => storage.try(chance));
}

/** Takes away what the intruders made, as far as they let it. */
async function tidyUp(client: Client, path: string): Promise<void> {
  for (const name of (await unlessRefused(client.children(path))) ?? []) {
    const child = path === "/" ? `/${name}` : `${path}/${name}`;
    if (child === "/zookeeper") continue;
    await tidyUp(client, child);
    await unlessRefused(client.delete(child));
  }
}

const refusals = ["NoAuth", "NoNode", "NotEmpty", "BadArguments", "MarshallingError"] as const;

/** What an access list or a name does not allow is left; that the server does not answer is no such thing. */
async function unlessRefused<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (refusals.some((code) => isCoordinationError(error, code))) return undefined;
    throw error;
  }
}

async function fuzzServer(chance: Chance): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "corral-fuzz-"));
  const server = await startCorral(directory, ["--four-letter-words", "*", "--log-level", "silent"]);
  let bystander: Client | undefined;
  try {
    bystander = await connect(`127.0.0.1:${server.port}`, { sessionTimeoutMs: 30_000 });
    const states: string[] = [];
    bystander.on("state", (state) => states.push(String(state)));
    let sent = 0;
    let atFirst = 0;
    for (let tenth = 1; tenth <= 10; tenth++) {
      while (sent < (frames * tenth) / 10) {
        const all = await Promise.all(
          Array.from({ length: 8 }, () => intrude(server.port, 200, chanceFrom(chance(2 ** 32)))),
        );
        sent += all.reduce((sum, one) => sum + one, 0);
      }
      await bystander.whoAmI();
      await tidyUp(bystander, "/");
      const resident = residentMiB(server.pid);
      const facts = await monitorOf(server.port);
      say(
        `server: ${sent} frames sent, ${facts.get("packets_received")} taken, ${facts.get("znode_count")} nodes, ${facts.get("watch_count")} watches, ${facts.get("global_sessions")} sessions, ${resident.toFixed(0)} MiB resident`,
      );
      if (tenth === 2) atFirst = resident;
      if (tenth > 2 && resident > atFirst + serverNoiseMiB) {
        throw new Error(`the server grows: ${atFirst.toFixed(0)} MiB after a fifth`);
      }
    }
    if (states.length > 0) throw new Error(`somebody else's client noticed: ${states.join(", ")}`);
  } finally {
    await bystander?.close();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

say(`seed ${seed}`);
try {
  if (inputs > 0) await fuzzWire();
  if (inputs > 0) await fuzzDisk();
  if (frames > 0) await fuzzServer(chanceFrom(seed + 1));
  say("fuzz: all is well");
} catch (error) {
  say(`fuzz: failed (--seed ${seed}): ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof Error && error.cause !== undefined) say(String((error.cause as Error).stack ?? error.cause));
  process.exitCode = 1;
}
