/**
 * Loaded into a program before it starts: what it writes to the file HUNG_FILE does not return, as on a disk that hangs. The pipe
 * HUNG_PIPE is opened instead, which keeps one of Node's threads for as long as nobody opens its other end; then the write fails.
 */
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

const { HUNG_FILE, HUNG_PIPE } = process.env;
const { open } = promises;

promises.open = async (path, ...parameters) => {
  const handle = await open(path, ...parameters);
  if (path === HUNG_FILE) {
    handle.write = async () => {
      await (await open(HUNG_PIPE, "r")).close();
      throw Object.assign(new Error("EIO: i/o error, write"), { code: "EIO" });
    };
  }
  return handle;
};
syncBuiltinESMExports();
