/** `watch`: prints a node, its children or its tree, now and after every change, until it is interrupted. */
import { treeChanges } from "@corral/client";
import type { Command } from "commander";
import { addCommonOptions, addConnectionOptions, connectSide } from "../connection.ts";
import { UsageError } from "../exit-codes.ts";
import { wholeNumber } from "../numbers.ts";
import { dataFields, dataText, jsonLine, statFields } from "../show.ts";
import { type Surroundings, writeTo } from "../surroundings.ts";

interface Flags {
  readonly json?: true;
  readonly children?: true;
  readonly tree?: true;
  readonly count?: number;
}

/** Adds the verb to the command. */
export function addWatchVerb(program: Command, { stdout, variables, signal }: Surroundings): void {
  const print = (text: string) => writeTo(stdout, text);
  const command = program
    .command("watch <path>")
    .description("print a node, now and after every change, until it is interrupted")
    .option("--json", "print JSON, a line for each state")
    .option("--children", "watch the names of its children instead")
    .option("--tree", "watch everything at and below it instead")
    .option("--count <n>", "end after so many states", wholeNumber(1, 999_999_999));
  addCommonOptions(
    addConnectionOptions(command, "", "where to connect: host:port[,…][/chroot] (default: CORRAL_CONNECT)"),
  );
  command.action(async (path: string) => {
    const { json, children, tree, count = Number.POSITIVE_INFINITY } = command.opts<Flags>();
    if (children && tree) throw new UsageError("Watch the children or the tree, not both.");
    const client = await connectSide("", true, command.opts(), variables, signal);
    let left = count;
    try {
      if (children) {
        for await (const names of client.watchChildren(path, { signal })) {
          await print(json ? jsonLine({ path, children: names ?? null }) : `${names?.join(" ") ?? "(no such node)"}\n`);
          if (--left <= 0) break;
        }
      } else if (tree) {
        let before: Parameters<typeof treeChanges>[0];
        for await (const now of client.watchTree(path, { signal })) {
          for (const { type, path: changed } of treeChanges(before, now)) {
            await print(json ? jsonLine({ type, path: changed }) : `${type} ${changed}\n`);
          }
          before = now;
          if (--left <= 0) break;
        }
      } else {
        for await (const node of client.watchNode(path, { signal })) {
          const state = node && { ...dataFields(node.data), stat: statFields(node.stat) };
          await print(
            json ? jsonLine({ path, node: state ?? null }) : `${node ? dataText(node.data) : "(no such node)"}\n`,
          );
          if (--left <= 0) break;
        }
      }
    } finally {
      await client.close();
    }
  });
}
