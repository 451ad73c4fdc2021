/**
 * The resources of docs/fencing.md behind a socket: a counter in a file and one in a row of a database, each read and written
 * under a token. Journals, per resource, what it has let through, in order, and what it has refused.
 */
import { rm } from "node:fs/promises";
import { createServer } from "node:http";
import { isStaleTokenError } from "@corral/recipe-kit";
import { config, journal, onStop } from "./child.mjs";

const { kind, socketPath, directory, module } = config;
const resource = kind === "files" ? await fileCounter() : await rowCounter();

async function fileCounter() {
  const { FencedFiles } = await import(module);
  const files = await FencedFiles.open(directory);
  onStop(() => files.close());
  return {
    read: async (token) => Number((await files.read(token, "counter")) ?? "0"),
    write: (token, value) => files.write(token, "counter", String(value)),
  };
}

async function rowCounter() {
  const { Ledger } = await import(module);
  const ledger = await Ledger.open();
  onStop(() => undefined);
  ledger.setBalance(0n, "bob", 0);
  const refused = Object.assign(new Error("no row"), { isRefusal: true });
  return {
    read: (token) => {
      const balance = ledger.balance(token, "bob");
      if (balance === undefined) throw refused;
      return balance;
    },
    write: (token, value) => {
      if (!ledger.setBalance(token, "bob", value)) throw refused;
    },
  };
}

/** `/read/<token>`, or `/write/<token>/<value>`. */
const server = createServer(async (request, response) => {
  const [, what, token, value] = (request.url ?? "").split("/");
  try {
    const result = await (what === "read"
      ? resource.read(BigInt(token))
      : resource.write(BigInt(token), Number(value)));
    journal("let", { what, token, value: Number(value ?? result) });
    response.end(String(result ?? ""));
  } catch (error) {
    if (!isStaleTokenError(error) && !error.isRefusal) throw error;
    journal("refused", { what, token });
    response.statusCode = 412;
    response.end();
  }
});
// What the process before has left, if it was killed.
await rm(socketPath, { force: true });
server.listen(socketPath, () => journal("listening"));
