/**
 * Whatever a client asks for, whether or not it takes its answers, and whatever others do: it is answered in order, each read sees the
 * writes before it and none behind it, and nothing is left waiting.
 */
import { ErrorCode, openAcl, operations, Reader } from "@corral/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ReplicaHarness, type TestClient } from "../../test-support/replica-harness.ts";

const path = "/n";
const data = Buffer.alloc(600);
const node = { path, data, acl: openAcl, flags: 0 };

const asked = fc.array(fc.constantFrom("read", "read", "write", "bad", "sync"), { minLength: 1, maxLength: 64 });
const step = fc.oneof(
  { weight: 3, arbitrary: asked },
  fc.constantFrom("durable", "some durable", "drain", "tick", "others ask", "others drain", "another goes"),
);
const limits = fc.record({
  softUnsentBytes: fc.constantFrom(1_000, 5_000, 100_000),
  hardUnsentBytes: fc.constantFrom(20_000, 64 << 20),
  maxUnsentBytes: fc.constantFrom(3_000, 30_000, 64 << 20),
  maxPendingRequestsPerConnection: fc.constantFrom(20, 1_000),
  maxTurnBytes: fc.constantFrom(2_000, 1 << 20),
  maxProposedEntries: fc.constantFrom(5, 10_000),
});

type What = "read" | "write" | "bad" | "sync";

/** What it has been answered, to what it has asked for: for a read, how many writes it saw. */
function answers(client: TestClient, asked: readonly (string | number)[]): (string | number)[] {
  const replies = client.received.flatMap((r) => (r.kind === "reply" ? [r] : []));
  return replies.map(({ header, body }, i) => {
    if (header.err === ErrorCode.MarshallingError) return "bad";
    if (header.err !== ErrorCode.Ok) return `error ${header.err}`;
    if (typeof asked[i] === "number") return operations.getData.response.read(new Reader(body)).stat.version;
    return body.length > path.length + 4 ? "write" : "sync";
  });
}

/** What is written for the nth time: now long, now short. */
const written = (n: number) => Buffer.alloc((n * 611) % 4_000);

test.each([true, false])("in order, with nothing left behind; ends in order: %s", (ends) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), limits, (steps, limits) => {
      const h = new ReplicaHarness({ log: "manual", limits });
      const [client, ...others] = [h.connect(), h.connect(), h.connect(), h.connect()];
      h.durable();
      client.send("create", node);
      h.durable();
      client.received.length = 0;
      for (const each of [client, ...others]) each.takes = false;

      const expected: (string | number)[] = [];
      let writes = 0;
      const encode = (what: What): Buffer => {
        expected.push(what === "read" ? writes : what);
        if (what === "read") return client.encode("getData", { path, watch: false });
        if (what === "sync") return client.encode("sync", { path });
        const write = client.encode("setData", { path, data: written(writes), version: -1 });
        if (what === "bad") return write.subarray(0, 12);
        writes++;
        return write;
      };
      let before = 0;
      for (const step of steps) {
        if (client.closed) break;
        if (typeof step !== "string") {
          if (!client.paused) client.frames(...step.map(encode));
          continue;
        }
        if (step === "durable") h.durable();
        if (step === "some durable") h.durable(before);
        before = h.pendingZxid;
        if (step === "drain") client.drain();
        if (step === "tick") h.pass(100);
        if (step === "others drain") for (const other of others) other.drain();
        if (step === "another goes") h.input({ type: "disconnected", connection: others.pop()?.id ?? 0 });
        const read = (other: TestClient) => other.encode("getData", { path, watch: false });
        if (step === "others ask") {
          for (const other of others) if (!other.paused) other.frames(...Array.from({ length: 20 }, () => read(other)));
        }
      }

      if (ends) h.input({ type: "ended", connection: client.id });
      const [{ queue } = { queue: undefined }] = [...h.replica.connections].filter(({ id }) => id === client.id);
      for (let i = 0; i < 1_000 && (queue?.length ?? 0) > 0; i++) {
        h.durable();
        if (!ends) client.drain();
      }
      h.durable();
      if (!ends) client.drain();
      if (!client.closed) {
        expect(queue).toMatchObject({ length: 0, bytes: 0, frames: 0, holds: false, cannotWait: false });
        h.pass(100);
        expect(client.paused).toBe(false);
        expect(h.replica.state.tree.get(path)?.stat().version).toBe(writes);
      }
      const got = answers(client, expected);
      expect(got).toEqual(client.closed || ends ? expected.slice(0, got.length) : expected);
    }),
    { numRuns: 300 },
  );
});
