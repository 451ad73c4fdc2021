/** Holds an ephemeral node, as a group member would, and journals what it is told of its connection. */
import { connect } from "@corral/client";
import { config, journal, onStop } from "./child.mjs";

const { connectString, path, sessionTimeoutMs } = config;
const client = await connect(connectString, { sessionTimeoutMs });
client.on("state", ({ state, sessionId }) => journal("state", { state, sessionId }));
onStop(() => client.close());
await client.create(path, config.id, { mode: "ephemeral" });
journal("created", { sessionId: client.sessionId });
