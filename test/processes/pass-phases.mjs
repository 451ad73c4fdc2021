/** Passes the phases of a barrier, one after the other, and journals when it arrives at each and when it has passed. */
import { PhasedBarrier } from "@corral/barriers";
import { connect } from "@corral/client";
import { config, journal, onStop } from "./child.mjs";

const { connectString, parties, from, to, sessionTimeoutMs } = config;
const client = await connect(connectString, { sessionTimeoutMs });
onStop(() => client.close());
const barrier = new PhasedBarrier(client, "/phases", { parties, identity: config.id });
for (let phase = from; phase < to; phase++) {
  journal("arriving", { phase });
  journal("passed", { phase: await barrier.arrive({ phase }) });
}
journal("done");
