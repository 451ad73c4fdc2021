/**
 * Contenders by our recipes, each with a session of its own. What Curator's and kazoo's do in the files beside this one.
 *
 * Arguments   HOSTS RECIPE COUNT SESSION_TIMEOUT_MS. RECIPE: mutex or election. Prints `ready` when all are connected.
 * run PATH RUN_MS HOLD_MS END
 *             Everybody contends again and again, and at least once, until RUN_MS have passed; holds for HOLD_MS; then
 *             gives back what it holds (END: `release`), or closes its session and makes a new one (`close`). Prints
 *             `held WHO FROM UNTIL` for each holding, in ns on the machine's monotonic clock, then `done`.
 * stand PATH  The first of them takes part in an election for good. Prints `leads AT` when it leads.
 * The end of standard input ends it.
 */
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { type Client, connect } from "@corral/client";
import { Election } from "@corral/leader-election";
import { Mutex } from "@corral/locks";

const [hosts = "", recipe = "", count = "1", sessionTimeoutMs = "10000"] = process.argv.slice(2);

const begin = (): Promise<Client> => connect(hosts, { sessionTimeoutMs: Number(sessionTimeoutMs) });
const clients = await Promise.all(Array.from({ length: Number(count) }, begin));

/** Contends at `path`, as `recipe` does. */
function contender(client: Client, path: string): () => Promise<{ release(): Promise<void> }> {
  if (recipe === "mutex") {
    const mutex = new Mutex(client, path);
    return () => mutex.acquire();
  }
  const election = new Election(client, path);
  return () => election.campaign();
}

/** One that contends until it is time; its holdings. */
async function contend(
  who: number,
  path: string,
  endMs: number,
  holdMs: number,
  closes: boolean,
): Promise<(readonly [bigint, bigint])[]> {
  const held: (readonly [bigint, bigint])[] = [];
  let win = contender(clients[who]!, path);
  do {
    const won = await win();
    const from = process.hrtime.bigint();
    if (holdMs > 0) await delay(holdMs);
    held.push([from, process.hrtime.bigint()]);
    if (closes) {
      await clients[who]!.close();
      clients[who] = await begin();
      win = contender(clients[who]!, path);
    } else {
      await won.release();
    }
  } while (performance.now() < endMs);
  return held;
}

async function run([path = "", runMs = "0", holdMs = "0", end = "release"]: readonly string[]): Promise<void> {
  const endMs = performance.now() + Number(runMs);
  const holdings = await Promise.all(
    clients.map((_, who) => contend(who, path, endMs, Number(holdMs), end === "close")),
  );
  const lines = holdings.flatMap((held, who) => held.map(([from, until]) => `held ${who} ${from} ${until}\n`));
  process.stdout.write(`${lines.join("")}done\n`);
}

async function stand([path = ""]: readonly string[]): Promise<void> {
  await new Election(clients[0]!, path).campaign();
  process.stdout.write(`leads ${process.hrtime.bigint()}\n`);
}

process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...words] = line.split(" ");
  if (command === "stand") void stand(words);
  else await run(words);
}
process.exit();
