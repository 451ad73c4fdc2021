/** A master-worker group in one process, on a server in memory: clients that can be cut off, and looks at the whole tree. */
import { type Client, connect, isCoordinationError } from "@corral/client";
import {
  type EventSource,
  type Layout,
  Master,
  type MasterOptions,
  TaskClient,
  Worker,
  type WorkerOptions,
} from "@corral/master-worker";
import { type Server, startServer } from "@corral/server";
import { BreakableNetwork } from "./breakable-network.ts";

/** Short, so that tests of expiry are quick; long enough for a busy machine. */
const usualSessionTimeoutMs = 2_000;

/** A client and the network it hangs on. */
export interface Linked<T> {
  readonly network: BreakableNetwork;
  readonly client: Client;
  readonly it: T;
}

export class TestGroup {
  readonly server: Server;
  readonly #networks: BreakableNetwork[] = [];
  readonly #clients: Client[] = [];
  readonly #closers: (() => Promise<void>)[] = [];
  readonly #troubles: unknown[] = [];

  readonly #sessionTimeoutMs: number;

  private constructor(server: Server, sessionTimeoutMs: number) {
    this.server = server;
    this.#sessionTimeoutMs = sessionTimeoutMs;
  }

  static async start(sessionTimeoutMs = usualSessionTimeoutMs): Promise<TestGroup> {
    return new TestGroup(await startServer({ tickMs: 100, maxSessionTimeoutMs: 60_000 }), sessionTimeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#closers.map((close) => close()));
    await Promise.all(this.#clients.map((client) => client.close()));
    await Promise.all(this.#networks.map((network) => network.close()));
    await this.server.close();
    // Masters and workers go on after trouble, so a test would merely be slow, or hang.
    if (this.#troubles.length > 0) throw new AggregateError(this.#troubles, "Masters or workers met trouble");
  }

  /** A client on a network of its own. `sessionTimeoutMs`: for one that only looks on, and must not lose its connection on a busy machine. */
  async link(sessionTimeoutMs = this.#sessionTimeoutMs): Promise<{ network: BreakableNetwork; client: Client }> {
    const network = await BreakableNetwork.to(this.server.connectString);
    this.#networks.push(network);
    const client = await connect(network.connectString, { sessionTimeoutMs });
    this.#clients.push(client);
    return { network, client };
  }

  /** A master that has been started. */
  async master(options: MasterOptions): Promise<Linked<Master>> {
    const { network, client } = await this.link();
    const it = new Master(client, options);
    it.events.on("trouble", ({ error }) => this.#troubles.push(error));
    this.#closers.push(async () => {
      network.heal();
      await it.close();
    });
    it.start();
    return { network, client, it };
  }

  /** A worker, not started. */
  async worker(options: WorkerOptions): Promise<Linked<Worker>> {
    const { network, client } = await this.link();
    const it = new Worker(client, options);
    it.events.on("trouble", ({ error }) => this.#troubles.push(error));
    this.#closers.push(async () => {
      network.heal();
      await it.close();
    });
    return { network, client, it };
  }

  async tasks(root?: string): Promise<Linked<TaskClient>> {
    const { network, client } = await this.link();
    return { network, client, it: new TaskClient(client, root === undefined ? {} : { root }) };
  }
}

/** The next event of a name, or the next that satisfies `wanted`. */
export function next<Events extends object, Name extends keyof Events>(
  source: EventSource<Events>,
  name: Name,
  wanted: (event: Events[Name]) => boolean = () => true,
): Promise<Events[Name]> {
  return new Promise((resolve) => {
    const listener = (event: Events[Name]): void => {
      if (!wanted(event)) return;
      source.off(name, listener);
      resolve(event);
    };
    source.on(name, listener);
  });
}

/** Everything that was announced under `name` from now on. */
export function record<Events extends object, Name extends keyof Events>(
  source: EventSource<Events>,
  name: Name,
): Events[Name][] {
  const events: Events[Name][] = [];
  source.on(name, (event) => events.push(event));
  return events;
}

/** Where every task of the group is: its places, by task. A queue's place is `assign/<worker>/<attempt>`. */
export async function places(client: Client, layout: Layout): Promise<Map<string, string[]>> {
  await client.sync(layout.root);
  const found = new Map<string, string[]>();
  const add = (task: string, place: string): void => void found.set(task, [...(found.get(task) ?? []), place]);
  for (const task of await client.children(layout.tasks)) add(task, "tasks");
  for (const task of await client.children(layout.status)) add(task, "status");
  for (const worker of await client.children(layout.assign)) {
    for (const name of await childrenOrNone(client, layout.queue(worker))) {
      const dot = name.lastIndexOf(".");
      add(name.slice(0, dot), `assign/${worker}/${name.slice(dot + 1)}`);
    }
  }
  return found;
}

async function childrenOrNone(client: Client, path: string): Promise<string[]> {
  try {
    return await client.children(path);
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return [];
    throw error;
  }
}

/** Resolves when the node's children satisfy `wanted`; looks again at every change. */
export async function untilChildren(
  client: Client,
  path: string,
  wanted: (names: readonly string[]) => boolean,
): Promise<readonly string[]> {
  for (;;) {
    let wake = (): void => {};
    const changed = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const names = await client.children(path, { watch: () => wake() });
    if (wanted(names)) return names;
    await changed;
  }
}

/** A gate: `wait` resolves once `open` was called; `reached` when somebody waits. */
export class Gate {
  readonly reached: Promise<void>;
  readonly #opened: Promise<void>;
  #reach: () => void = () => {};
  #open: () => void = () => {};

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#reach = resolve;
    });
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  async wait(): Promise<void> {
    this.#reach();
    await this.#opened;
  }

  open(): void {
    this.#open();
  }
}
