/**
 * A program that runs with two configurations: one that many edit, and one about whose changes it is asked. It refuses
 * those that name its role. Journals every value that it gets to see, and every answer before it gives it.
 */
import { connect } from "@corral/client";
import { Configuration } from "@corral/configuration";
import { config, journal, onStop } from "./child.mjs";
import { agreed, edited } from "./configurations.mjs";

const { connectString, sessionTimeoutMs, role } = config;
const client = await connect(connectString, { sessionTimeoutMs });
onStop(() => client.close());
client.on("state", ({ state }) => journal("state", { state, session: client.sessionId }));

const counts = await new Configuration(client, edited.path, edited.options).subscribe();
counts.view$.subscribe(({ active }) => journal("counts", { version: active?.version, value: active?.value }));

const live = await new Configuration(client, agreed.path, { ...agreed.options, identity: role }).subscribe({
  consent: ({ tag, refusedBy }) => {
    const refuses = refusedBy === role;
    journal(refuses ? "refuses" : "accepts", { tag });
    if (refuses) throw new Error("it names this role");
  },
});
journal("subscribed", { session: client.sessionId });
live.view$.subscribe(({ active }) => {
  journal("runs", { tag: active?.value.tag, version: active?.version, stage: active?.stage });
});
