/**
 * A line of the audit log as text: `key=value`, tabs between, Apache ZooKeeper's keys in its order, then our own. No value
 * can hold a tab or a line's end, so that no path and no name can pass for another line or another key. Pure.
 */
import { type Acl, CreateMode, errorName, formatZxid, type Id, permissionLetters } from "@corral/protocol";
import type { AuditRecord } from "../replica/audit-record.ts";
import { formatSessionId } from "../replica/connection.ts";

/** A text, or several. */
type Value = string | readonly string[];

/** `serverUser`: under whose name the server's own doings stand. Keys and values in their order, as yet unescaped. */
export function auditFields(record: AuditRecord, serverUser: string): readonly (readonly [key: string, Value])[] {
  const { client, sessionId, path, createMode, acl, part, zxid, error } = record;
  const names = client === undefined ? undefined : namesOf(client.identities);
  const fields: readonly (readonly [string, Value | undefined])[] = [
    ["session", sessionId === undefined ? undefined : formatSessionId(sessionId)],
    ["user", names?.users ?? serverUser],
    ["ip", client?.host],
    ["operation", record.operation],
    ["znode", path],
    ["znode_type", createMode === undefined ? undefined : (typeNames.get(createMode) ?? String(createMode))],
    ["acl", acl === undefined ? undefined : acl.map(aclText)],
    ["result", record.result],
    ["scheme", names?.schemes],
    ["error", error === undefined ? undefined : (errorName(error) ?? String(error))],
    ["zxid", zxid === undefined ? undefined : formatZxid(zxid)],
    ["multi", part === undefined ? undefined : `${part.number}/${part.of}`],
    ["count", record.count === undefined ? undefined : String(record.count)],
    ["reason", record.reason],
    ["stripped", record.namesLeftOut && "names"],
  ];
  return fields.filter((field): field is readonly [string, Value] => field[1] !== undefined);
}

/** The line, with its end. It begins with the time, in UTC. */
export function auditLine(record: AuditRecord, serverUser: string): string {
  let line = `time=${timeText(record.timeMs)}`;
  for (const [key, value] of auditFields(record, serverUser)) line += `\t${key}=${valueText(value)}`;
  return `${line}\n`;
}

let lastTime = { ms: 0, text: new Date(0).toISOString() };

/** Many lines are of the same millisecond. */
function timeText(ms: number): string {
  if (ms !== lastTime.ms) lastTime = { ms, text: new Date(ms).toISOString() };
  return lastTime.text;
}

interface Names {
  readonly users: readonly string[];
  readonly schemes: readonly string[];
}

/** A connection has the same list for all of its requests. */
const knownNames = new WeakMap<readonly Id[], Names>();
/** How their names are written. */
const knownLists = new WeakMap<readonly string[], string>();

function namesOf(identities: readonly Id[]): Names {
  let names = knownNames.get(identities);
  if (names === undefined) {
    names = { users: identities.map(userOf), schemes: identities.map(({ scheme }) => scheme) };
    knownNames.set(identities, names);
    for (const texts of [names.users, names.schemes]) knownLists.set(texts, listText(texts));
  }
  return names;
}

/** As Apache writes them: its names of the modes in lower case. */
const typeNames = new Map<number, string>([
  [CreateMode.persistent, "persistent"],
  [CreateMode.ephemeral, "ephemeral"],
  [CreateMode.persistentSequential, "persistent_sequential"],
  [CreateMode.ephemeralSequential, "ephemeral_sequential"],
  [CreateMode.container, "container"],
  [CreateMode.persistentWithTtl, "persistent_with_ttl"],
  [CreateMode.persistentSequentialWithTtl, "persistent_sequential_with_ttl"],
]);

/** Without the password's digest. */
function userOf({ scheme, id }: Id): string {
  if (scheme === "super") return scheme;
  return scheme === "digest" ? (id.split(":", 1)[0] ?? "") : id;
}

/** Whoever asks for an access list may have put anything into it: only what is known to be no secret is shown. */
function aclText({ perms, id: { scheme, id } }: Acl): string {
  const isPublic = scheme === "world" || scheme === "ip" || scheme === "sasl" || scheme === "x509";
  const shown = scheme === "digest" ? `${id.split(":", 1)[0]}:x` : isPublic ? id : id === "" ? "" : "x";
  return `${scheme}:${shown}:${permissionLetters(perms)}`;
}

function valueText(value: Value): string {
  if (typeof value === "string") return escaped(value);
  return knownLists.get(value) ?? listText(value);
}

function listText(texts: readonly string[]): string {
  return texts.map((text) => escaped(text).replaceAll(",", "\\u002c")).join(",");
}

/** What could end a line, for whichever program reads it, or change how it looks on a terminal; and the escape itself. */
const unsafe = /[\\\p{Cc}\p{Cs}\u2028\u2029\u061c\u200b-\u200f\u2060-\u2064\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** What nearly every text is made of; found out ten times as fast. */
const plain = /^[ -[\]-~]*$/;

/** How each of them is written, once it was: a long path may have nothing else. */
const escapes = new Map([["\\", "\\\\"]]);

function escaped(value: string): string {
  if (plain.test(value)) return value;
  return value.replace(unsafe, (character) => {
    let written = escapes.get(character);
    if (written === undefined) {
      written = `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
      escapes.set(character, written);
    }
    return written;
  });
}
