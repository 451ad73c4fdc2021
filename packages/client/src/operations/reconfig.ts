/** Changing who belongs to the ensemble. */
import type { Context } from "../context.ts";
import { BadArgumentsError } from "../errors.ts";
import type { CallOptions } from "../options.ts";
import { publicStat } from "../stat.ts";
import type { NodeData } from "./read.ts";

/** A change of membership: `joining` and `leaving`, or `members`. */
export interface ReconfigOptions {
  /** Servers to add, or to change: `server.<id>=<host>:<port>:<port>[:role];[<host>:]<port>`. */
  readonly joining?: readonly string[];
  /** Ids of servers to remove. */
  readonly leaving?: readonly (string | number)[];
  /** All the servers there are to be, instead of `joining` and `leaving`. */
  readonly members?: readonly string[];
  /** Only if this is the current configuration: the number behind its `version=`, which is hexadecimal. Default: any. */
  readonly fromConfig?: number;
}

/** reconfig. Gives the new configuration, as `/zookeeper/config` holds it. */
export async function reconfig(
  { requests }: Context,
  { joining, leaving, members, fromConfig = -1 }: ReconfigOptions,
  options: CallOptions,
): Promise<NodeData> {
  const about = { operation: "reconfig", path: "/zookeeper/config" };
  if ((members === undefined) === (joining === undefined && leaving === undefined)) {
    throw new BadArgumentsError({
      ...about,
      detail: members === undefined ? "no change is said" : "members together with joining or leaving",
      remedy: "Say who joins and who leaves, or who all the members are.",
    });
  }
  const request = {
    joiningServers: joining?.join(",") ?? null,
    leavingServers: leaving?.join(",") ?? null,
    newMembers: members?.join(",") ?? null,
    curConfigId: fromConfig,
  };
  const { data, stat } = await requests.send("reconfig", request, about, options);
  return { data: data === null ? null : Buffer.from(data), stat: publicStat(stat) };
}
