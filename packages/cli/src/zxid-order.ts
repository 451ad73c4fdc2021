/**
 * Fencing tokens are zxids: a resource that has seen one refuses smaller ones. So whatever takes over a tree has to go on
 * above every zxid that its former server has given out.
 */
import { type Client, isCoordinationError } from "@corral/client";
import { CopyError } from "./copy-error.ts";

/** How to come above the source. */
export interface TokenOptions {
  /**
   * Has the target go on in an epoch above that of `aboveZxid`. Called only where that is needed. See `raiseEpoch` of
   * raise-epoch.ts.
   */
  readonly raise?: ((aboveZxid: bigint) => Promise<void>) | undefined;
  /** What to do if the target gives out smaller tokens and cannot be raised. Default: refuse. */
  readonly smallerTokens?: "refuse" | "allow" | undefined;
}

/** Epochs that the source may begin after it was looked at, one with each start or election. */
const epochMargin = 1_000n;

const epochOf = (zxid: bigint): bigint => zxid >> 32n;
const shown = (zxid: bigint): string => `0x${zxid.toString(16)}`;

/** The newest zxid of a server, as far as it shows it to a client that only reads. */
export async function shownZxid(client: Client): Promise<bigint> {
  await client.exists("/");
  return client.lastZxid;
}

/** Makes sure that the target goes on above `sourceZxid`. @throws CopyError `smaller-tokens` */
export async function requireLargerTokens(target: Client, sourceZxid: bigint, options: TokenOptions): Promise<void> {
  let zxid = await shownZxid(target);
  if (epochOf(zxid) > epochOf(sourceZxid)) return;
  if (options.raise !== undefined) {
    await options.raise((epochOf(sourceZxid) + epochMargin) << 32n);
    zxid = await takenZxid(target);
  }
  if (zxid > sourceZxid || options.smallerTokens === "allow") return;
  throw new CopyError(
    "smaller-tokens",
    `The target is at zxid ${shown(zxid)}, which is not above the source's ${shown(sourceZxid)}: fencing tokens would go ` +
      "back, and resources would refuse whoever holds a lock next. Let the target begin a later epoch (--admin URL, with " +
      "its CORRAL_ADMIN_TOKEN), or say that nothing depends on fencing tokens (--allow-smaller-tokens).",
  );
}

/** The zxid of a write that changes nothing: servers number those that fail, too. */
async function takenZxid(client: Client): Promise<bigint> {
  try {
    await client.delete("/corral-nothing", { version: 0x7fff_ffff });
  } catch (error) {
    if (!isCoordinationError(error)) throw error;
  }
  return client.lastZxid;
}
