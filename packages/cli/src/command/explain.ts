/** A node in words: what it is, who owns it, what it waits for, who may do what. Pure. */
import type { Acl, Stat } from "@corral/client";
import { childCreatesOf, hasSequenceNumber } from "../tree/tree-node.ts";
import { aclLines, hex, time } from "./show.ts";

/** What is looked at. */
export interface Explained {
  readonly path: string;
  readonly stat: Stat;
  readonly acl: readonly Acl[];
  /** The children, by name. */
  readonly children: ReadonlyMap<string, Stat>;
  readonly nowMs: number;
}

const shownMax = 20;

/** Sentences, one a line. */
export function explain({ path, stat, acl, children, nowMs }: Explained): readonly string[] {
  const epoch = stat.czxid >> 32n;
  return [
    `${path} ${ownerText(stat)}`,
    `It was created ${ago(stat.ctimeMs, nowMs)} in epoch ${epoch}; its fencing token, czxid, is ${stat.czxid} (${hex(stat.czxid)}).`,
    stat.version === 0
      ? `Its ${stat.dataLength} bytes of data have never been changed.`
      : `Its ${stat.dataLength} bytes of data were last changed ${ago(stat.mtimeMs, nowMs)}, for the ${ordinal(stat.version)} time.`,
    ...childrenText(stat, children),
    ...(acl.some(({ id, perms }) => id.scheme === "world" && perms === 31)
      ? ["Everybody may do everything with it."]
      : ["Who may do what (create, delete, read, write, admin):", ...aclLines(acl).map((entry) => `  ${entry}`)]),
  ];
}

function ownerText({ ephemeralOwner }: Stat): string {
  if (ephemeralOwner === 0n)
    return "stays until it is deleted (or is a container or has a time to live, which no server shows).";
  return `is ephemeral: it goes when session ${hex(ephemeralOwner)} ends.`;
}

function childrenText(stat: Stat, children: ReadonlyMap<string, Stat>): readonly string[] {
  const creates = childCreatesOf(stat);
  if (stat.numChildren === 0) {
    return creates === 0
      ? ["It never had children."]
      : [`It has no children now; ${creates} were created and deleted.`];
  }
  const line = [...children].filter(([name]) => hasSequenceNumber(name)).sort(bySequence);
  const next = String(creates).padStart(10, "0");
  if (line.length === 0) return [`It has ${stat.numChildren} children; ${creates} were created in all.`];
  const rows = line.slice(0, shownMax).map(([name, { ephemeralOwner, czxid }], at) => {
    const owner = ephemeralOwner === 0n ? "" : `, of session ${hex(ephemeralOwner)}`;
    return `  ${at + 1}. ${name}${owner}, token ${czxid}`;
  });
  const more = line.length > shownMax ? [`  and ${line.length - shownMax} more`] : [];
  return [
    `It has ${stat.numChildren} children. ${line.length} of them stand in line by their numbers; the next would get ${next}:`,
    ...rows,
    ...more,
  ];
}

function bySequence([a]: readonly [string, Stat], [b]: readonly [string, Stat]): number {
  return Number(a.slice(-10)) - Number(b.slice(-10)) || (a < b ? -1 : 1);
}

function ordinal(n: number): string {
  const suffix = n % 100 >= 11 && n % 100 <= 13 ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th");
  return `${n}${suffix}`;
}

function ago(ms: number, nowMs: number): string {
  if (ms === 0) return "with the server's first start";
  const seconds = Math.max(0, Math.round((nowMs - ms) / 1_000));
  const [unit, size] = (
    [
      ["day", 86_400],
      ["hour", 3_600],
      ["minute", 60],
    ] as const
  ).find(([, s]) => seconds >= 2 * s) ?? ["second", 1];
  const count = Math.floor(seconds / size);
  return `${count} ${unit}${count === 1 ? "" : "s"} ago (${time(ms)})`;
}
