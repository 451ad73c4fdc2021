/** `get`, `set`, `create`, `delete`, `ls`, `stat`, `acl`, `tree`, `explain`: one look at, or one change of, a node. */
import { readFile } from "node:fs/promises";
import { type Acl, type Client, isCoordinationError, maxTtlMs, type Stat } from "@corral/client";
import { type Command, InvalidArgumentError } from "commander";
import { parseAclEntry } from "../../dump/acl-text.ts";
import { addCommonOptions, addConnectionOptions, connectSide } from "../connection.ts";
import { UsageError } from "../exit-codes.ts";
import { explain } from "../explain.ts";
import { withHint } from "../hints.ts";
import { wholeNumber } from "../numbers.ts";
import { aclLines, dataFields, dataText, jsonLine, statFields } from "../show.ts";
import { readAll, type Surroundings, writeTo } from "../surroundings.ts";

interface Flags {
  readonly json?: true;
  readonly raw?: true;
  readonly stat?: true;
  readonly file?: string;
  readonly dataVersion?: number;
  readonly create?: true;
  readonly parents?: true;
  readonly sequential?: true;
  readonly container?: true;
  readonly ttl?: number;
  readonly acl?: readonly Acl[];
  readonly set?: readonly Acl[];
  readonly recursive?: true;
  readonly depth?: number;
}

const readsAtOnce = 256;
const maxInt = 2 ** 31 - 1;

/** Adds the verbs to the command. */
export function addNodeVerbs(program: Command, around: Surroundings): void {
  const { stdout, stderr, variables, signal } = around;
  const print = (text: string | Uint8Array) => writeTo(stdout, text);

  /** A verb that takes a path: connects, does its work, and closes. */
  const verb = (
    name: string,
    help: string,
    run: (client: Client, path: string, flags: Flags, data: string | undefined) => Promise<void>,
  ): Command => {
    const command = program.command(name).description(help).option("--json", "print JSON");
    addCommonOptions(
      addConnectionOptions(command, "", "where to connect: host:port[,…][/chroot] (default: CORRAL_CONNECT)"),
    );
    return command.action(async (path: string, second: unknown) => {
      const flags = command.opts<Flags>();
      const client = await connectSide("", true, command.opts(), variables, signal);
      try {
        await run(client, path, flags, typeof second === "string" ? second : undefined);
      } catch (error) {
        throw withHint(error, name.split(" ")[0] ?? name, { acl: flags.set ?? flags.acl });
      } finally {
        await client.close();
      }
    });
  };

  verb("get <path>", "print a node's data", async (client, path, flags) => {
    const { data, stat } = await client.get(path, { signal });
    if (flags.json) return print(jsonLine({ path, ...dataFields(data), stat: statFields(stat) }));
    if (flags.raw) return print(data ?? new Uint8Array(0));
    await print(`${dataText(data)}\n`);
    if (flags.stat) await print(fieldLines(stat));
  })
    .option("--raw", "print the bytes as they are, nothing else")
    .option("--stat", "print the metadata as well");

  verb(
    "set <path> [data]",
    "replace a node's data; - reads it from standard input",
    async (client, path, flags, given) => {
      const data = await dataFrom(given, flags, around);
      const options = { signal, ...(flags.dataVersion === undefined ? {} : { version: flags.dataVersion }) };
      const written = flags.create
        ? client.setOrCreate(path, data, { signal, createParents: true }).then((made) => made.stat)
        : client.set(path, data, options);
      const stat = await written.catch(largeMayBeWhy("set", data));
      await print(flags.json ? jsonLine({ path, stat: statFields(stat) }) : `${path} has version ${stat.version}\n`);
    },
  )
    .option("--file <file>", "take the data from a file")
    .option("--data-version <n>", "only if the node has this version", wholeNumber(0, maxInt))
    .option("--create", "create the node, and its parents, where there is none");

  verb(
    "create <path> [data]",
    "create a node; - reads its data from standard input",
    async (client, path, flags, given) => {
      const data = given === undefined && flags.file === undefined ? null : await dataFrom(given, flags, around);
      const { ttl, container, sequential, acl, parents } = flags;
      if (container && (ttl !== undefined || sequential)) {
        throw new UsageError("A container has neither a time to live nor a sequence number.");
      }
      const mode = container
        ? "container"
        : ttl !== undefined
          ? sequential
            ? "persistentSequentialWithTtl"
            : "persistentWithTtl"
          : sequential
            ? "persistentSequential"
            : "persistent";
      const made = await client
        .create2(path, data, {
          mode,
          signal,
          ...(ttl === undefined ? {} : { ttlMs: ttl }),
          ...(acl === undefined ? {} : { acl }),
          ...(parents ? { createParents: true } : {}),
        })
        .catch(largeMayBeWhy("create", data));
      await print(flags.json ? jsonLine({ path: made.path, stat: statFields(made.stat) }) : `${made.path}\n`);
    },
  )
    .option("--file <file>", "take the data from a file")
    .option("--parents", "create missing parents")
    .option("--sequential", "let the server append a number to the name")
    .option("--container", "a container: it goes when its last child has gone")
    .option(
      "--ttl <ms>",
      "it goes when it has had no child, and no change, for so long",
      wholeNumber(1, maxTtlMs, " of milliseconds"),
    )
    .option("--acl <entry>", 'who may do what, as "cdrwa world:anyone"; can be repeated', addAcl);

  verb("delete <path>", "delete a node", async (client, path, flags) => {
    await client.delete(path, {
      signal,
      ...(flags.recursive ? { children: true } : {}),
      ...(flags.dataVersion === undefined ? {} : { version: flags.dataVersion }),
    });
    if (flags.json) await print(jsonLine({ path }));
  })
    .option("--recursive", "delete everything below it as well")
    .option("--data-version <n>", "only if the node has this version", wholeNumber(0, maxInt));

  verb("ls <path>", "print the names of a node's children", async (client, path, flags) => {
    const children = await client.children(path, { signal });
    await print(flags.json ? jsonLine({ path, children }) : children.map((name) => `${name}\n`).join(""));
  });

  verb("stat <path>", "print a node's metadata", async (client, path, flags) => {
    const { stat } = await client.childrenWithStat(path, { signal });
    await print(flags.json ? jsonLine({ path, stat: statFields(stat) }) : fieldLines(stat));
  });

  verb("acl <path>", "print who may do what with a node, or change it", async (client, path, flags) => {
    const { acl, aversion, isReadable } = await aclOf(client, path, flags.set, signal);
    const lines = aclLines(acl);
    await print(flags.json ? jsonLine({ path, acl: lines, aversion }) : lines.map((line) => `${line}\n`).join(""));
    if (isReadable) return;
    // The server has put them there, and they cannot be seen.
    const identities = acl.some(({ id }) => id.scheme === "auth") ? " with your identities for auth:," : "";
    await writeTo(stderr, `${path} has this access list now,${identities} and you can no longer read it.\n`);
  }).option("--set <entry>", 'the new list, as "cdrwa world:anyone"; can be repeated', addAcl);

  verb("tree <path>", "print a node and everything below it", async (client, path, flags) => {
    await printTree(client, path, flags, print, signal);
  }).option("--depth <n>", "how far below it", wholeNumber(0, maxInt));

  verb(
    "explain <path>",
    "say in words what a node is, who owns it and who stands in line",
    async (client, path, flags) => {
      const [{ acl }, { children: names, stat }] = await Promise.all([
        client.getAcl(path, { signal }),
        client.childrenWithStat(path, { signal }),
      ]);
      const children = await statsOf(client, path, names, signal);
      const lines = explain({ path, stat, acl, children, nowMs: client.clock.wallMs() });
      await print(flags.json ? jsonLine({ path, explanation: lines }) : `${lines.join("\n")}\n`);
    },
  );
}

/** The list that the node has, once it has the one to be set, if there is one. */
async function aclOf(
  client: Client,
  path: string,
  set: readonly Acl[] | undefined,
  signal: AbortSignal,
): Promise<{ readonly acl: readonly Acl[]; readonly aversion: number; readonly isReadable: boolean }> {
  const changed = set && (await client.setAcl(path, set, { signal }));
  try {
    const { acl, stat } = await client.getAcl(path, { signal });
    return { acl, aversion: stat.aversion, isReadable: true };
  } catch (error) {
    // Who shuts himself out has changed the list all the same.
    if (set === undefined || changed === undefined || !isCoordinationError(error, "NoAuth")) throw error;
    return { acl: set, aversion: changed.aversion, isReadable: false };
  }
}

function largeMayBeWhy(verb: string, data: string | Uint8Array | null) {
  return (error: unknown): never => {
    throw withHint(error, verb, { dataBytes: Buffer.byteLength(data ?? "") });
  };
}

async function printTree(
  client: Client,
  root: string,
  { depth = Number.POSITIVE_INFINITY, json }: Flags,
  print: (text: string) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const rootStat = (await client.childrenWithStat(root, { signal })).stat;
  // Depth first, so that a tree of any size is printed as it is read.
  const pending: { readonly path: string; readonly level: number; readonly stat: Stat }[] = [
    { path: root, level: 0, stat: rootStat },
  ];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, level, stat } = next;
    const name = level === 0 ? path : path.slice(path.lastIndexOf("/") + 1);
    const mark = stat.ephemeralOwner === 0n ? "" : " (ephemeral)";
    await print(json ? jsonLine({ path, stat: statFields(stat) }) : `${"  ".repeat(level)}${name}${mark}\n`);
    if (stat.numChildren === 0 || level >= depth) continue;
    const names = await client.children(path, { signal }).catch(ifGone);
    const stats = await statsOf(client, path, names, signal);
    for (const [child, childStat] of [...stats].reverse()) {
      pending.push({ path: childPath(path, child), level: level + 1, stat: childStat });
    }
  }
}

function ifGone(error: unknown): string[] {
  if (isCoordinationError(error, "NoNode")) return [];
  throw error;
}

async function statsOf(
  client: Client,
  path: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Stat>> {
  const stats = new Map<string, Stat>();
  for (let at = 0; at < names.length; at += readsAtOnce) {
    const some = names.slice(at, at + readsAtOnce);
    const found = await Promise.all(some.map((name) => client.exists(childPath(path, name), { signal })));
    for (const [i, stat] of found.entries()) if (stat !== undefined) stats.set(some[i] ?? "", stat);
  }
  return stats;
}

function childPath(path: string, name: string): string {
  return path === "/" ? `/${name}` : `${path}/${name}`;
}

function fieldLines(stat: Stat): string {
  return Object.entries(statFields(stat))
    .map(([name, value]) => `${name} ${value}\n`)
    .join("");
}

async function dataFrom(
  given: string | undefined,
  { file }: Flags,
  { stdin }: Surroundings,
): Promise<string | Uint8Array> {
  if (given !== undefined && file !== undefined)
    throw new UsageError("Give the data as an argument or as a file, not both.");
  if (file !== undefined) {
    return await readFile(file).catch((error: Error) => {
      throw new UsageError(`The file with the data cannot be read: ${error.message}.`);
    });
  }
  if (given === undefined) throw new UsageError("Give the data as an argument, as --file, or - for standard input.");
  return given === "-" ? await readAll(stdin) : given;
}

function addAcl(text: string, before: readonly Acl[] = []): readonly Acl[] {
  const entry = parseAclEntry(text);
  if (entry === undefined)
    throw new InvalidArgumentError('It must be letters of cdrwa and scheme:id, as "r world:anyone".');
  return [...before, entry];
}
