/** kazoo comes in by SASL DIGEST-MD5: it takes our challenge and our proof, and we take its own. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Server, startServer } from "@corral/server";
import { afterEach, describe, expect, test } from "vitest";
import { hasKazoo } from "../support/peers.ts";
import { RecordingLogger } from "../support/recording-logger.ts";

const run = promisify(execFile);
const script = join(import.meta.dirname, "kazoo_sasl.py");

describe.runIf(hasKazoo())("kazoo", () => {
  let server: Server;
  let logger: RecordingLogger;
  afterEach(() => server.close());

  async function say(username: string, password: string): Promise<string> {
    logger = new RecordingLogger();
    server = await startServer({ saslUsers: ["bob:a:secret, with more"], enforcedAuthSchemes: ["sasl"], logger });
    const { stdout } = await run("/usr/bin/python3", [script, server.connectString, username, password]);
    return stdout.trim();
  }

  test("proves a password, and has the user's identity", async () => {
    expect(await say("bob", "a:secret, with more")).toBe('[["sasl", "bob"]] y');
  });

  test.each([
    ["bob", "wrong"],
    ["eve", "a:secret, with more"],
  ])("is refused as %s with the password %j", async (username, password) => {
    expect(await say(username, password)).toBe("refused");
    await logger.line(`wrong user or password ("${username}")`);
  });
});
