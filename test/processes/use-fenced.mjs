/**
 * Takes a lock again and again, and counts up in resources outside the tree: reads, adds one, writes, each under the grant's
 * token. It never looks whether the grant still holds: the resources must know.
 */
import { request } from "node:http";
import { connect } from "@corral/client";
import { Mutex } from "@corral/locks";
import { config, journal, onStop } from "./child.mjs";

const { connectString, sessionTimeoutMs, acts, socketPaths } = config;
const client = await connect(connectString, { sessionTimeoutMs });
const stopping = new AbortController();
onStop(async () => {
  stopping.abort();
  await client.close();
});
client.on("state", ({ state }) => journal("state", { state }));
const mutex = new Mutex(client, "/contended", { identity: config.id });

/** What the resource says; "refused"; or "unknown" where it has died over it. */
function ask(socketPath, path) {
  return new Promise((resolve) => {
    const onError = () => resolve("unknown");
    request({ socketPath, path, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      response.on("error", onError).on("end", () => resolve(response.statusCode === 412 ? "refused" : text));
    })
      .on("error", onError)
      .end();
  });
}

/** By kind, what was read last. */
const known = { files: 0, rows: 0 };

/** Refused when it reads, it writes all the same, what it takes to be next. */
async function countUp(kind, token) {
  const socketPath = socketPaths[kind];
  const value = await ask(socketPath, `/read/${token}`);
  if (value === "unknown") return "unknown";
  if (value !== "refused") known[kind] = Number(value);
  known[kind] += 1;
  const answer = await ask(socketPath, `/write/${token}/${known[kind]}`);
  return answer === "" ? "written" : answer;
}

while (!stopping.signal.aborted) {
  const grant = await mutex.acquire({ signal: stopping.signal });
  const token = String(grant.fencingToken);
  journal("granted", { token });
  for (let i = 0; i < acts; i++) {
    const left = acts - 1 - i;
    for (const kind of Object.keys(socketPaths)) {
      journal("acting", { kind, token, left });
      journal("acted", { kind, token, left, outcome: await countUp(kind, token) });
    }
  }
  await grant.release();
  journal("released", { token });
}
