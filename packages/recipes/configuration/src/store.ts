/** Reading a configuration: what is stored, what it means, what is known of its versions. */
import { type Acl, type Client, type Codec, isCoordinationError, type ObservedNode } from "@corral/client";
import { childrenOrNone, insist } from "@corral/recipe-kit";
import { VersionNotKeptError } from "./errors.ts";
import { type Layout, versionsOf } from "./layout.ts";
import { isGroup, merge, type Overrides } from "./merge.ts";
import { type Cause, decodeRevision, type RevisionRecord } from "./records.ts";
import { type Checked, type ConfigurationSchema, check, messageOf, wrong } from "./schema.ts";

/** What a configuration is used with. */
export interface Settings<I, T> {
  readonly client: Client;
  readonly layout: Layout;
  readonly codec: Codec<unknown>;
  readonly schema: ConfigurationSchema<I, T>;
  readonly defaults: Overrides<I> | undefined;
  readonly keep: number;
  readonly identity: string;
  readonly acl: readonly Acl[] | undefined;
  readonly subscriberAcl: readonly Acl[] | undefined;
}

/** What is stored now. */
export interface Current {
  readonly data: Buffer | null;
  /** 0, without data, where there is no node. */
  readonly version: number;
  readonly exists: boolean;
  /** When it was written, wall clock of the server, ms since 1970. */
  readonly mtimeMs: number;
}

/** A version as it was made: by whom and why. */
export interface Made<I> {
  readonly version: number;
  /** What was decided; all else is as the defaults say. `undefined`: it cannot be read. */
  readonly stored: Overrides<I> | undefined;
  /** What whoever made it gave as `identity`; empty: nobody knows. */
  readonly author: string;
  readonly comment: string;
  readonly cause: Cause;
}

/** A version as it is in the history. */
export interface Revision<I> extends Made<I> {
  /** When it was made, wall clock of the server, ms since 1970. */
  readonly atMs: number;
}

/** How fresh a read must be. */
export interface Freshness {
  readonly signal: AbortSignal;
  readonly linearizable: boolean;
}

/** Reads what is stored. */
export async function readCurrent<I, T>(settings: Settings<I, T>, fresh: Freshness): Promise<Current> {
  const node = await readNode(settings, fresh);
  if (node === undefined) return { data: null, version: 0, exists: false, mtimeMs: 0 };
  return { data: node.data, version: node.stat.version, exists: true, mtimeMs: node.stat.mtimeMs };
}

/** The node in which it is stored. */
export async function readNode<I, T>(settings: Settings<I, T>, fresh: Freshness): Promise<ObservedNode | undefined> {
  return await insist(settings.client, () => readNodeOnce(settings, fresh), fresh.signal);
}

/** The same in one attempt, which an interruption ends. */
export async function readNodeOnce<I, T>(
  { client, layout }: Settings<I, T>,
  fresh: Freshness,
): Promise<ObservedNode | undefined> {
  try {
    return { path: layout.root, ...(await client.get(layout.root, fresh)) };
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
}

/** What stands in `data`, which may be wrong. No data says nothing, and leaves all to the defaults. */
export async function readStored<I>(codec: Codec<unknown>, data: Uint8Array | null): Promise<Checked<Overrides<I>>> {
  if (data === null || data.length === 0) return { ok: true, value: {} as Overrides<I> };
  try {
    const stored = await codec.decode(data);
    if (!isGroup(stored)) return wrong("it is no group of named members");
    return { ok: true, value: stored as Overrides<I> };
  } catch (error) {
    return wrong(`it cannot be read: ${messageOf(error)}`);
  }
}

/** The configuration that `data` and the defaults make together, or what is wrong with it. */
export async function evaluate<I, T>(settings: Settings<I, T>, data: Uint8Array | null): Promise<Checked<T>> {
  const stored = await readStored<I>(settings.codec, data);
  if (!stored.ok) return stored;
  return await check(settings.schema, merge(settings.defaults ?? {}, stored.value));
}

/** The versions in the history, oldest first. */
export async function keptVersions<I, T>(settings: Settings<I, T>, signal: AbortSignal): Promise<number[]> {
  const { client, layout } = settings;
  return versionsOf(await insist(client, () => childrenOrNone(client, layout.history, signal), signal));
}

/** What the history has of a version; `undefined`: nothing, or nothing that can be read. */
export async function readRecord<I, T>(
  { client, layout }: Settings<I, T>,
  version: number,
  signal: AbortSignal,
): Promise<(RevisionRecord & { readonly atMs: number }) | undefined> {
  const path = layout.revision(version);
  const node = await insist(
    client,
    async () => {
      try {
        return await client.get(path, { signal });
      } catch (error) {
        if (isCoordinationError(error, "NoNode")) return undefined;
        throw error;
      }
    },
    signal,
  );
  if (node === undefined) return undefined;
  try {
    const record = decodeRevision(node.data);
    return { ...record, atMs: record.atMs ?? node.stat.ctimeMs };
  } catch (err) {
    client.logger.warn({ err, path }, "a version in the history cannot be read");
    return undefined;
  }
}

/** A version with its record, or with what can be told without one. */
async function toRevision<I, T>(
  settings: Settings<I, T>,
  version: number,
  { data, author, comment, cause, atMs }: RevisionRecord & { readonly atMs: number },
): Promise<Revision<I>> {
  const stored = await readStored<I>(settings.codec, data);
  return { version, stored: stored.ok ? stored.value : undefined, author, comment, cause, atMs };
}

/** The present version as a record, where nobody has made one: something else has written it. */
export function outsideRecord({ data, mtimeMs }: Current): RevisionRecord & { readonly atMs: number } {
  return { data, author: "", comment: "", cause: { kind: "outside" }, atMs: mtimeMs };
}

/** A version with its data. @throws VersionNotKeptError */
export async function readVersion<I, T>(
  settings: Settings<I, T>,
  version: number,
  signal: AbortSignal,
): Promise<{ readonly revision: Revision<I>; readonly data: Uint8Array | null }> {
  const current = await readCurrent(settings, { signal, linearizable: false });
  const recorded = await readRecord(settings, version, signal);
  const record = recorded ?? (current.version === version ? outsideRecord(current) : undefined);
  if (record === undefined) {
    const kept = new Set([...(await keptVersions(settings, signal)), current.version]);
    throw new VersionNotKeptError(
      settings.layout.root,
      version,
      [...kept].sort((a, b) => a - b),
    );
  }
  return { revision: await toRevision(settings, version, record), data: record.data };
}

/** All versions that are kept, newest first. */
export async function readHistory<I, T>(settings: Settings<I, T>, signal: AbortSignal): Promise<Revision<I>[]> {
  // In this order: what the present version is, the list then knows, or nobody does.
  const current = await readCurrent(settings, { signal, linearizable: true });
  const versions = await keptVersions(settings, signal);
  const revisions = await Promise.all(
    versions.map(async (version) => {
      const record = await readRecord(settings, version, signal);
      return record && (await toRevision(settings, version, record));
    }),
  );
  const found = revisions.filter((revision) => revision !== undefined);
  if (current.exists && !versions.includes(current.version)) {
    found.push(await toRevision(settings, current.version, outsideRecord(current)));
  }
  return found.sort((a, b) => b.version - a.version);
}
