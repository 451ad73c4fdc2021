/**
 * A registry on 127.0.0.1 that has our packages as they are packed, and of what they depend on exactly what the workspace
 * has installed: npm installs from it as a user's npm would, without a network.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, realpath } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { foreignPackage, type Manifest, type Packed } from "./packed.ts";

const run = promisify(execFile);

interface Offered {
  readonly manifest: Manifest;
  /** @returns the file to install from; made when it is asked for */
  readonly archive: () => Promise<string>;
}

/** A registry that runs. */
export interface LocalRegistry extends AsyncDisposable {
  readonly url: string;
}

/**
 * Starts one that offers `packages`, and packs what they depend on below `directory`; and so of `foreign`, names of
 * packages that projects use besides, with the workspace's package that has each.
 */
export async function startRegistry(
  packages: readonly Packed[],
  foreign: Readonly<Record<string, string>>,
  directory: string,
): Promise<LocalRegistry> {
  const offered = new Map<string, Offered>();
  for (const { name, manifest, archive } of packages) offered.set(name, { manifest, archive: async () => archive });
  const archives = await mkdtemp(join(directory, "foreign-"));
  for (const { source, manifest } of packages) {
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      if (!offered.has(name)) await offer(name, await foreignPackage(source, name), archives, offered);
    }
  }
  for (const [name, user] of Object.entries(foreign)) {
    if (!offered.has(name)) await offer(name, await foreignPackage(user, name), archives, offered);
  }
  const server = createServer(async (request, response) => {
    const [, name = "", archive] = /^\/(.+?)(\/-\/.*)?$/.exec(decodeURIComponent(request.url ?? "")) ?? [];
    const found = offered.get(name);
    if (found === undefined) response.writeHead(404).end();
    else if (archive !== undefined) response.end(await readFile(await found.archive()));
    else response.end(JSON.stringify(packument(found, `http://${request.headers.host}`)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** What a registry says of a package; there is one version of it. */
function packument({ manifest }: Offered, origin: string): unknown {
  const { name, version } = manifest;
  const tarball = `${origin}/${name}/-/${version}.tgz`;
  return { name, "dist-tags": { latest: version }, versions: { [version]: { ...manifest, dist: { tarball } } } };
}

/** Takes in the package installed in `source`, and what it depends on, which lies beside it. */
async function offer(name: string, source: string, archives: string, offered: Map<string, Offered>): Promise<void> {
  const manifest = JSON.parse(await readFile(join(source, "package.json"), "utf8")) as Manifest;
  let packed: Promise<string> | undefined;
  const archive = () => {
    packed ??= pack(source, join(archives, name.replace("/", "+")));
    return packed;
  };
  offered.set(name, { manifest, archive });
  const beside = source.slice(0, -name.length);
  for (const dependency of Object.keys(manifest.dependencies ?? {})) {
    if (!offered.has(dependency)) await offer(dependency, await realpath(join(beside, dependency)), archives, offered);
  }
}

async function pack(source: string, directory: string): Promise<string> {
  // A copy: the workspace's files are links to a store, which the archive would hold as links, and npm leaves those out.
  await cp(source, join(directory, "package"), { recursive: true, dereference: true });
  const archive = join(directory, "package.tgz");
  await run("tar", ["-czf", archive, "-C", directory, "package"]);
  return archive;
}
