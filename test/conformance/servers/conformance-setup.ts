/** The Apache ZooKeepers of a whole run: started before the first file, ended after the last, when it is said how it went. */
import { setTimeout as delay } from "node:timers/promises";
import type { TestProject } from "vitest/node";
import { startApacheZooKeeper } from "../../support/apache-zookeeper.ts";
import { fourLetterWord } from "../../support/four-letter-word.ts";
import { hasZooKeeper } from "../../support/peers.ts";
import { differences } from "../differences.ts";
import { waiting } from "../waiting.ts";
import { apacheSettings, type ServerKind, serverKinds } from "./kinds.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the Apache ZooKeepers listen; null if there is none on this machine. */
    conformanceApachePorts: Readonly<Record<ServerKind, number>> | null;
  }
}

/** Called by vitest; what it returns is called at the end. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  if (!hasZooKeeper()) {
    provide("conformanceApachePorts", null);
    return async () => tell();
  }
  const started = await Promise.all(
    serverKinds.map(async (kind) => [kind, await startApacheZooKeeper(apacheSettings[kind])] as const),
  );
  await Promise.all(started.map(([, { port }]) => untilServing(port)));
  const { plain, strict, fresh, busy } = Object.fromEntries(started) as Record<ServerKind, (typeof started)[number][1]>;
  const ports = { plain: plain.port, strict: strict.port, fresh: fresh.port, busy: busy.port };
  provide("conformanceApachePorts", ports);
  return async () => {
    await Promise.all(started.map(([, apache]) => apache.close()));
    tell();
  };
}

/** It answers `ruok` a moment before it lets anybody in. A word writes nothing, so the fresh one stays fresh. */
async function untilServing(port: number): Promise<void> {
  while ((await fourLetterWord(port, "isro")) !== "rw") await delay(20);
}

/** In how much we differ, and what is not tried: nobody should have to look for it. */
function tell(): void {
  const different = Object.keys(differences);
  const lines = [
    `Conformance: in ${different.length} points this server is meant to differ from Apache ZooKeeper 3.8.0`,
    `  (${different.join(", ")}: test/conformance/differences.ts)`,
    `${waiting.length} lines of the list are not tried here:`,
    ...waiting.map(({ lines, why }) => `  ${lines}: ${why}`),
  ];
  process.stdout.write(`\n${lines.join("\n")}\n\n`);
}
