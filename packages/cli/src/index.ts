/** What the command `corral` does with whole trees, for programs: copy them, dump them, load dumps. */
export { type CopyOptions, type CopyProgress, type CopyReport, copyTree, type LoadOptions, loadTree } from "./copy.ts";
export { CopyError, type CopyErrorCode, isCopyError } from "./copy-error.ts";
export { checkDump, type DumpReport, dumpTree, type OpenDump, openDump } from "./dump/dump.ts";
export type { DumpEnd, DumpHeader } from "./dump/dump-format.ts";
export { type AdminPort, raiseEpoch } from "./raise-epoch.ts";
export type { CounterPolicy } from "./tree/counters.ts";
export type { KindHints } from "./tree/kinds.ts";
export type { LeftOut, ReadTreeOptions } from "./tree/read-tree.ts";
export type { NodeKind, TreeNode } from "./tree/tree-node.ts";
export type { ConflictPolicy, WriteReport } from "./tree/write-tree.ts";
export type { TokenOptions } from "./zxid-order.ts";
