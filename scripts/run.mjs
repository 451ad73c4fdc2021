#!/usr/bin/env node
/**
 * Where every npm script starts: it sets up what is missing, then runs the command.
 * This file does nothing but look at Node's version, in syntax that an old Node still reads, so that whoever has one
 * is told so in a sentence and not by a SyntaxError from a dependency. The work is in commands.mjs.
 */
const needed = [20, 19];
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  process.stderr.write(
    `Corral needs Node ${needed.join(".")} or newer, and this is Node ${process.versions.node}: install a newer one from https://nodejs.org and run the command again.\n`,
  );
  process.exitCode = 1;
} else {
  import("./commands.mjs").then(({ main }) => main(process.argv.slice(2)));
}
