/**
 * docs/server.md against the code: its tables are what the code says. With CORRAL_WRITE_DOCS=1 they are written instead, between
 * the marks `<!-- name -->` and `<!-- end -->`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fourLetterWords } from "@corral/protocol";
import { afterAll, expect, test } from "vitest";
import { ReplicaHarness } from "../test-support/replica-harness.ts";
import { subjectOf } from "../test-support/subject.ts";
import { adminCommands } from "./admin/commands.ts";
import { metrics } from "./admin/metrics.ts";
import { monitor } from "./admin/monitor.ts";
import { configVariable, logLevelVariable, memoryVariable, serverOptions } from "./command/options.ts";
import { type ZooCfgKey, zooCfgKeys, zooCfgPrefixes } from "./command/zoo-cfg-keys.ts";
import { defaultLimits, zeroLimits } from "./limits.ts";

const pagePath = new URL("../../../docs/server.md", import.meta.url);
let page = readFileSync(pagePath, "utf8");
const isWriting = process.env.CORRAL_WRITE_DOCS === "1";
afterAll(() => {
  if (isWriting) writeFileSync(pagePath, page);
});

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(heads), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

const code = (text: string) => `\`${text}\``;
const codes = (texts: readonly string[]) => texts.map(code).join(", ");

/** The sentence above each limit in limits.ts. */
function limitRows(): readonly (readonly string[])[] {
  const source = readFileSync(new URL("./limits.ts", import.meta.url), "utf8");
  return Object.entries(defaultLimits).map(([name, value]) => {
    const comment = new RegExp(`/\\*\\*((?:(?!\\*/).)*)\\*/\\s*readonly ${name}:`, "s").exec(source)?.[1] ?? "";
    const sentence = comment.replace(/\s*\n\s*\*\s*/g, " ").trim();
    expect(sentence, `limits.ts says what ${name} is`).not.toBe("");
    expect(/(^|[^\w.])0( is|:)/.test(sentence), `limits.ts says what ${name} of 0 is, if it may be`).toBe(
      (zeroLimits as ReadonlySet<string>).has(name),
    );
    return [code(name), String(value), sentence.replaceAll("|", "\\|")];
  });
}

function zooCfgRows(): readonly (readonly string[])[] {
  return Object.entries(zooCfgKeys).flatMap(([key, meaning]) =>
    "setting" in meaning ? [[code(key), code(meaning.setting)]] : [],
  );
}

function zooCfgList(kind: "missing" | "refused"): readonly (readonly string[])[] {
  const rows = new Map<string, string[]>();
  const add = (key: string, meaning: ZooCfgKey) => {
    const why = kind in meaning ? (meaning as Readonly<Record<string, string>>)[kind] : undefined;
    if (why !== undefined) rows.set(why, [...(rows.get(why) ?? []), key]);
  };
  for (const [key, meaning] of Object.entries(zooCfgKeys)) add(key, meaning);
  for (const [prefix, meaning] of zooCfgPrefixes) add(`${prefix}*`, meaning);
  return [...rows].map(([why, keys]) => [codes(keys), why]);
}

const blocks: Readonly<Record<string, () => string | Promise<string>>> = {
  options: () =>
    table(
      ["Setting", "Flag", "Variable", "What it is"],
      serverOptions.map(({ setting, flag, variable, help }) => [
        code(setting),
        flag === undefined ? "" : code(`--${flag}`),
        code(variable),
        help,
      ]),
    ),
  limits: () => table(["Limit", "Default", "What it is"], limitRows()),
  "zoo.cfg settings": () => table(["Key", "Setting"], zooCfgRows()),
  "zoo.cfg missing": () => table(["Key", "Why it has no effect"], zooCfgList("missing")),
  "zoo.cfg refused": () => table(["Key", "Why the server does not start with it"], zooCfgList("refused")),
  mntr: async () => codes((await monitor(subjectOf(new ReplicaHarness()))).map(([key]) => `zk_${key}`)),
  commands: () => codes(adminCommands.map(({ names: [name] }) => name)),
  metrics: () =>
    table(
      ["Metric", "Type", "What it is"],
      metrics.map(({ name, kind, label, help }) => [
        code(label === undefined ? name : `${name}{${label}}`),
        kind,
        help,
      ]),
    ),
};

test.each(Object.keys(blocks))("the page has the code's %s", async (name) => {
  const expected = await blocks[name]?.();
  const mark = new RegExp(`(<!-- ${name.replace(".", "\\.")} -->\n\n)(.*?)(\n\n<!-- end -->)`, "s");
  expect(page).toMatch(mark);
  if (isWriting)
    page = page.replace(mark, (_, before: string, __: string, after: string) => `${before}${expected}${after}`);
  else expect(mark.exec(page)?.[2], "run this test with CORRAL_WRITE_DOCS=1 to write it").toBe(expected);
});

test("every four-letter word, and every variable that is no setting, is on the page", () => {
  for (const word of fourLetterWords) expect(page).toContain(code(word));
  for (const variable of [configVariable, memoryVariable, logLevelVariable]) expect(page).toContain(code(variable));
});
