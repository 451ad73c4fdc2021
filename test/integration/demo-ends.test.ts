/** The built demo, ended early: by a signal at any moment, or because a process of it dies. It leaves nothing behind. */
import { describe, expect, it } from "vitest";
import { DemoProcess } from "../support/demo-process.ts";

describe("an early end", () => {
  it.each(["SIGINT", "SIGTERM"] as const)("%s ends every process and leaves nothing behind", async (signal) => {
    await using demo = new DemoProcess([]);
    await demo.says(/primary master, killed/);
    // Server, masters, workers and client but for the one that was killed, and the demo itself.
    expect(demo.alive().length).toBeGreaterThanOrEqual(7);
    demo.kill(signal);
    expect(await demo.result).toMatchObject({
      exitCode: 130,
      stderr: expect.stringContaining(`Interrupted (${signal})`),
    });
    expect(demo.alive()).toEqual([]);
    expect(demo.leftBehind()).toEqual([]);
  });

  it("an interrupt at any early moment leaves nothing behind", async () => {
    for (const moment of [/server started/, /is primary/, /has registered/]) {
      await using demo = new DemoProcess([]);
      await demo.says(moment);
      demo.kill("SIGINT");
      expect((await demo.result).exitCode).toBe(130);
      expect(demo.alive()).toEqual([]);
      expect(demo.leftBehind()).toEqual([]);
    }
  });

  it("when the demo itself is killed, its processes end by themselves, and remove its directory", async () => {
    for (const moment of [/server started/, /has submitted 51 tasks/]) {
      await using demo = new DemoProcess([]);
      await demo.says(moment);
      demo.kill("SIGKILL");
      expect(await demo.result).toMatchObject({ signal: "SIGKILL" });
      await demo.allGone();
      expect(demo.leftBehind()).toEqual([]);
    }
  });

  it("when the demo itself is killed, the directory that it was told to keep is kept", async () => {
    await using demo = new DemoProcess(["--keep"]);
    await demo.says(/has submitted 51 tasks/);
    demo.kill("SIGKILL");
    await demo.result;
    await demo.allGone();
    expect(demo.leftBehind()).toHaveLength(1);
  });

  it("a process that ends unasked is named, with its exit and what it said", async () => {
    await using demo = new DemoProcess(["--no-kill"]);
    await demo.says(/has submitted 51 tasks/);
    demo.signal(/"id":"worker-1"/, "SIGKILL");
    const result = await demo.result;
    expect(result).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/worker-1 ended unexpectedly by SIGKILL/),
    });
    expect(demo.alive()).toEqual([]);
    expect(demo.leftBehind()).toEqual([]);
  });
});
