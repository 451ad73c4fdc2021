/**
 * Holds an ephemeral node with `closeOnSignals`, and ends as `config.how` says: `exit`, calling process.exit() with a
 * request under way; `handler`, leaving when its own handler of the signal says so; or not by itself, by the signal alone.
 */
import { connect } from "@corral/client";
import { config, journal } from "./child.mjs";

const { connectString, path, how } = config;
const client = await connect(connectString, { sessionTimeoutMs: 30_000, closeOnSignals: true });
await client.create(path, config.id, { mode: "ephemeral" });
journal("created", { sessionId: client.sessionId });
if (how === "exit") {
  void client.set(path, "last words");
  process.exit(7);
}
if (how === "handler") {
  process.on("SIGTERM", () => {
    journal("asked to end", { state: client.state });
    client.once("state", ({ state }) => journal("state", { state }));
    void client.close().then(() => process.exit(3));
  });
}
