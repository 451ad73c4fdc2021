/**
 * What an older Apache ZooKeeper lacks, and in what it behaves otherwise than this server. All of it stands here, as plain
 * data; who answers a request looks it up. It is for tests of clients: their ways around what is missing are tried on a
 * server that misses it. Nothing that is stored differs, so a data directory may be served in one way and then another.
 *
 * Read in the sources of 3.5 and 3.8, and compared with a running 3.8.0 in `test/interop/compatibility.test.ts`. Not
 * imitated: faults that no client relies on, such as a lone `check` that is never answered.
 */
import { ErrorCode, hasTtl, isCreateMode, type MultiOperation, OpCode, opName } from "@corral/protocol";
import type { Operation, Outcome } from "./state/operation.ts";
import { failedMulti } from "./state/operations/multi.ts";
import { serverVersion } from "./version.ts";

/** How a server shows itself to clients. */
export interface Behaviour {
  /** As `srvr` tells it. Clients compare the leading numbers, and take one that is not marked as ours for Apache's. */
  readonly version: string;
  /** Operations it does not know: they are answered with Unimplemented, and the connection is closed. */
  readonly unknownOperations: ReadonlySet<number>;
  /** Whether nodes may have a time to live; if not, making one is Unimplemented, and the connection stays. */
  readonly timeToLive: boolean;
  /**
   * What reconfig is answered with, and the connection stays: it is not switched on, or it is and a server that stands alone
   * has nothing to reconfigure.
   */
  readonly reconfigRefusal: typeof ErrorCode.ReconfigDisabled | typeof ErrorCode.Unimplemented;
  /** How long a container stays that never had a child, ms. */
  readonly unusedContainerMs: number;
  /** Whether `sync` waits until what others have asked for is done, or only for its own connection's requests. */
  readonly syncIsBarrier: boolean;
  /** Whether a create2 in a transaction is answered with the stat, or as a create, with the path alone. */
  readonly statsInMulti: boolean;
  /** Whether `exists` needs READ on a node that is there. */
  readonly existsNeedsRead: boolean;
  /** Whether watch events are withheld from those who may not read the node, as they happen ... */
  readonly eventsNeedRead: boolean;
  /** … and where setWatches tells what was missed. */
  readonly missedEventsNeedRead: boolean;
  /** Whether an event carries the zxid of what caused it; if not, −1. */
  readonly eventsTellZxid: boolean;
  /**
   * Whether watches of several modes stand on one path side by side. If not, a connection has one mode a path and table (of
   * data, of children): a plain read that leaves a watch takes a persistent one away. And a persistent watch cannot be
   * named by a type of its own.
   */
  readonly watchModesCoexist: boolean;
}

/** This server as it is. */
export const ownBehaviour: Behaviour = {
  version: serverVersion,
  unknownOperations: new Set(),
  timeToLive: true,
  reconfigRefusal: ErrorCode.ReconfigDisabled,
  // As Apache's from 3.10 on; before, for ever.
  unusedContainerMs: 300_000,
  syncIsBarrier: true,
  statsInMulti: true,
  existsNeedsRead: true,
  eventsNeedRead: true,
  missedEventsNeedRead: true,
  eventsTellZxid: true,
  watchModesCoexist: true,
};

/** Apache ZooKeeper 3.8.0 as Debian has it, with CVE-2024-23944 mended, in its default configuration. */
const as380: Behaviour = {
  version: "3.8.0-imitated, built on 2022-02-25 08:49 UTC",
  unknownOperations: new Set(),
  timeToLive: false,
  reconfigRefusal: ErrorCode.ReconfigDisabled,
  unusedContainerMs: Number.POSITIVE_INFINITY,
  syncIsBarrier: false,
  statsInMulti: false,
  existsNeedsRead: false,
  eventsNeedRead: true,
  missedEventsNeedRead: false,
  eventsTellZxid: false,
  watchModesCoexist: false,
};

/** Apache ZooKeeper 3.5, the same. Persistent watches came with 3.6, `whoAmI` with 3.7. */
const as35: Behaviour = {
  ...as380,
  version: "3.5.10-imitated, built on 2022-05-30 12:00 UTC",
  eventsNeedRead: false,
  unknownOperations: new Set([
    OpCode.multiRead,
    OpCode.getEphemerals,
    OpCode.getAllChildrenNumber,
    OpCode.setWatches2,
    OpCode.addWatch,
    OpCode.whoAmI,
  ]),
};

/** The versions that can be imitated. */
export const compatibleVersions = ["3.5", "3.8.0"] as const;
/** One of them. */
export type CompatibleVersion = (typeof compatibleVersions)[number];

const behaviours: Readonly<Record<CompatibleVersion, Behaviour>> = { "3.5": as35, "3.8.0": as380 };

/** How to behave for what the settings say, of which two are Apache's. `extendedTypesEnabled`: for time to live. */
export function behaviourOf(settings: {
  readonly compatibility?: CompatibleVersion | undefined;
  readonly extendedTypesEnabled?: boolean | undefined;
  readonly reconfigEnabled?: boolean | undefined;
}): Behaviour {
  const { compatibility, extendedTypesEnabled, reconfigEnabled } = settings;
  const behaviour = compatibility === undefined ? ownBehaviour : behaviours[compatibility];
  return {
    ...behaviour,
    timeToLive: extendedTypesEnabled ?? behaviour.timeToLive,
    ...(reconfigEnabled && { reconfigRefusal: ErrorCode.Unimplemented }),
  };
}

/**
 * What comes of a write that is not even tried, if it is one of those. (Where an earlier part of a transaction would have
 * failed, Apache names that part; here it is the part that is not to be had.)
 */
export function refusal(operation: Operation, { timeToLive }: Behaviour): Outcome | undefined {
  if (timeToLive) return undefined;
  if (operation.type === OpCode.multi) {
    const at = operation.request.findIndex(wantsTimeToLive);
    return at < 0 ? undefined : failedMulti(operation.request.length, at, ErrorCode.Unimplemented);
  }
  if (!wantsTimeToLive(operation.request)) return undefined;
  return { type: "error", code: ErrorCode.Unimplemented };
}

/** Only creates have flags. */
function wantsTimeToLive(request: object): boolean {
  return (
    "flags" in request && typeof request.flags === "number" && isCreateMode(request.flags) && hasTtl(request.flags)
  );
}

/** An operation that is not answered, and why. */
export function unservedOperation(type: number, { unknownOperations, version }: Behaviour): string {
  const name = opName(type);
  const what = name === undefined ? `unknown operation ${type}` : `operation ${type} (${name})`;
  return `${what}, which ${unknownOperations.has(type) ? `${version} does not have` : "no client may send by itself"}`;
}

/** What came of a write, as clients are told. */
export function shown(operation: Operation, outcome: Outcome, { statsInMulti }: Behaviour): Outcome {
  if (statsInMulti || operation.type !== OpCode.multi || outcome.type !== "multi") return outcome;
  const asked: readonly MultiOperation[] = operation.request;
  const results = outcome.results.map((result, at) =>
    result.type === OpCode.create2 && asked[at]?.type === OpCode.create2
      ? { type: OpCode.create, path: result.path }
      : result,
  );
  return { type: "multi", results };
}
