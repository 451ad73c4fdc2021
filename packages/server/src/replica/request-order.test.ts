/** What a connection asks for is carried out in the order in which it asks, however much it asks for at once. */
import { ErrorCode, openAcl, operations, Reader } from "@corral/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ReplicaHarness, type TestClient } from "../../test-support/replica-harness.ts";

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

describe("a client that does not take its answers", () => {
  const limits = { softUnsentBytes: 1_000, maxUnsentBytes: 1 << 20 };

  /** What it has been answered; for a read, how many writes it saw. */
  const answers = (client: TestClient): (string | number)[] =>
    client.received.flatMap((r): (string | number)[] => {
      if (r.kind !== "reply") return [];
      if (r.header.err !== ErrorCode.Ok) return [`error ${r.header.err}`];
      if (r.body.length <= statBytes) return [r.body.length === statBytes ? "write" : "other"];
      return [operations.getData.response.read(new Reader(r.body)).stat.version];
    });

  const statBytes = 68;
  const path = "/n";
  const data = Buffer.alloc(600);
  const read = (client: TestClient) => client.encode("getData", { path, watch: false });
  const write = (client: TestClient) => client.encode("setData", { path, data, version: -1 });

  function connected(log: "immediate" | "manual" = "manual", more = {}) {
    const h = new ReplicaHarness({ log, limits: { ...limits, ...more } });
    const client = h.connect();
    h.durable();
    client.send("create", { ...node(path), data });
    h.durable();
    client.received.length = 0;
    client.takes = false;
    return { h, client };
  }

  /** Lets everything come to its end. */
  function goOn(h: ReplicaHarness, client: TestClient): void {
    for (let before = -1; before < client.received.length; ) {
      before = client.received.length;
      h.durable();
      client.drain();
    }
  }

  test("has its later writes wait behind its reads", () => {
    const { h, client } = connected("immediate");
    client.frames(read(client), read(client), read(client), write(client), read(client));
    expect(answers(client)).toEqual([0, 0]);
    expect(client.paused).toBe(true);
    client.drain();
    expect(answers(client)).toEqual([0, 0, 0, "write", 1]);
    expect(client.paused).toBe(true);
    client.drain();
    expect(client.paused).toBe(false);
    expect(h.replica.outstanding).toBe(0);
  });

  test("gets the answer to a read before the write behind it is applied, if that was proposed already", () => {
    const { h, client } = connected();
    client.frames(write(client), read(client), read(client), read(client), write(client));
    expect(h.replica.outstanding).toBe(2);
    h.durable();
    expect(answers(client)).toEqual(["write", 1, 1, 1]);
    client.drain();
    expect(answers(client)).toEqual(["write", 1, 1, 1, "write"]);
  });

  test("has no write proposed behind more reads than may have to be answered at once", () => {
    const { h, client } = connected();
    client.takes = true;
    client.frames(
      write(client),
      ...Array.from({ length: 32 }, () => read(client)),
      write(client),
      ...Array.from({ length: 20 }, () => read(client)),
      write(client),
    );
    expect(h.replica.outstanding).toBe(1);
    goOn(h, client);
    expect(h.replica.outstanding).toBe(0);
    expect(answers(client)).toEqual(["write", ...Array(32).fill(1), "write", ...Array(20).fill(2), "write"]);
    expect(client.paused).toBe(false);
  });

  test("is cut off where its answers, which cannot wait, would take more room than all may have", () => {
    const { h, client } = connected("manual", { hardUnsentBytes: 2_000 });
    client.frames(write(client), ...Array.from({ length: 5 }, () => read(client)), write(client));
    h.durable();
    expect(client.closed).toBe(true);
    expect(answers(client)).toEqual(["write", 1, 1, 1]);
    expect(h.logs.at(-1)?.fields).toMatchObject({ reason: expect.stringContaining("does not read") });
    // What it had asked for is carried out nevertheless.
    expect(h.replica.state.tree.get(path)?.stat().version).toBe(2);
  });

  test("is asked nothing that comes behind the end of its session", () => {
    const { h, client } = connected("immediate");
    const end = client.encode("closeSession", {});
    client.frames(read(client), read(client), read(client), end, write(client));
    client.drain();
    expect(client.closed).toBe(true);
    expect(answers(client)).toEqual([0, 0, 0, "other"]);
    expect(h.replica.state.tree.get(path)?.stat().version).toBe(0);
  });

  test("sees its own writes and no later ones, whatever comes when", () => {
    const requests = fc.array(fc.constantFrom("read", "write", "other"), { minLength: 1, maxLength: 60 });
    const step = fc.oneof(requests, fc.constantFrom("durable", "drain", "event"));
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 30 }),
        fc.constantFrom(1_000, 3_000, 1 << 20),
        (steps, maxUnsentBytes) => {
          const { h, client } = connected("manual", {
            maxUnsentBytes,
            maxPendingRequestsPerConnection: 40,
          });
          const other = h.connect();
          h.durable();
          const expected: (string | number)[] = [];
          let writes = 0;
          const encode = (what: string) => {
            expected.push(what === "read" ? writes : what);
            if (what === "read") return read(client);
            if (what === "other") return client.encode("sync", { path });
            writes++;
            return write(client);
          };
          for (const step of steps) {
            if (step === "durable") h.durable();
            else if (step === "drain") client.drain();
            else if (step === "event") other.send("sync", { path });
            else if (Array.isArray(step) && !client.paused) client.frames(...step.map(encode));
          }
          goOn(h, client);
          const got = answers(client);
          expect(got).toEqual(client.closed ? expected.slice(0, got.length) : expected);
        },
      ),
    );
  });

  test("has its last words carried out when it has ended in order, and is answered nothing more", () => {
    const { h, client } = connected("immediate");
    client.frames(read(client), read(client), read(client), write(client), write(client));
    const { untakenBytes } = client;
    h.input({ type: "ended", connection: client.id });
    expect(h.replica.state.tree.get(path)?.stat().version).toBe(2);
    expect(client.paused).toBe(false);
    expect(client.untakenBytes).toBe(untakenBytes);
    h.input({ type: "disconnected", connection: client.id });
    expect(h.replica.connectionCount).toBe(0);
  });
});
