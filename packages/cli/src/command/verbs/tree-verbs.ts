/** `import`, `export`, `dump`, `load`: whole trees, between ensembles and to and from files. */
import { maxTtlMs } from "@corral/client";
import { type Command, InvalidArgumentError, Option } from "commander";
import { type CopyProgress, type CopyReport, copyTree, type LoadOptions, loadTree } from "../../copy.ts";
import { checkDump, type DumpReport, dumpTree, openDump } from "../../dump/dump.ts";
import { raiseEpoch } from "../../raise-epoch.ts";
import type { CounterPolicy } from "../../tree/counters.ts";
import type { LeftOut, ReadTreeOptions } from "../../tree/read-tree.ts";
import type { ConflictPolicy } from "../../tree/write-tree.ts";
import { addCommonOptions, addConnectionOptions, connectSide, type Side, tlsOf } from "../connection.ts";
import { type IfThere, requireRoom, writeDumpFile } from "../dump-file.ts";
import { DumpSource, standardStream } from "../dump-source.ts";
import { wholeNumber } from "../numbers.ts";
import { hex, jsonLine } from "../show.ts";
import { type Surroundings, writeTo } from "../surroundings.ts";
import { readTlsFiles } from "../tls-files.ts";

interface Flags {
  readonly json?: true;
  readonly quiet?: true;
  readonly exclude?: readonly string[];
  readonly skipUnreadable?: true;
  readonly container?: readonly string[];
  readonly ttl?: ReadonlyMap<string, number>;
  readonly onConflict: ConflictPolicy;
  readonly counters: CounterPolicy;
  readonly dryRun?: true;
  readonly overwrite?: true;
  readonly admin?: string;
  readonly adminTlsCa?: string;
  readonly allowSmallerTokens?: true;
}

/** Adds the verbs to the command. */
export function addTreeVerbs(program: Command, around: Surroundings): void {
  const { stdout, stderr, variables, signal } = around;

  const copy = (name: "import" | "export", help: string, own: Side): void => {
    const command = program.command(name).description(help);
    addConnectionOptions(
      command,
      "from",
      `the source: host:port[,…][/chroot]${own === "from" ? " (default: CORRAL_CONNECT)" : ""}`,
    );
    addConnectionOptions(
      command,
      "to",
      `the target: host:port[,…][/chroot]${own === "to" ? " (default: CORRAL_CONNECT)" : ""}`,
    );
    addReportOptions(addWriteOptions(addReadOptions(addCommonOptions(command))));
    command.action(async () => {
      const flags = command.opts<Flags>();
      const from = await connectSide("from", own === "from", command.opts(), variables, signal);
      try {
        const to = await connectSide("to", own === "to", command.opts(), variables, signal);
        try {
          const progress = progressTo(around, flags);
          const target = { side: "to", isOwn: own === "to", values: command.opts() } as const;
          const write = writeOptions(flags, around, target);
          const options = { ...readOptions(flags, signal), ...write, onProgress: progress.tell };
          const report = await copyTree(from, to, options).finally(progress.end);
          await writeTo(stdout, flags.json ? jsonLine(plain(report)) : copyText(report, flags));
          await warn(report, flags, around);
        } finally {
          await to.close();
        }
      } finally {
        await from.close();
      }
    });
  };
  copy("import", "copy a tree from another ensemble, Apache ZooKeeper's or Corral's, to this one", "to");
  copy("export", "copy a tree from this ensemble to another", "from");

  const dump = program
    .command("dump [file]")
    .description(
      "write a tree to a file, as lines of JSON; compressed if its name ends with .gz; without a file, or with -, print it",
    )
    .option("--overwrite", "replace the file if there is one");
  addConnectionOptions(dump, "", "where to connect: host:port[,…][/chroot] (default: CORRAL_CONNECT)");
  addReportOptions(addReadOptions(addCommonOptions(dump)));
  dump.action(async (given: string | undefined) => {
    const file = given === standardStream ? undefined : given;
    const flags = dump.opts<Flags>();
    const ifThere = flags.overwrite ? "overwrite" : "refuse";
    if (file !== undefined) await requireRoom(file, ifThere);
    const client = await connectSide("", true, dump.opts(), variables, signal);
    try {
      const progress = progressTo(around, flags);
      const lines = dumpTree(client, {
        ...readOptions(flags, signal),
        onProgress: (nodes) => progress.tell({ phase: "nodes", nodes, bytes: 0 }),
      });
      const written = file === undefined ? printDump(lines, around) : writeDump(lines, file, ifThere);
      const report = await written.finally(progress.end);
      const text = flags.json ? jsonLine(report) : dumpText(report);
      if (!flags.quiet || flags.json) await writeTo(file === undefined ? stderr : stdout, text);
      await warn(report, flags, around);
    } finally {
      await client.close();
    }
  });

  const load = program
    .command("load <file>")
    .description("write the tree of a dump to this ensemble; - reads the dump from standard input");
  addConnectionOptions(load, "", "where to connect: host:port[,…][/chroot] (default: CORRAL_CONNECT)");
  addReportOptions(addWriteOptions(addCommonOptions(load)));
  load.action(async (file: string) => {
    const source = await DumpSource.open(file, around);
    try {
      await loadFrom(source, load.opts());
    } finally {
      await source.close();
    }
  });

  const loadFrom = async (source: DumpSource, values: Flags & Readonly<Record<string, unknown>>) => {
    // Nothing is written before all of it has been found to be sound.
    await checkDump(source.bytes());
    const client = await connectSide("", true, values, variables, signal);
    try {
      const progress = progressTo(around, values);
      const target = { side: "", isOwn: true, values } as const;
      const options = { ...writeOptions(values, around, target), onProgress: progress.tell };
      const report = await loadTree(await openDump(source.bytes()), client, options).finally(progress.end);
      await writeTo(stdout, values.json ? jsonLine(plain(report)) : copyText(report, values));
    } finally {
      await client.close();
    }
  };
}

function addReadOptions(command: Command): Command {
  return command
    .option("--exclude <path>", "leave this node and all below it out; can be repeated; /zookeeper always is", append)
    .option("--skip-unreadable", "leave nodes out that may not be read, instead of ending there")
    .option(
      "--container <path>",
      "nodes that are containers, which servers do not show; * is one name; can be repeated",
      append,
    )
    .addOption(
      new Option(
        "--ttl <path=ms>",
        "nodes that have a time to live, which servers do not show; can be repeated",
      ).argParser(addTtl),
    );
}

function addWriteOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--on-conflict <policy>",
        "what to do about nodes that are there already; refuse: unless the target is empty",
      )
        .choices(["refuse", "overwrite", "skip"])
        .default("refuse"),
    )
    .addOption(
      new Option(
        "--counters <which>",
        "whose sequence numbers go on where they were: of nodes with numbered children, of all",
      )
        .choices(["sequential", "all", "none"])
        .default("sequential"),
    )
    .option("--admin <url>", "the target's admin port, if it must begin a later epoch; its token in CORRAL_ADMIN_TOKEN")
    .option(
      "--admin-tls-ca <file>",
      "authorities whose certificates are accepted there, PEM (default: those of the target's --tls-ca)",
    )
    .option("--allow-smaller-tokens", "copy even if fencing tokens go back by it")
    .option("--dry-run", "read everything, write nothing");
}

function addReportOptions(command: Command): Command {
  return command.option("--quiet", "do not show how far it is").option("--json", "print the report as JSON");
}

function readOptions(flags: Flags, signal: AbortSignal): ReadTreeOptions {
  const { exclude, container: containers, ttl: ttlMs, skipUnreadable } = flags;
  return { exclude, containers, ttlMs, signal, unreadable: skipUnreadable ? "skip" : "refuse" };
}

/** Which connection is the target's. */
interface Target {
  readonly side: Side;
  readonly isOwn: boolean;
  readonly values: Readonly<Record<string, unknown>>;
}

function writeOptions(flags: Flags, { variables, signal }: Surroundings, target: Target): LoadOptions {
  const { onConflict: conflict, counters, dryRun, admin, adminTlsCa, allowSmallerTokens } = flags;
  // Its admin port shows what its port for clients shows, or has an authority of its own.
  const shared = tlsOf(target.side, target.isOwn, target.values, variables);
  const own = adminTlsCa ?? variables.CORRAL_ADMIN_TLS_CA;
  const tls = own === undefined ? shared : { ...shared, ...readTlsFiles({ ca: own }, "admin-") };
  const port = admin === undefined ? undefined : { url: admin, token: variables.CORRAL_ADMIN_TOKEN, tls };
  return {
    conflict,
    counters,
    dryRun: dryRun ?? false,
    signal,
    smallerTokens: allowSmallerTokens ? "allow" : "refuse",
    raise: port && ((zxid) => raiseEpoch(port, zxid)),
  };
}

async function printDump(lines: AsyncGenerator<string, DumpReport>, { stdout }: Surroundings): Promise<DumpReport> {
  for (;;) {
    const next = await lines.next();
    if (next.done === true) return next.value;
    await writeTo(stdout, next.value);
  }
}

async function writeDump(
  lines: AsyncGenerator<string, DumpReport>,
  file: string,
  ifThere: IfThere,
): Promise<DumpReport> {
  let report: DumpReport | undefined;
  const text = async function* () {
    report = yield* lines;
  };
  await writeDumpFile(text(), file, ifThere);
  if (report === undefined) throw new Error("the dump has no end");
  return report;
}

interface Progress {
  readonly tell: (progress: CopyProgress) => void;
  readonly end: () => void;
}

/** One line that changes, for people who look at a terminal. */
function progressTo({ stderr }: Surroundings, { quiet }: Flags): Progress {
  if (quiet || !("isTTY" in stderr) || stderr.isTTY !== true) return { tell: () => undefined, end: () => undefined };
  let shown = "";
  return {
    tell: ({ phase, nodes }) => {
      const line = phase === "nodes" ? `${nodes} nodes` : `${nodes} nodes, counters of sequence numbers`;
      if (line !== shown) stderr.write(`\r\u001b[K${line}`);
      shown = line;
    },
    end: () => {
      if (shown !== "") stderr.write("\r\u001b[K");
    },
  };
}

function copyText(report: CopyReport & Partial<LeftOut>, { dryRun }: Flags): string {
  const { nodes, bytes, digest, created, overwritten, unchanged, skipped, verified, counters } = report;
  const lines = [
    `${nodes} nodes with ${bytes} bytes of data${dryRun ? " would be copied" : ""}; digest ${digest}`,
    ...leftOutLines(report),
    ...(dryRun
      ? []
      : [
          `created ${created}, overwritten ${overwritten}, unchanged ${unchanged}, skipped ${skipped}; ${verified} read back and the same`,
          `sequence numbers go on where they were at ${counters} nodes that were behind`,
        ]),
    `source at zxid ${hex(report.sourceZxid)}, target at ${hex(report.targetZxid)}`,
  ];
  return `${lines.join("\n")}\n`;
}

function dumpText(report: DumpReport): string {
  const { nodes, bytes, digest } = report;
  return `${[`${nodes} nodes with ${bytes} bytes of data; digest ${digest}`, ...leftOutLines(report)].join("\n")}\n`;
}

function leftOutLines({ ephemerals = 0, unreadable = 0, quotas = [] }: Partial<LeftOut>): readonly string[] {
  return [
    ...(ephemerals > 0 ? [`left out: ${ephemerals} ephemeral nodes, which belong to sessions`] : []),
    ...(quotas.length === 1 ? [`left out: 1 quota (${quotas[0]}): set it anew`] : []),
    ...(quotas.length > 1 ? [`left out: ${quotas.length} quotas (${someOf(quotas)}): set them anew`] : []),
    ...(unreadable > 0 ? [`left out: ${unreadable} nodes that may not be read, and all below them`] : []),
  ];
}

/** A quota may be forgotten; a secret may be in the copy that was to be left out; a container may stay for ever. */
async function warn(
  { unreadableQuotas, unmatched, unmatchedKinds }: LeftOut,
  { json, container = [], ttl }: Flags,
  { stderr }: Surroundings,
): Promise<void> {
  if (json) return;
  if (unreadableQuotas)
    await writeTo(
      stderr,
      "corral: Not all quotas are named: something at or below /zookeeper/quota may not be read.\n",
    );
  for (const path of unmatched)
    await writeTo(stderr, `corral: --exclude ${path} left nothing out: no such node was found.\n`);
  for (const path of unmatchedKinds) {
    if (container.includes(path))
      await writeTo(stderr, `corral: --container ${path} made nothing a container: no such node was found.\n`);
    if (ttl?.has(path))
      await writeTo(stderr, `corral: --ttl ${path} gave nothing a time to live: no such node was found.\n`);
  }
}

function someOf(paths: readonly string[]): string {
  return `${paths.slice(0, 3).join(", ")}${paths.length > 3 ? ", …" : ""}`;
}

function plain(report: CopyReport): Readonly<Record<string, unknown>> {
  return { ...report, sourceZxid: hex(report.sourceZxid), targetZxid: hex(report.targetZxid) };
}

function append(text: string, before: readonly string[] = []): readonly string[] {
  if (!text.startsWith("/")) throw new InvalidArgumentError("It must be a path, beginning with /.");
  return [...before, text.replace(/(?<=.)\/+$/, "")];
}

function addTtl(text: string, before: ReadonlyMap<string, number> = new Map()): ReadonlyMap<string, number> {
  const [, path, ms = ""] = /^(\/.*)=(\d+)$/.exec(text) ?? [];
  if (path === undefined) throw new InvalidArgumentError("It must be a path and milliseconds, as /sessions/*=60000.");
  return new Map([...before, [path, wholeNumber(1, maxTtlMs, " of milliseconds")(ms)]]);
}
