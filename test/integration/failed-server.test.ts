/** A server of this process that fails by a bug of its own: nobody is left waiting for it. */
import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectClient } from "@corral/client";
import { nodeRandom, silentLogger } from "@corral/io";
import { startServer } from "@corral/server";
import { expect, test } from "vitest";

test("its clients' connections end, and nobody new is let in", async () => {
  let isBroken = false;
  const random = {
    ...nodeRandom,
    bytes: (length: number) => {
      if (isBroken) throw new Error("broken");
      return nodeRandom.bytes(length);
    },
  };
  await using server = await startServer({ clientPort: 0, logger: silentLogger, random });
  const [host, port] = server.connectString.split(":");
  const silent = connect({ host, port: Number(port) });
  await once(silent, "connect");
  await using client = await connectClient(server.connectString);
  await client.create("/here");
  const failure = server.failed.catch((error: unknown) => error);
  isBroken = true;
  const newcomer = connectClient(server.connectString, { connectTimeoutMs: 1_000 }).catch((error: unknown) => error);
  expect(await failure).toEqual(new Error("broken"));
  await once(silent.resume(), "close");
  await expect(once(connect({ host, port: Number(port) }), "connect")).rejects.toThrow("ECONNREFUSED");
  expect(await newcomer).toBeInstanceOf(Error);
});
