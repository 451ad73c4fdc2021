/**
 * Writes to the nodes of a tree, deletes them and makes them again, at random, until it is stopped. Journals each attempt
 * before it is made, and what came of it; every write's data is its own.
 */
import { setTimeout as delay } from "node:timers/promises";
import { connect, isCoordinationError } from "@corral/client";
import { config, journal, onStop } from "./child.mjs";

const { connectString, sessionTimeoutMs, path, pauseMs } = config;
const client = await connect(connectString, { sessionTimeoutMs });
const expected = ["NodeExists", "NoNode", "NotEmpty", "ConnectionLoss", "SessionExpired"];
const below = (count) => Math.floor(Math.random() * count);

let isStopping = false;
const writing = write();
onStop(async () => {
  isStopping = true;
  await writing;
  await client.close();
});

async function write() {
  for (let i = 0; !isStopping; i++) {
    const at = `${path}/${below(4)}${below(2) === 0 ? "" : `/${below(3)}`}`;
    const data = `${config.id} ${i}`;
    await delay(pauseMs);
    journal("writing", { at, data });
    try {
      if (below(3) === 0) await client.delete(at, { children: true });
      else journal("written", { at, data, mzxid: (await client.setOrCreate(at, data)).stat.mzxid });
    } catch (error) {
      if (!expected.some((code) => isCoordinationError(error, code))) throw error;
    }
  }
}
