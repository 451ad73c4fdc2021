/** What the commands of the admin port answer, beside a live Apache ZooKeeper: the same keys, and values of the same kind. */
import type { Server } from "@corral/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ApacheZooKeeper } from "../support/apache-zookeeper.ts";
import { hasZooKeeper } from "../support/peers.ts";
import { startSideBySide } from "../support/side-by-side.ts";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Keys of Apache's that are not here: who shows no certificate and comes from where is not counted. */
const missing = new Set(["non_mtlslocal_conn_count", "non_mtlsremote_conn_count"]);

/** Kinds instead of values; one key for all that are names of nodes, sessions, or times (Apache has times of no session, too). */
function shapeOf(value: Json): Json {
  if (value === null || typeof value !== "object") return value === null ? null : typeof value;
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  const shape: Record<string, Json> = {};
  for (const [key, field] of Object.entries(value)) {
    const isName = /^(-?\d+|\/.*)$/.test(key);
    const isEmpty = Array.isArray(field) && field.length === 0;
    if (!(isName && isEmpty) && !missing.has(key)) shape[isName ? "…" : key] = shapeOf(field);
  }
  return shape;
}

describe.runIf(hasZooKeeper())("beside Apache ZooKeeper", () => {
  let apache: ApacheZooKeeper;
  let ours: Server;
  let close: () => Promise<void>;

  beforeAll(async () => {
    ({ apache, ours, close } = await startSideBySide({ adminPort: 0 }, { admin: true }));
  });
  afterAll(() => close());

  async function ask(url: string | undefined, command: string) {
    const response = await fetch(`${url}/commands${command}`);
    return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
  }

  /** What both answer, as shapes, and the rest of the answer as it is. */
  async function both(command: string) {
    const [theirs, own] = await Promise.all([ask(apache.adminUrl, command), ask(ours.adminUrl, command)]);
    const [a, b] = [theirs, own].map(({ status, type, text }) => ({ status, type, body: shapeOf(JSON.parse(text)) }));
    return { theirs: a, own: b };
  }

  test("there is a command here for each that is there", async () => {
    const names = async (url: string | undefined) =>
      [...(await ask(url, "")).text.matchAll(/href="\/commands\/(\w+)"/g)].map(([, name]) => name ?? "");
    const [theirs, own] = [await names(apache.adminUrl), await names(ours.adminUrl)];
    expect(theirs.length).toBeGreaterThan(20);
    expect(theirs.filter((name) => !own.includes(name))).toEqual([]);
  });

  test.each([
    "configuration",
    "connections",
    "dirs",
    "dump",
    "get_trace_mask",
    "hash",
    "initial_configuration",
    "is_read_only",
    "last_snapshot",
    "leader",
    "observers",
    "ruok",
    "server_stats",
    "stats",
    "set_trace_mask",
    "set_trace_mask?traceMask=5",
    "voting_view",
    "watch_summary",
    "watches",
    "watches_by_path",
    "zabstate",
    "connection_stat_reset",
    "stat_reset",
    "observer_connection_stat_reset",
    "conf",
    "cons",
    "no_such_command",
  ])("%s has the same keys", async (command) => {
    const { theirs, own } = await both(`/${command}`);
    expect(own).toEqual(theirs);
  });
});
