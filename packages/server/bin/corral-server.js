#!/usr/bin/env node
import { setFlagsFromString } from "node:v8";
import { program } from "./program.js";

// To load the server's modules keeps Node's own loader so busy that V8 optimizes it, and makes room for four times as many young
// objects: time and some MiB for what is never needed again. From here on it optimizes and grows as ever.
setFlagsFromString("--no-opt");
setFlagsFromString("--semi-space-growth-factor=1");
const { main } = await import(program().href);
setFlagsFromString("--semi-space-growth-factor=2");
setFlagsFromString("--opt");

await main(process.argv);
