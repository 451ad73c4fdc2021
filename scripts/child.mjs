/**
 * Runs a program to its end, and makes sure that a signal meant for it reaches it exactly once.
 *
 * On Ctrl-C the terminal signals every process of the foreground group, and npm then passes the signal on to its
 * children once more: a program that takes the second Ctrl-C for 'stop at once' would never get to clean up. So the
 * program gets a session of its own, out of the terminal's reach, and hears of a signal only from here, where the echo is
 * dropped. What else the terminal tells its foreground group is passed on too: its new size, Ctrl-Z, and fg.
 */
import { spawn } from "node:child_process";

const passedOn = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];
/** A signal that comes again within this time is npm's echo of the first; later, the user has pressed again. */
const echoMs = 1000;

/**
 * Runs `file` with the terminal's own input and output. `stopsItself`: it takes SIGTSTP as the notice to stop itself, by
 * SIGSTOP; any other program is stopped without a word, for a SIGTSTP without a handler does nothing outside the
 * terminal's session.
 * @returns how it ended: `{ code, signal }`, one of them null
 */
export async function runHere(file, args, cwd, { stopsItself = false } = {}) {
  const start = () => spawn(file, args, { cwd, stdio: "inherit", detached: true });
  const { code, signal } = await ended(start, (child, name) => child.kill(name), stopsItself);
  return { code, signal };
}

/**
 * Runs `file` and keeps what it prints, for set-up steps whose output matters only when they fail.
 * @returns how it ended: `{ code, signal, output, interruptedBy }`; the last is the first signal that came meanwhile, or null
 */
export async function runQuietly(file, args, cwd) {
  let output = "";
  const start = () => {
    const child = spawn(file, args, { cwd, stdio: ["ignore", "pipe", "pipe"], detached: true });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        output += text;
      });
    }
    return child;
  };
  // A package manager leaves its work to children, and not all of them pass signals on: tell the whole group.
  const exit = await ended(start, signalGroup, false);
  return { ...exit, output };
}

function ended(start, send, stopsItself) {
  return new Promise((resolve, reject) => {
    let child;
    const lastMs = new Map();
    let interruptedBy = null;
    const handlers = new Map([
      ["SIGWINCH", () => child.kill("SIGWINCH")],
      [
        "SIGTSTP",
        () => {
          signalGroup(child, stopsItself ? "SIGTSTP" : "SIGSTOP");
          process.kill(process.pid, "SIGSTOP");
        },
      ],
      ["SIGCONT", () => signalGroup(child, "SIGCONT")],
    ]);
    for (const name of passedOn) {
      handlers.set(name, () => {
        const nowMs = performance.now();
        const echo = nowMs - (lastMs.get(name) ?? Number.NEGATIVE_INFINITY) < echoMs;
        lastMs.set(name, nowMs);
        interruptedBy ??= name;
        if (!echo) send(child, name);
      });
    }
    const stop = () => {
      for (const [name, handler] of handlers) process.removeListener(name, handler);
    };
    // Before the program is there: a signal that comes while it starts must not end this process and leave it alone.
    for (const [name, handler] of handlers) process.on(name, handler);
    child = start();
    child.once("error", (error) => {
      stop();
      reject(error);
    });
    child.once("close", (code, signal) => {
      stop();
      resolve({ code, signal, interruptedBy });
    });
  });
}

/** To the program and what it has started, unless it is over: then its group's number may be somebody else's. */
function signalGroup(child, name) {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, name);
}

/** Ends this process the way another one ended: with its exit code, or by the signal that killed it. */
export function endAs({ code, signal }) {
  if (signal === null) process.exitCode = code ?? 1;
  else process.kill(process.pid, signal);
}
