/**
 * A program with a server in it, which closes it when it is told to and has nothing else to do. Standard output: the server's port, and whether
 * it has a second thread for writing when it is closed. A line on standard input: close.
 */
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { startServer } from "../../../packages/server/dist/index.js";

const say = (line) => process.stdout.write(`${line}\n`);
const threads = () => readdirSync("/proc/self/task").map((id) => readFileSync(`/proc/self/task/${id}/comm`, "utf8"));

const before = threads().length;
const server = await startServer();
say(server.clientPort);
await once(process.stdin, "data");
process.stdin.destroy();
const has = threads().length > before ? "two threads" : "one thread";
await server.close();
say(has);
