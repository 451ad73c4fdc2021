import { connect } from "@corral/client";
import { Master, TaskClient, Worker } from "@corral/master-worker";
import { startServer } from "@corral/server";
import { expect, test } from "vitest";

const logger = {
  debug() {},
  info: (f: object, m: string) =>
    process.stderr.write(
      `${m} ${JSON.stringify(f, (_k, v) => (typeof v === "bigint" ? String(v) : v instanceof Error ? v.stack : v))}\n`,
    ),
  warn(f: object, m: string) {
    this.info(f, m);
  },
  error(f: object, m: string) {
    this.info(f, m);
  },
};
test("smoke", async () => {
  const server = await startServer();
  const c1 = await connect(server.connectString, { logger });
  const c2 = await connect(server.connectString, { logger });
  const c3 = await connect(server.connectString, { logger });
  const master = new Master(c1, { id: "m1" });
  master.start();
  const worker = new Worker(c2, { id: "w1", capacity: 4, run: async (x) => (x as number) * 2 });
  await worker.start();
  const tasks = new TaskClient(c3);
  const t0 = performance.now();
  const handles = await Promise.all(Array.from({ length: 500 }, (_, i) => tasks.submit(i)));
  const t1 = performance.now();
  const values = await Promise.all(handles.map((h) => h.value()));
  console.log("submit", t1 - t0, "all", performance.now() - t0);
  expect(values).toEqual(handles.map((_, i) => i * 2));
  await worker.drain();
  await master.close();
  await Promise.all([c1.close(), c2.close(), c3.close()]);
  await server.close();
}, 30_000);
