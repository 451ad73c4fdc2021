/** The digests of scheme `digest` are those that Apache ZooKeeper's own class makes. */
import { execFileSync } from "node:child_process";
import { digestBase64 } from "@corral/io";
import { expect, test } from "vitest";
import { hasZooKeeper, zookeeperJars } from "../support/peers.ts";

const provider = "org.apache.zookeeper.server.auth.DigestAuthenticationProvider";

test.skipIf(!hasZooKeeper()).each(["SHA-256", "SHA-512", "SHA3-256"] as const)("%s", (algorithm) => {
  const property = `-Dzookeeper.DigestAuthenticationProvider.digestAlg=${algorithm}`;
  const said = execFileSync("java", ["-cp", zookeeperJars, property, provider, "bob:secret"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  expect(said.trim()).toBe(`bob:secret->bob:${digestBase64(algorithm, "bob:secret")}`);
});
