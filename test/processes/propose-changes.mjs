/**
 * Proposes one change after the other and journals what becomes of each. Of three changes one names a role that refuses
 * it; of two, one is tried out first. What another process has left pending is activated or withdrawn.
 */
import { connect, isCoordinationError } from "@corral/client";
import {
  Configuration,
  isProposalClosedError,
  isProposalPendingError,
  isProposalRefusedError,
  isWaitTimeoutError,
  isWriteOutcomeUnknownError,
} from "@corral/configuration";
import { config, journal, onStop } from "./child.mjs";
import { agreed } from "./configurations.mjs";

const { id, connectString, sessionTimeoutMs, roles } = config;
const client = await connect(connectString, { sessionTimeoutMs });
const stopping = new AbortController();
const proposing = propose();
onStop(async () => {
  stopping.abort();
  await proposing;
  await client.close();
});
client.on("state", ({ state }) => journal("state", { state }));

async function propose() {
  const configuration = new Configuration(client, agreed.path, { ...agreed.options, identity: id });
  const wait = { signal: stopping.signal, timeoutMs: 20_000 };
  for (let n = 0; !stopping.signal.aborted; n++) {
    const tag = `${id}.${n}`;
    const refusedBy = n % 3 === 2 ? roles[Math.floor(n / 3) % roles.length] : "";
    journal("proposing", { tag, refusedBy });
    try {
      const canaryPercent = n % 2 === 0 ? 50 : 0;
      const { version } = await configuration.rollOut(() => ({ tag, refusedBy }), { canaryPercent, ...wait });
      journal("activated", { tag, version });
    } catch (error) {
      if (isProposalPendingError(error)) await settleOther(configuration, n % 2 === 0, wait);
      else journal(outcomeOf(error), { tag });
    }
  }
}

async function settleOther(configuration, isWanted, wait) {
  try {
    const other = await configuration.proposal(wait);
    if (other === undefined) return;
    const { tag } = await other.stored();
    journal("takes up", { tag });
    if (isWanted) journal("activated", { tag, version: (await other.activate(wait)).version });
    else await other.withdraw(wait);
  } catch (error) {
    // Refused, it stays until somebody withdraws it.
    if (isProposalRefusedError(error)) await (await configuration.proposal())?.withdraw();
    else if (!isProposalClosedError(error)) outcomeOf(error);
  }
}

/** @throws whatever must not come of a proposal */
function outcomeOf(error) {
  if (isProposalRefusedError(error)) return "refused";
  if (isProposalClosedError(error)) return "closed";
  if (isWriteOutcomeUnknownError(error)) return "unknown";
  if (stopping.signal.aborted) return "stopped";
  if (isWaitTimeoutError(error) || isCoordinationError(error, "WaitTimeout")) return "too late";
  throw error;
}
