import { NoNodeError, type Watcher } from "@corral/client";
import { describe, expect, test } from "vitest";
import { Watched } from "./watched.ts";

const signal = new AbortController().signal;

/** A node that a test changes by hand. */
class Node {
  value: string | undefined = "a";
  failure: Error | undefined;
  reads = 0;
  watch: Watcher | undefined;

  readonly read = async (options: { readonly watch?: Watcher }): Promise<string> => {
    this.reads++;
    if (this.failure !== undefined) throw this.failure;
    if (this.value === undefined) throw new NoNodeError({ path: "/n" });
    if (options.watch !== undefined) {
      expect(this.watch, "a second watch").toBeUndefined();
      this.watch = options.watch;
    }
    return this.value;
  };

  fire(): void {
    const { watch } = this;
    this.watch = undefined;
    watch?.({ type: "nodeDataChanged", path: "/n" });
  }
}

describe("Watched", () => {
  test("reads when something may have changed, and not otherwise", async () => {
    const node = new Node();
    let hints = 0;
    const watched = new Watched(node.read, () => hints++);
    expect(await watched.refresh(signal)).toBe(true);
    expect(await watched.refresh(signal)).toBe(false);
    expect(node.reads).toBe(1);
    node.value = "b";
    node.fire();
    expect(hints).toBe(1);
    expect(watched.stale).toBe(true);
    expect(watched.value).toBe("a");
    await watched.refresh(signal);
    expect(watched.value).toBe("b");
  });

  test("reads again on demand without arming a second watch", async () => {
    const node = new Node();
    const watched = new Watched(node.read, () => {});
    await watched.refresh(signal);
    watched.invalidate();
    expect(await watched.refresh(signal)).toBe(true);
    expect(node.watch).toBeDefined();
  });

  test("takes absence for a value, and looks again when told to", async () => {
    const node = new Node();
    node.value = undefined;
    const watched = new Watched(node.read, () => {});
    await watched.refresh(signal);
    expect(watched.value).toBeUndefined();
    expect(watched.stale).toBe(false);
    node.value = "back";
    watched.invalidate();
    await watched.refresh(signal);
    expect(watched.value).toBe("back");
    expect(node.watch).toBeDefined();
  });

  test("stays stale when the read fails", async () => {
    const node = new Node();
    node.failure = new RangeError("no");
    const watched = new Watched(node.read, () => {});
    await expect(watched.refresh(signal)).rejects.toThrow(RangeError);
    expect(watched.stale).toBe(true);
    node.failure = undefined;
    expect(await watched.refresh(signal)).toBe(true);
  });

  test("does not take a change for old news that comes between the answer and its arrival", async () => {
    const node = new Node();
    const watched = new Watched(
      async (options) => {
        const value = await node.read(options);
        node.fire();
        return value;
      },
      () => {},
    );
    await watched.refresh(signal);
    expect(watched.stale).toBe(true);
    expect(await watched.refresh(signal)).toBe(true);
  });
});
