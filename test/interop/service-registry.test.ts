/** One registry, two libraries: what we register, Curator's x-discovery finds, and the other way round. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { type Client, connect } from "@corral/client";
import { type InstancesView, type Registration, ServiceRegistry } from "@corral/service-registry";
import { TestServer } from "@corral/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startApacheZooKeeper } from "../support/apache-zookeeper.ts";
import { JavaProgram } from "../support/java-program.ts";
import { curatorDiscoveryJars, hasCuratorDiscovery, hasZooKeeper } from "../support/peers.ts";

/** A program with Curator's discovery, one answer for each command. */
class Curator {
  readonly #process: ChildProcess;
  readonly #lines: Interface;
  readonly #answers: string[] = [];
  #waiting: ((line: string) => void) | undefined;
  #stderr = "";

  constructor(program: JavaProgram, connectString: string, basePath: string) {
    const args = program.arguments(connectString, basePath);
    this.#process = spawn("java", args, { stdio: ["pipe", "pipe", "pipe"] });
    const { stdout, stderr } = this.#process;
    if (stdout === null) throw new Error("standard output is piped");
    stderr?.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-5_000);
    });
    this.#lines = createInterface({ input: stdout });
    this.#lines.on("line", (line) => {
      if (this.#waiting === undefined) this.#answers.push(line);
      else this.#waiting(line);
      this.#waiting = undefined;
    });
    this.#lines.on("close", () => this.#waiting?.(`ended: ${this.#stderr}`));
  }

  async ready(): Promise<this> {
    expect(await this.#answer()).toBe("ready");
    return this;
  }

  /** The answer to a command. */
  async ask(command: string): Promise<string> {
    this.#process.stdin?.write(`${command}\n`);
    return await this.#answer();
  }

  /** Asks again until the answer is as expected. */
  async until(command: string, expected: string): Promise<void> {
    for (let answer = await this.ask(command); answer !== expected; answer = await this.ask(command)) {
      if (answer.startsWith("ended")) throw new Error(answer);
    }
  }

  /** Ends it in good order: what it has registered is taken out. */
  async close(): Promise<void> {
    const exited = once(this.#process, "exit");
    this.#process.stdin?.end();
    await exited;
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }

  #answer(): Promise<string> {
    const next = this.#answers.shift();
    if (next !== undefined) return Promise.resolve(next);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }
}

interface Server {
  readonly connectString: string;
  close(): Promise<void>;
}

const servers: [string, boolean, () => Promise<Server>][] = [
  ["our server", true, () => TestServer.start({})],
  ["Apache ZooKeeper", hasZooKeeper(), () => startApacheZooKeeper()],
];

const at = (id: string) => ({ name: "billing", id, address: "10.0.0.1", port: 8080 });
const patience = { timeoutMs: 60_000 };

async function viewWhere(
  registry: ServiceRegistry<unknown>,
  isIt: (view: InstancesView) => boolean,
): Promise<InstancesView> {
  for await (const view of registry.instances$("billing")) if (isIt(view)) return view;
  throw new Error("the views have ended");
}

const ids = ({ instances }: InstancesView): string => instances.map(({ id }) => id).join();

describe.runIf(hasCuratorDiscovery()).each(servers.filter(([, isThere]) => isThere))(
  "on %s",
  (_name, _there, start) => {
    let server: Server;
    let program: JavaProgram;
    let curator: Curator;
    let client: Client;
    let registry: ServiceRegistry<unknown>;

    beforeAll(async () => {
      program = await JavaProgram.compile(join(import.meta.dirname, "CuratorDiscovery.java"), curatorDiscoveryJars);
      server = await start();
    });
    afterAll(async () => {
      await server.close();
      await program[Symbol.asyncDispose]();
    });
    beforeEach(async () => {
      client = await connect(server.connectString);
      registry = new ServiceRegistry(client);
      curator = await new Curator(program, server.connectString, "/services").ready();
    });
    afterEach(async () => {
      curator.kill();
      await client.close();
    });

    test("Curator reads what we register, with all that it has no field for", async () => {
      const uriSpec = "{scheme}://{address}:{port}";
      const more = { tags: ["blue"], weight: 3, zone: "eu", metadata: { rack: "7" } };
      const all = [
        { ...at("a"), uriSpec, payload: "text", ...more },
        { ...at("b"), payload: { version: "1.4" }, serviceType: "PERMANENT" } as const,
        { ...at("c"), payload: ["a", 1] },
        { ...at("d") },
      ];
      const held: Registration[] = [];
      for (const one of all) held.push(await registry.register(one, patience));
      expect(await curator.ask("names")).toBe("billing");
      await held[3]?.drain(patience);
      await curator.until(
        "instances billing",
        "a|DYNAMIC|8080|text|enabled|http://10.0.0.1:8080 b|PERMANENT|8080|{version=1.4}|enabled| " +
          "c|DYNAMIC|8080|[a,1]|enabled| d|DYNAMIC|8080|null|disabled|",
      );
      await Promise.all(held.map((registration) => registration.release()));
      await curator.until("instances billing", "");
    });

    test("Curator's providers leave alone what drains or is critical", async () => {
      const [a, b] = await Promise.all([registry.register(at("a"), patience), registry.register(at("b"), patience)]);
      await curator.until("pick billing", "a");
      await curator.until("pick billing", "b");
      await a.drain(patience);
      await b.setHealth("critical", patience);
      await curator.until("pick billing", "none");
      await b.setHealth("passing", patience);
      await curator.until("pick billing", "b");
      await Promise.all([a.release(), b.release()]);
    });

    test("we read what Curator registers, and see it change and go", async () => {
      expect(await curator.ask("register billing j1 DYNAMIC 81 map")).toBe("ok");
      expect(await curator.ask("register billing j2 STATIC 82 list")).toBe("ok");
      const { instances, malformed } = await viewWhere(registry, (view) => ids(view) === "j1,j2");
      expect(malformed).toEqual([]);
      expect(instances).toMatchObject([
        { id: "j1", serviceType: "DYNAMIC", port: 81, payload: { version: "1.4" }, enabled: true, health: "passing" },
        { id: "j2", serviceType: "STATIC", port: 82, payload: ["a", 1] },
      ]);
      expect((await registry.explain("billing", patience)).instances.map(({ heldBy }) => heldBy)).toEqual([
        "session",
        "nobody",
      ]);
      expect(await curator.ask("update billing j1 DYNAMIC 91 text")).toBe("ok");
      await viewWhere(registry, (view) => view.instances[0]?.port === 91 && view.instances[0].payload === "text");
      await curator.close();
      await viewWhere(registry, (view) => ids(view) === "");
    });

    test("either takes over the other's entry of the same id, and ours knows that it is lost", async () => {
      const ours = await registry.register(at("x"), patience);
      expect(await curator.ask("register billing x DYNAMIC 99 text")).toBe("ok");
      await new Promise((resolve) => {
        if (ours.signal.aborted) resolve(undefined);
        ours.signal.addEventListener("abort", resolve, { once: true });
      });
      expect(ours.signal.reason).toMatchObject({ name: "GrantLostError", reason: "node deleted" });
      await ours.release();
      await viewWhere(registry, (view) => view.instances[0]?.port === 99);
      const polite = registry.register(at("x"), { takeOver: false, ...patience });
      await expect(polite).rejects.toMatchObject({ name: "NameTakenError", holder: { id: "x", holds: "id" } });
      const again = await registry.register(at("x"), patience);
      await viewWhere(registry, (view) => view.instances[0]?.port === 8080);
      expect(again.held).toBe(true);
      await again.release();
    });
  },
);
