/**
 * The engines that every recipe is tested on: the same tests on our server in memory, on our durable server, on ours that
 * lacks what Apache ZooKeeper 3.5 lacks, on Apache ZooKeeper, and on Apache ZooKeeper behind a network in bad weather.
 *
 * ```ts
 * describeOnEveryEngine("a mutex", (engine) => {
 *   test("lets one in", async () => {
 *     await using namespace = await engine.namespace();
 *     const [one, other] = [await namespace.connect(), await namespace.connect()];
 *     …
 *   });
 * });
 * ```
 */
import { FaultProxy, seededRandom, TestServer, type TestServerOptions } from "@corral/testing";
import { afterAll, beforeAll, describe, inject } from "vitest";
import { startApacheZooKeeper } from "../support/apache-zookeeper.ts";
import { hasZooKeeper } from "../support/peers.ts";
import type {} from "./apache-setup.ts";
import { Namespace, type NamespaceParts } from "./namespace.ts";
import { Weather } from "./weather.ts";

/** A kind of server, and the way to it. */
export interface Engine {
  readonly name: string;
  /** False: it is not installed here, and its suites are skipped. */
  readonly isAvailable: boolean;
  /** Whether whole suites on it are a run of their own, for their time. */
  readonly isExtra: boolean;
  /**
   * Whether connections break by themselves. Sessions survive it, and so do correct recipes; a bare client's write may
   * reject with ConnectionLossError, and nothing can be said about how long anything takes.
   */
  readonly isFaulty: boolean;
  /** Whether it is one of ours, with our guarantees. */
  readonly isCorral: boolean;
  start(): Promise<void>;
  /** A fresh one for each test. */
  namespace(): Promise<Namespace>;
  /** Ends what `start` has started. It can be started again. */
  close(): Promise<void>;
}

/** Seed of the bad weather: in the name of the suites, so that a failure says it. */
const seed = Number(process.env.CORRAL_SEED ?? 1);

/** Long enough for a busy machine; tests that wait for an expiry ask for less, at least 1 000 on Apache (two ticks). */
const sessionTimeoutMs = 10_000;

/** Sessions must outlive the weather by far. */
const faultySessionTimeoutMs = 9_000;

const noWeather = (): Disposable => ({ [Symbol.dispose]() {} });

/** What a started engine consists of. */
interface Started extends NamespaceParts {
  readonly close: () => Promise<void>;
}

class StartableEngine implements Engine {
  readonly name: string;
  readonly isAvailable: boolean;
  readonly isExtra: boolean;
  readonly isFaulty: boolean;
  readonly isCorral: boolean;
  readonly #start: () => Promise<Started>;
  #started: Started | undefined;

  constructor(
    name: string,
    traits: Pick<Engine, "isAvailable" | "isExtra" | "isFaulty" | "isCorral">,
    start: () => Promise<Started>,
  ) {
    this.name = name;
    this.isAvailable = traits.isAvailable;
    this.isExtra = traits.isExtra;
    this.isFaulty = traits.isFaulty;
    this.isCorral = traits.isCorral;
    this.#start = start;
  }

  async start(): Promise<void> {
    this.#started = await this.#start();
  }

  namespace(): Promise<Namespace> {
    if (this.#started === undefined) throw new Error(`The engine "${this.name}" was not started.`);
    return Namespace.make(this.#started);
  }

  async close(): Promise<void> {
    await this.#started?.close();
    this.#started = undefined;
  }
}

async function startOurs(options: TestServerOptions): Promise<Started> {
  const server = await TestServer.start(options);
  return steady(server.connectString, () => server.close());
}

/** The one of the whole run; outside of the recipes' project, which starts it, one of our own. */
async function startApache(): Promise<Started> {
  const shared = inject("apacheConnectString");
  if (typeof shared === "string") return steady(shared, async () => undefined);
  const own = await startApacheZooKeeper({ tickMs: 500 });
  return steady(own.connectString, () => own.close());
}

function steady(connectString: string, close: () => Promise<void>): Started {
  return { connectString, steadyConnectString: connectString, sessionTimeoutMs, calm: noWeather, close };
}

async function startApacheInBadWeather(): Promise<Started> {
  const { steadyConnectString, close } = await startApache();
  const random = seededRandom(seed);
  const proxy = await FaultProxy.start(steadyConnectString, { random });
  const weather = new Weather(proxy, random);
  weather.start();
  return {
    connectString: proxy.connectString,
    steadyConnectString,
    sessionTimeoutMs: faultySessionTimeoutMs,
    calm: () => weather.calm(),
    close: async () => {
      weather.close();
      await proxy.close();
      await close();
    },
  };
}

const isApacheAvailable = ((): boolean => {
  const shared = inject("apacheConnectString");
  return shared === undefined ? hasZooKeeper() : shared !== null;
})();

/** Whether everything runs on the extra engines too. */
const areAll = process.env.CORRAL_ENGINES === "all";

const ours = { isAvailable: true, isExtra: false, isFaulty: false, isCorral: true };
const apache = { isAvailable: isApacheAvailable, isExtra: false, isFaulty: false, isCorral: false };

/** All of them, for `describe.each` and its like; see `describeOnEveryEngine`. */
export const engines: readonly Engine[] = [
  new StartableEngine("memory", ours, () => startOurs({})),
  new StartableEngine("durable", ours, () => startOurs({ durable: true })),
  new StartableEngine("memory as 3.5", { ...ours, isExtra: true }, () => startOurs({ compatibility: "3.5" })),
  new StartableEngine("apache", apache, startApache),
  new StartableEngine(
    `apache through the fault proxy, seed ${seed}`,
    { ...apache, isExtra: true, isFaulty: true },
    startApacheInBadWeather,
  ),
];

/** Whether a suite is run on `engine` in this run of the tests. */
export function runsOn({ isAvailable, isExtra }: Engine): boolean {
  return isAvailable && (areAll || !isExtra);
}

/** Describes the same suite on every engine, each started before its tests and closed after them. */
export function describeOnEveryEngine(title: string, suite: (engine: Engine) => void): void {
  for (const engine of engines) describeOn(engine, runsOn(engine), title, suite);
}

/** The same for a suite that is short, or found much: it runs on the extra engines whether they were asked for or not. */
export function describeAlwaysOnEveryEngine(title: string, suite: (engine: Engine) => void): void {
  for (const engine of engines) describeOn(engine, engine.isAvailable, title, suite);
}

function describeOn(engine: Engine, runs: boolean, title: string, suite: (engine: Engine) => void): void {
  describe.skipIf(!runs)(`${title} on ${engine.name}`, () => {
    beforeAll(() => engine.start());
    afterAll(() => engine.close());
    suite(engine);
  });
}
