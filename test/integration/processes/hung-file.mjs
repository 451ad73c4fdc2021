/**
 * Loaded into a program before it starts: what it writes to the file HUNG_FILE never returns, as on a disk that hangs. Somebody opens
 * the pipe HUNG_PIPE instead, which keeps one of Node's threads for as long as nobody opens its other end.
 */
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

const { HUNG_FILE, HUNG_PIPE } = process.env;
const { open } = promises;

promises.open = async (path, ...parameters) => {
  const handle = await open(path, ...parameters);
  if (path === HUNG_FILE) handle.write = () => open(HUNG_PIPE, "r");
  return handle;
};
syncBuiltinESMExports();
