#!/usr/bin/env node
import { setFlagsFromString } from "node:v8";

// To load the server's modules keeps Node's own loader so busy that V8 optimizes it, which takes time and some MiB for what is
// never needed again. From here on it optimizes as ever.
setFlagsFromString("--no-opt");
const { main } = await import("../dist/command/main.js");
setFlagsFromString("--opt");

await main(process.argv);
