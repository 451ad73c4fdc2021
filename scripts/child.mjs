/**
 * Runs a program to its end, and makes sure that a signal meant for it reaches it exactly once.
 *
 * On Ctrl-C the terminal signals every process of the foreground group, and npm then passes the signal on to its
 * children once more: a program that takes the second Ctrl-C for 'stop at once' would never get to clean up. So the
 * program gets a process group of its own, out of the terminal's reach, and hears of a signal only from here, where
 * the echo is dropped.
 */
import { spawn } from "node:child_process";

const passedOn = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];
/** A signal that comes again within this time is npm's echo of the first; later, the user has pressed again. */
const echoMs = 1000;

/**
 * Runs `file` with the terminal's own input and output.
 * @returns how it ended: `{ code, signal }`, one of them null
 */
export async function runHere(file, args, cwd) {
  const child = spawn(file, args, { cwd, stdio: "inherit", detached: true });
  return await ended(child, (signal) => child.kill(signal));
}

/**
 * Runs `file` and keeps what it prints, for set-up steps whose output matters only when they fail.
 * @returns how it ended: `{ code, signal, output }`
 */
export async function runQuietly(file, args, cwd) {
  const child = spawn(file, args, { cwd, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text) => {
      output += text;
    });
  }
  // A package manager leaves its work to children, and not all of them pass signals on: tell the whole group.
  const exit = await ended(child, (signal) => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, signal);
  });
  return { ...exit, output };
}

function ended(child, send) {
  return new Promise((resolve, reject) => {
    const lastMs = new Map();
    const pass = (signal) => {
      const nowMs = performance.now();
      const echo = nowMs - (lastMs.get(signal) ?? Number.NEGATIVE_INFINITY) < echoMs;
      lastMs.set(signal, nowMs);
      if (!echo) send(signal);
    };
    const stop = () => {
      for (const signal of passedOn) process.removeListener(signal, pass);
    };
    for (const signal of passedOn) process.on(signal, pass);
    child.once("error", (error) => {
      stop();
      reject(error);
    });
    child.once("close", (code, signal) => {
      stop();
      resolve({ code, signal });
    });
  });
}

/** Ends this process the way another one ended: with its exit code, or by the signal that killed it. */
export function endAs({ code, signal }) {
  if (signal === null) process.exitCode = code ?? 1;
  else process.kill(process.pid, signal);
}
