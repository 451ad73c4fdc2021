/**
 * The examples of pages, compiled as in a project that has installed the packages, and run on plain Node.
 *
 * A `ts` block that a `text` block follows is an example, and prints that. One that begins with `// <name>.ts` is a module,
 * which the examples of its page can import. Other blocks are parts of something, and are left alone.
 */
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");

/** One example: its compiled file, and what the page says that it prints. */
export interface PageExample {
  readonly page: string;
  readonly file: string;
  readonly printed: string;
}

/** As far as a page needs it: the package brings no types, and those of others do not know of its 64-bit integers. */
const sqlTypes = `declare module "sql.js" {
  type Value = bigint | number | string | Uint8Array | null;
  interface Statement {
    get(parameters?: readonly Value[]): Value[];
    free(): boolean;
  }
  export interface Database {
    run(sql: string, parameters?: readonly Value[]): this;
    prepare(sql: string, parameters?: readonly Value[]): Statement;
    getRowsModified(): number;
  }
  const initialise: () => Promise<{ readonly Database: new () => Database }>;
  export default initialise;
}
`;

/** See the head of this file. */
export class PageExamples implements AsyncDisposable {
  readonly #directory: string;
  readonly all: readonly PageExample[];

  private constructor(directory: string, all: readonly PageExample[]) {
    this.#directory = directory;
    this.all = all;
  }

  /** Those of `pages`, given by their paths. Rejects with what the compiler says of them. */
  static async compile(pages: readonly string[], name: string): Promise<PageExamples> {
    // Below test/, so that packages are found by name.
    const directory = join(root, "test", "node_modules", `.${name}-${process.pid}`);
    try {
      const written = await Promise.all(pages.map((page) => writeExamples(directory, page)));
      await compile(directory);
      return new PageExamples(directory, written.flat());
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** The compiled file of a page's module. */
  module(page: string, name: string): string {
    return join(this.#directory, slug(page), `${name}.js`);
  }

  /** Runs an example on a server. Gives what it prints. Rejects if it fails. */
  async run(
    { file }: PageExample,
    connectString: string,
  ): Promise<{ readonly stdout: string; readonly stderr: string }> {
    const code = await readFile(file, "utf8");
    await writeFile(file, code.replaceAll("127.0.0.1:2181", connectString));
    return await run(process.execPath, [file], { timeout: 60_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}

function slug(page: string): string {
  return page.replaceAll("/", "-").replace(/\.md$/, "");
}

async function writeExamples(directory: string, page: string): Promise<PageExample[]> {
  const text = await readFile(join(root, page), "utf8");
  const blocks = [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language, code]) => ({ language, code }));
  const examples: PageExample[] = [];
  await mkdir(join(directory, slug(page)), { recursive: true });
  for (const [i, { language, code = "" }] of blocks.entries()) {
    if (language !== "ts") continue;
    const name = /^\/\/ ([\w-]+)\.ts\n/.exec(code)?.[1];
    const next = blocks[i + 1];
    if (name === undefined && next?.language !== "text") continue;
    const path = join(directory, slug(page), name ?? `example-${examples.length + 1}`);
    await writeFile(`${path}.ts`, code);
    if (name === undefined) examples.push({ page, file: `${path}.js`, printed: next?.code ?? "" });
  }
  return examples;
}

async function compile(directory: string): Promise<void> {
  const { compilerOptions } = JSON.parse(await readFile(join(root, "tsconfig.base.json"), "utf8"));
  const { customConditions: _, ...asInstalled } = compilerOptions;
  const project = {
    compilerOptions: {
      ...asInstalled,
      composite: false,
      declaration: false,
      declarationMap: false,
      sourceMap: false,
      typeRoots: [join(root, "node_modules/@types")],
    },
    include: ["**/*.ts"],
  };
  await writeFile(join(directory, "tsconfig.json"), JSON.stringify(project));
  await writeFile(join(directory, "package.json"), JSON.stringify({ type: "module" }));
  await writeFile(join(directory, "sql-js.d.ts"), sqlTypes);
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  await run(process.execPath, [compiler, "-p", directory], { cwd: dirname(directory) }).catch((error: unknown) => {
    throw new Error(`The examples do not compile:\n${Reflect.get(error as object, "stdout")}`);
  });
}
