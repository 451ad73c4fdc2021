import { type LogFields, silentLogger } from "@corral/io";
import { CreateMode, ErrorCode, openAcl } from "@corral/protocol";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { ReplicaHarness } from "../../test-support/replica-harness.ts";
import { subjectOf } from "../../test-support/subject.ts";
import type { ServerSettings } from "../config.ts";
import type { AuditRecord } from "../replica/audit-record.ts";
import { answerAdminRequest } from "./admin-port.ts";
import { AdminWitness } from "./admin-witness.ts";
import { adminCommands } from "./commands.ts";
import type { Phase } from "./health.ts";
import { metrics } from "./metrics.ts";
import type { Subject } from "./subject.ts";

let harness: ReplicaHarness;
let subject: Subject | undefined;
let phase: Phase;
let token: string | undefined;
let witness: AdminWitness;
let audited: Partial<AuditRecord>[];
let warnings: LogFields[];

beforeEach(() => {
  harness = new ReplicaHarness();
  subject = subjectOf(harness, {});
  phase = "serving";
  token = undefined;
  audited = [];
  warnings = [];
  const logger = { ...silentLogger, warn: (fields: LogFields) => void warnings.push(fields) };
  const audit = { write: (record: AuditRecord) => void audited.push(record) };
  witness = new AdminWitness({ logger, clock: subject.clock, audit: () => audit });
});

async function ask(path: string, headers: Record<string, string> = {}, method = "GET") {
  const request = new Request(`http://localhost${path}`, { method, headers });
  const options = { token, witness, phase: () => phase, subject: () => subject };
  const response = await answerAdminRequest(request, "10.1.2.3", options);
  return { status: response.status, text: await response.text(), headers: response.headers };
}
const body = async (path: string) => JSON.parse((await ask(path)).text);

describe("/commands", () => {
  test("has every command under each of its names, with what it is called and whether it failed", async () => {
    for (const { names, needsToken } of adminCommands) {
      for (const name of names) {
        const answer = await body(`/commands/${name}?traceMask=5`);
        const fails = names[0] === "leader" || needsToken;
        expect(answer).toMatchObject({ command: names[0], error: fails ? expect.any(String) : null });
      }
    }
    expect((await ask("/commands")).text).toContain('<a href="/commands/monitor">monitor</a>');
  });

  test("errors are told as the reference tells them, with status 200", async () => {
    expect(await ask("/commands/foo")).toMatchObject({
      status: 200,
      text: expect.stringContaining("Unknown command: foo"),
    });
    expect(await body("/commands/stmk")).toEqual({
      command: "set_trace_mask",
      error: "setTraceMask requires long traceMask argument",
    });
    expect(await body("/commands/%E0%A4%A")).toMatchObject({ error: "Unknown command: %E0%A4%A" });
    subject = undefined;
    expect(await body("/commands/stat")).toMatchObject({ error: expect.stringContaining("not currently serving") });
  });

  test("while the directory is being recovered nobody takes an error for a backup, and the audit log has who asked", async () => {
    token = "0123456789abcdef";
    const shown = { authorization: `Bearer ${token}` };
    vi.spyOn(harness.replica, "serving", "get").mockReturnValue(false);
    for (subject of [undefined, subjectOf(harness, { adminToken: token })]) {
      for (const name of ["snapshot", "restore", "raise_epoch", "reload_certificates"]) {
        expect((await ask(`/commands/${name}`, {}, "POST")).status, name).toBe(401);
        const { status, headers, text } = await ask(`/commands/${name}`, shown, "POST");
        expect([status, headers.get("retry-after"), JSON.parse(text).command], name).toEqual([503, "1", name]);
      }
      expect((await ask("/commands/stat", shown)).status).toBe(200);
    }
    const failures = audited.filter(({ reason }) => reason?.includes("not currently serving"));
    const names = ["snapshot", "restore", "raise_epoch"];
    expect(failures.map(({ operation, result }) => [operation, result])).toEqual(
      [...names, ...names].map((name) => [name, "failure"]),
    );
    token = undefined;
    expect((await ask("/commands/snapshot")).status).toBe(403);
  });

  test("settings are shown, secrets only that they are set", async () => {
    subject = subjectOf(harness, { tickMs: 500, adminToken: "0123456789abcdef" });
    const { initial_configuration: text } = await body("/commands/icfg");
    expect(text).toContain("tickMs=500\n");
    expect(text).toContain("adminToken=(set)\n");
    expect(text).toContain("digestAlgorithm=SHA1\n");
    expect(text).toContain("extendedTypesEnabled=true\n");
    expect(text).not.toMatch(/superDigest|saslUsers/);
    expect(await body("/commands/system_properties")).toMatchObject({
      "corral.adminToken": "(set)",
      "corral.limits.maxFrameBytes": "1048575",
      "os.name": "Linux",
    });
  });

  test("what the settings say of nodes that have a time to live is shown as it is in force", async () => {
    const shown = async (settings: ServerSettings) => {
      subject = subjectOf(harness, settings);
      const { initial_configuration: text } = await body("/commands/icfg");
      return /^extendedTypesEnabled=(.*)$/m.exec(String(text))?.[1];
    };
    expect(await shown({ extendedTypesEnabled: false })).toBe("false");
    expect(await shown({ compatibility: "3.8.0" })).toBe("false");
  });

  test("an address of IPv6 stands in brackets before its port", async () => {
    harness.dial({ host: "fd00::1" });
    expect(await body("/commands/stat")).toMatchObject({
      connections: [{ remote_socket_address: "[fd00::1]:40001" }],
    });
  });

  test("users and the superuser's digest are no settings to be shown", async () => {
    subject = subjectOf(harness, { saslUsers: ["bob:secret"], superDigest: "root:fyVmFCwVbTJYrznoSu1koqYEYF0=" });
    const { initial_configuration: text } = await body("/commands/icfg");
    expect(text).toContain("saslUsers=(set)\n");
    expect(text).toContain("superDigest=(set)\n");
  });

  test("session ids keep all their digits", async () => {
    const client = harness.connect();
    client.send("create", { path: "/e", data: null, acl: openAcl, flags: CreateMode.ephemeral });
    client.send("getData", { path: "/e", watch: true });
    const id = client.sessionId.toString();
    const texts = await Promise.all(["connections", "dump", "watches_by_path"].map((name) => ask(`/commands/${name}`)));
    for (const { text } of texts) expect(text).toMatch(new RegExp(`\\b${id}\\b`));
    expect(await body("/commands/watches")).toMatchObject({ session_id_to_watched_paths: { [id]: ["/e"] } });
    expect(await body("/commands/stat")).toMatchObject({
      server_stats: { server_state: "standalone", packets_received: 3 },
      connections: [{ remote_socket_address: "127.0.0.1:40001", packets_received: 3, packets_sent: 2 }],
    });
  });
});

test("who came to the port for TLS stands apart", async () => {
  harness.connect();
  harness.dial({ isSecure: true }).handshake();
  const [clear, secure] = [40_001, 40_002].map((port) => ({ remote_socket_address: `127.0.0.1:${port}` }));
  for (const name of ["connections", "stats"]) {
    expect(await body(`/commands/${name}`)).toMatchObject({ connections: [clear], secure_connections: [secure] });
  }
});

describe("/metrics", () => {
  test("is the whole table, in Prometheus's text", async () => {
    const client = harness.connect();
    client.send("getData", { path: "/", watch: true });
    const { status, text } = await ask("/metrics");
    expect(status).toBe(200);
    for (const { name, kind } of metrics) expect(text).toContain(`# TYPE ${name} ${kind}\n`);
    for (const line of text.split("\n")) {
      expect(line).toMatch(/^(# (HELP|TYPE) .*|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? \S+|)$/);
    }
    expect(text).toContain("\ncorral_watches 1\n");
    expect(text).toContain("\ncorral_requests_total 2\n");
    expect(text).toContain('\ncorral_request_seconds_bucket{le="0.00025",operation="getData"} 1\n');
    expect(text).toContain('\ncorral_request_seconds_bucket{le="+Inf",operation="getData"} 1\n');
    expect(text).toContain('\ncorral_request_seconds_count{operation="getData"} 1\n');
    expect(text).toContain('\ncorral_limit{limit="maxConnections"} 20000\n');
    expect(text).toContain('\ncorral_limit_used{limit="maxWatchesPerConnection"} 1\n');
    // No snapshot was written: there is nothing to tell of one, and 0 would be a lie.
    expect(text).not.toMatch(/^corral_last_snapshot_seconds /m);
  });

  test("counters do not shrink when statistics are reset", async () => {
    harness.connect();
    await ask("/commands/srst");
    expect((await ask("/metrics")).text).toContain("\ncorral_requests_total 1\n");
    subject = undefined;
    expect((await ask("/metrics")).status).toBe(503);
  });
});

describe("/health", () => {
  test("a server that serves is live and ready", async () => {
    for (const path of ["/health", "/health/live", "/health/ready"]) {
      expect(await ask(path)).toMatchObject({ status: 200 });
      expect(await body(path)).toEqual({ live: true, ready: true, reasons: [], warnings: [] });
    }
  });

  test.each([
    ["recovering", "being recovered", 200],
    ["stopping", "is stopping", 200],
    ["failed", "stop by itself", 503],
  ] as const)("%s: not ready, with the reason", async (now, reason, live) => {
    phase = now;
    if (now === "recovering") subject = undefined;
    expect((await ask("/health/live")).status).toBe(live);
    expect((await ask("/health/ready")).status).toBe(503);
    expect((await body("/health")).reasons).toEqual([expect.stringContaining(reason)]);
  });

  test("after a log that failed it stays live: to restart it before the disk is mended would only end the reads", async () => {
    harness.input({ type: "logFailed" });
    expect((await ask("/health/live")).status).toBe(200);
    expect((await ask("/health/ready")).status).toBe(503);
  });

  test("a log that cannot be written is a reason, and a limit nearly reached a warning", async () => {
    subject = subjectOf(harness, { limits: { maxConnections: 1 } });
    harness.connect();
    harness.input({ type: "logFailed" });
    expect(await body("/health")).toEqual({
      live: true,
      ready: false,
      reasons: ["the log cannot be written, so writes are refused: mend the disk, then restart the server"],
      warnings: ["maxConnections is nearly reached: 1 of 1"],
    });
  });
});

test("a snapshot that could not be written is a warning until one could", async () => {
  harness.input({ type: "snapshotEnded" });
  const { ready, warnings } = await body("/health");
  expect([ready, warnings]).toEqual([true, [expect.stringContaining("the last snapshot could not be written")]]);
  harness.input({ type: "snapshotEnded", written: { zxid: 1, tookMs: 1 } });
  expect((await body("/health")).warnings).toEqual([]);
});

describe("who may ask", () => {
  test("with a token: whoever shows it, and anybody for health", async () => {
    token = "0123456789abcdef";
    expect((await ask("/metrics")).status).toBe(401);
    expect((await ask("/metrics", { authorization: "Bearer 0123456789abcdeF" })).status).toBe(401);
    for (const shown of ["Bearer", "Bearer ", "Bearer 0123456789abcde", `Bearer ${token}0`, `Basic ${token}`, token]) {
      expect((await ask("/commands/stats", { authorization: shown })).status, shown).toBe(401);
    }
    expect((await ask("/metrics", { authorization: `Bearer ${token}` })).status).toBe(200);
    expect((await ask("/health")).status).toBe(200);
  });

  test("who shows none, or a wrong one, is counted, audited, and told in the log without filling it", async () => {
    token = "0123456789abcdef";
    await ask("/metrics");
    for (let n = 0; n < 5; n++) await ask("/commands/snapshot", { authorization: "Bearer fedcba9876543210" });
    await ask("/commands/stats", { authorization: `Bearer ${token}` });
    expect(witness.unauthorizedTotal).toBe(6);
    expect(warnings).toEqual([
      { remote: "10.1.2.3", asked: "/metrics", reason: "no admin token" },
      { remote: "10.1.2.3", asked: "snapshot", reason: "a wrong admin token" },
    ]);
    const client = { host: "10.1.2.3", identities: [{ scheme: "ip", id: "10.1.2.3" }] };
    expect(audited).toHaveLength(6);
    expect(audited[1]).toMatchObject({ client, operation: "snapshot", result: "failure", error: ErrorCode.AuthFailed });
    expect(JSON.stringify([warnings, audited])).not.toContain("fedcba");
  });

  test("who has the state handed out, put in its place or moved on stands in the audit log; who looks does not", async () => {
    token = "0123456789abcdef";
    subject = subjectOf(harness, { adminToken: token });
    const shown = { authorization: `Bearer ${token}` };
    await ask("/commands/stats", shown);
    await ask("/commands/raise_epoch?above=0x500000000", shown, "POST");
    await ask("/commands/raise_epoch", shown, "POST");
    await ask("/commands/restore", shown);
    const lines = audited.map(({ client, operation, result, reason }) => [client?.host, operation, result, reason]);
    expect(lines).toEqual([
      ["10.1.2.3", "raise_epoch", "success", undefined],
      ["10.1.2.3", "raise_epoch", "failure", expect.stringContaining("say above which zxid")],
      ["10.1.2.3", "restore", "failure", expect.stringContaining("ask for it by POST")],
    ]);
  });

  test.each([
    ["POST", "raise_epoch?abov=0x500000000", "raise_epoch has no parameter abov: it takes above"],
    ["POST", "raise_epoch?above=1&above=2", "above is given more than once"],
    ["POST", "raise_epoch?above=x", "above=x is not a zxid"],
    ["POST", "restore?streaming=true", "restore has no parameter streaming: it takes above"],
    ["POST", "reload_certificates?all=1", "reload_certificates has no parameter all: it takes none"],
    ["GET", "snapshot?stream=false", "snapshot has no parameter stream: it takes streaming"],
    ["GET", "snap?streaming=nein", "streaming=nein is neither true nor false"],
  ])("a parameter that there is not, or that cannot be read, is refused: %s %s", async (method, asked, problem) => {
    token = "0123456789abcdef";
    subject = subjectOf(harness, { adminToken: token });
    const { status, text } = await ask(`/commands/${asked}`, { authorization: `Bearer ${token}` }, method);
    expect([status, JSON.parse(text).error]).toEqual([400, expect.stringContaining(problem)]);
    expect(harness.replica.epoch).toBe(1);
  });

  test("without one: no web page, under whatever name it reaches this machine", async () => {
    expect((await ask("/metrics", { origin: "http://evil.example" })).status).toBe(403);
    expect((await ask("/metrics", { "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await ask("/metrics", { "sec-fetch-site": "none" })).status).toBe(200);
    expect((await ask("/metrics", { host: "evil.example:8080" })).status).toBe(403);
    expect((await ask("/metrics", { host: "127.0.0.1:8080" })).status).toBe(200);
    expect((await ask("/metrics", { host: "[::1]:8080" })).status).toBe(200);
  });

  test("nothing else is there", async () => {
    expect((await ask("/")).status).toBe(404);
    const deleted = await ask("/metrics", {}, "DELETE");
    expect([deleted.status, deleted.headers.get("allow")]).toEqual([405, "GET, HEAD, POST"]);
  });

  test("a command that wants POST says so in the header, too", async () => {
    token = "0123456789abcdef";
    subject = subjectOf(harness, { adminToken: token });
    const { status, headers } = await ask("/commands/restore", { authorization: `Bearer ${token}` });
    expect([status, headers.get("allow")]).toEqual([405, "POST"]);
  });
});
