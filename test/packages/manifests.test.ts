/** What is in the tarballs, and what their manifests promise: by our own rules, by publint's, and by attw's. */
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { describe, expect, test } from "vitest";
import { packages } from "./projects.ts";

test("all packages have one version", () => {
  expect(new Set(packages.map(({ manifest }) => manifest.version)).size).toBe(1);
});

describe.each(packages)("$name", ({ manifest, directory, archive }) => {
  test("says what it is, and asks for versions that a registry has", () => {
    expect(manifest).toMatchObject({
      description: expect.stringMatching(/^[A-Z].{20,}/),
      keywords: expect.arrayContaining(["corral"]),
      license: "Apache-2.0",
      type: "module",
      sideEffects: false,
      engines: { node: ">=20.19" },
      exports: { ".": { types: "./dist/index.d.ts", default: "./dist/index.js" } },
      publishConfig: { access: "public" },
    });
    // The workspace's own way in would lead a consumer who has the same condition to our sources.
    expect(JSON.stringify(manifest.exports)).not.toContain("source");
    for (const range of Object.values(manifest.dependencies ?? {})) expect(range).toMatch(/^\^\d+\.\d+\.\d+$/);
  });

  test("has the files that it names, README and licence, and no tests", async () => {
    const files = (await readdir(directory, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
    const named = [...Object.values(manifest.exports["."] ?? {}), ...Object.values(manifest.bin ?? {})];
    expect(files).toEqual(
      expect.arrayContaining([...named.map((path) => path.replace("./", "")), "LICENSE", "README.md"]),
    );
    expect(
      files.filter(
        (path) =>
          !/^(dist\/.+\.(js|d\.ts)(\.map)?|src\/.+\.ts|bin\/.+|bundle\/.+\.js|worker\/.+\.js|LICENSE|README\.md|package\.json)$/.test(
            path,
          ) || path.includes(".test."),
      ),
    ).toEqual([]);
    for (const program of files.filter((path) => path.startsWith("dist/") && path.endsWith(".js"))) {
      const code = await readFile(join(directory, program), "utf8");
      const beside = [...code.matchAll(/new URL\("(\.[^"]+)", import\.meta\.url\)/g)].map(([, path = ""]) =>
        join(dirname(program), path),
      );
      expect(files, `what ${program} names`).toEqual(expect.arrayContaining(beside));
    }
    for (const map of files.filter((path) => path.endsWith(".map"))) {
      const { sources } = JSON.parse(await readFile(join(directory, map), "utf8")) as { readonly sources: string[] };
      expect(files).toEqual(expect.arrayContaining(sources.map((source) => join(dirname(map), source))));
    }
  });

  test("publint and attw have nothing to say", async () => {
    const data = new Uint8Array(await readFile(archive));
    const tarball = data.buffer;
    const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);

    const analysis = await checkPackage(createPackageFromTarballData(data));
    const problems = analysis.types === false ? ["no types"] : analysis.problems.map(({ kind }) => kind);
    // That require() gets an ES module is meant: Node has that since 20.19, and commonjs.test.ts does it.
    expect(problems.filter((kind) => kind !== "CJSResolvesToESM")).toEqual([]);
  });
});
