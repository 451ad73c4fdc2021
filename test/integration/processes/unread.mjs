/** Makes a file, and says whether it passes for one that nobody has read. Argument: its path. Standard output: `{"isUnread":…}`. */
import { nodeDisk } from "../../../packages/io/dist/index.js";

const path = process.argv[2];
const made = await nodeDisk.open(path, "create");
await made.write(0, Buffer.alloc(10_000, 1));
await made.sync();
await made.close();
const file = await nodeDisk.open(path, "write");
process.stdout.write(JSON.stringify({ isUnread: await file.isUnread() }));
await file.close();
