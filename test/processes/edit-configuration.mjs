/**
 * Edits a configuration again and again, and journals each edit: before it asks, and when it was told. Goes on through
 * everything until it is asked to stop; then it waits for the answer that it is owed.
 */
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "@corral/client";
import { Configuration } from "@corral/configuration";
import { config, journal, onStop } from "./child.mjs";
import { edited } from "./configurations.mjs";

const { id, connectString, sessionTimeoutMs } = config;
const client = await connect(connectString, { sessionTimeoutMs });
let stopping = false;
const editing = edit();
onStop(async () => {
  stopping = true;
  await editing;
  await client.close();
});
client.on("state", ({ state }) => journal("state", { state }));

async function edit() {
  const configuration = new Configuration(client, edited.path, { ...edited.options, identity: id });
  while (!stopping) {
    journal("editing");
    const { version } = await configuration.update(({ count = 0, by = {} }) => ({
      count: count + 1,
      twice: 2 * (count + 1),
      by: { ...by, [id]: (by[id] ?? 0) + 1 },
    }));
    journal("edited", { version });
    await delay(20);
  }
}
