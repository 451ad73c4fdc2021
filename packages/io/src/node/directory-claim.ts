/**
 * A claim on a directory that ends with the process, however that ends: a listening unix-domain socket in the
 * directory. The kernel closes it with the process, and a connection to what is left of it is refused, so that nobody
 * has to guess from a process number whether the holder lives. It works between containers that share the directory.
 *
 * Each attempt listens on a socket file of its own and only then looks at the others: of two attempts the one that
 * came to listen later always sees the other one, so that two can never both go on.
 *   1. listen on `.claim-<number>-<random>`, the number one above all that are there
 *   2. another claim answers: give up if its name is the smaller one; else it holds the directory, or will give up
 *      when it sees this one, so look again for a while. (Without that order, two that start together would both lose.)
 *   3. the own file is still there: the directory is claimed. (It is not, if another one took it for dead before it
 *      came to listen: then that one may not have seen this one. Start again.)
 *   4. remove the files that the dead have left. Only a holder does this, and before it can end: see 3.
 */
import { lstat, mkdtemp, readdir, rm, symlink, unlink } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type DirectoryClaim, DirectoryInUseError } from "../ports/disk.ts";
import { nodeRandom } from "./random.ts";

const claimName = /^\.claim-(\d{10})-[0-9a-f]{8}$/;

/** What every system takes as the path of a unix-domain socket (Linux 107 bytes, others 103). */
const socketPathBytesMax = 103;

/** How long a newer claim is given to see this one and withdraw, in steps. */
const withdrawalSteps = 40;
const withdrawalStepMs = 10;

/** Claims `directory`; see `Disk.claimDirectory`. */
export async function claimDirectory(directory: string): Promise<DirectoryClaim> {
  const path = resolve(directory);
  const reach = await shortPath(path);
  try {
    for (;;) {
      const claim = await attempt(path, reach.path, directory);
      if (claim) return claim;
    }
  } finally {
    await reach.forget();
  }
}

/** One attempt; undefined if it has to be made again. `given`: how the directory was named to us. */
async function attempt(directory: string, reach: string, given: string): Promise<DirectoryClaim | undefined> {
  const present = await claimsIn(directory);
  const name = nextName(present);
  const server = await listen(join(reach, name)).catch(async (error: NodeJS.ErrnoException) => {
    // It may be writable elsewhere: for a server in another container, say.
    if (error.code === "EROFS" && (await areAlive(present, reach)).includes(true)) {
      throw new DirectoryInUseError(directory);
    }
    // Node names no file in the errors of sockets: who reads them is told which directory it was.
    error.path = given;
    throw error;
  });
  const claim = new SocketClaim(server, join(directory, name));
  try {
    let dead: string[];
    for (let step = 0; ; step += 1) {
      const others = (await claimsIn(directory)).filter((other) => other !== name);
      const answers = await areAlive(others, reach);
      const alive = others.filter((_, index) => answers[index]);
      dead = others.filter((_, index) => !answers[index]);
      if (alive.length === 0) break;
      if (alive.some((other) => other < name) || step === withdrawalSteps) throw new DirectoryInUseError(directory);
      await sleep(withdrawalStepMs);
    }
    if (!(await exists(join(directory, name)))) {
      await claim.release();
      return undefined;
    }
    for (const other of dead) await removeFile(join(directory, other));
    return claim;
  } catch (error) {
    await claim.release();
    throw error;
  }
}

class SocketClaim implements DirectoryClaim {
  readonly #server: Server;
  readonly #file: string;
  #releasing: Promise<void> | undefined;

  constructor(server: Server, file: string) {
    this.#server = server;
    this.#file = file;
  }

  release(): Promise<void> {
    this.#releasing ??= this.#release();
    return this.#releasing;
  }

  async #release(): Promise<void> {
    await removeFile(this.#file);
    await new Promise<void>((done) => this.#server.close(() => done()));
  }
}

async function claimsIn(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => claimName.test(name)).sort();
}

function nextName(claims: readonly string[]): string {
  const highest = claims.reduce((number, name) => Math.max(number, Number(claimName.exec(name)?.[1])), 0);
  const random = Buffer.from(nodeRandom.bytes(4)).toString("hex");
  return `.claim-${String(highest + 1).padStart(10, "0")}-${random}`;
}

/** `exclusive`: in a cluster worker the listening socket would otherwise belong to the primary process, and outlive us. */
function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      // Whoever asks knows the answer by being connected.
      socket.on("error", () => socket.destroy());
      socket.destroy();
    });
    server.once("error", reject);
    server.listen({ path, exclusive: true }, () => {
      server.off("error", reject);
      // From here on an error can only be a failed accept, and the asker was connected before that.
      server.on("error", () => {});
      server.unref();
      resolve(server);
    });
  });
}

function areAlive(claims: readonly string[], reach: string): Promise<boolean[]> {
  return Promise.all(claims.map((claim) => isAlive(join(reach, claim))));
}

/** Whether a process listens there. The kernel answers, so a stopped or busy process counts as alive. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve(false);
      // Its queue is full, or it let go just now: somebody was there.
      else if (error.code === "EAGAIN" || error.code === "ECONNRESET") resolve(true);
      else reject(error);
    });
  });
}

/** A path through which sockets in `directory` can be reached: itself, or a short symbolic link if it is too long. */
async function shortPath(directory: string): Promise<{ path: string; forget(): Promise<void> }> {
  const nameBytes = ".claim-0000000000-00000000".length + 1;
  if (Buffer.byteLength(directory) + nameBytes <= socketPathBytesMax) {
    return { path: directory, forget: () => Promise.resolve() };
  }
  const parent = await mkdtemp(join(tmpdir(), "corral-"));
  const link = join(parent, "d");
  await symlink(directory, link);
  return { path: link, forget: () => rm(parent, { recursive: true, force: true }) };
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
}

async function removeFile(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}
