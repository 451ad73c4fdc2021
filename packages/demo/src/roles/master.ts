/** A master process: stands by until it is elected, then hands out tasks. */
import { connect } from "@corral/client";
import { Master } from "@corral/master-worker";
import { fromArgument, type MasterConfig } from "./messages.ts";
import { runProcess, stderrLogger } from "./process.ts";

await runProcess(async (signal) => {
  const { id, connectString, sessionTimeoutMs } = fromArgument<MasterConfig>(process.argv.slice(2));
  const client = await connect(connectString, { sessionTimeoutMs, signal, logger: stderrLogger });
  await new Master(client, { id }).run({ signal });
  await client.close();
});
