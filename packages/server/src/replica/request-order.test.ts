/** What a connection asks for is carried out in the order in which it asks, however much it asks for at once. */
import { openAcl } from "@corral/protocol";
import { expect, test } from "vitest";
import { ReplicaHarness } from "../../test-support/replica-harness.ts";

const node = (path: string) => ({ path, data: null, acl: openAcl, flags: 0 });
const noNames = Buffer.alloc(4);

test("a read behind a sync does not see the write behind it, though all became durable together", () => {
  const h = new ReplicaHarness({ log: "manual" });
  const [other, client] = [h.connect(), h.connect()];
  h.durable();
  other.send("create", node("/a"));
  h.durable();
  other.send("create", node("/other"));
  client.frames(
    client.encode("sync", { path: "/" }),
    client.encode("getChildren", { path: "/a", watch: true }),
    client.encode("create", node("/a/b")),
  );
  h.durable();
  expect(client.received.slice(1)).toMatchObject([
    { kind: "reply", header: { err: 0 } },
    { kind: "reply", header: { err: 0 }, body: noNames },
    { kind: "event", event: { path: "/a" } },
    { kind: "reply", header: { err: 0 } },
  ]);
});

test("nor when it is behind a write of its own", () => {
  const h = new ReplicaHarness({ log: "manual" });
  const client = h.connect();
  h.durable();
  client.frames(
    client.encode("create", node("/a")),
    client.encode("getChildren", { path: "/a", watch: true }),
    client.encode("create", node("/a/b")),
  );
  h.durable();
  expect(client.received.slice(2)).toMatchObject([
    { kind: "reply", header: { err: 0 }, body: noNames },
    { kind: "event", event: { path: "/a" } },
    { kind: "reply", header: { err: 0 } },
  ]);
});
