/** What a repair says and does where the file `epoch` is damaged, and does not tell whether a log is missing or was never finished. */
import { MemoryDisk } from "@corral/testing";
import { describe, expect, it } from "vitest";
import { asText, repaired, spoil, type Written } from "../../test-support/repaired.ts";
import { copyOf, directory, smallLimits } from "../../test-support/storage-life.ts";
import { TreeLife } from "../../test-support/tree-life.ts";
import { segmentHeaderBytes } from "../storage/segment.ts";
import { planRepair } from "./plan.ts";

describe("where `epoch` is damaged too, it is told that there may have been more, and no zxid is given out again:", () => {
  const log = `${directory}/log.100000001`;
  const ways: [string, (copy: MemoryDisk, path: string) => void][] = [
    ["is missing", (copy, path) => copy.take(path)],
    ["is cut short", (copy, path) => copy.put(path, Buffer.alloc(0))],
    ["is zeros", (copy, path) => copy.put(path, copy.contents(path).fill(0))],
  ];

  /** So many lives, of which each writes an entry; the later ones behind a snapshot. */
  async function lives(count: number, { hasSnapshot = true, limits = smallLimits } = {}): Promise<Written> {
    const disk = new MemoryDisk();
    const history = new Map<number, string>();
    let lastZxid = 0;
    for (let number = 1; number <= count; number++) {
      const life = await TreeLife.open(disk, limits);
      await life.begin();
      if (hasSnapshot && number > 1) await life.snapshot();
      history.set(life.state.lastZxid, asText(life));
      life.create(`/${number}`);
      await life.applied();
      lastZxid = life.state.lastZxid;
      history.set(lastZxid, asText(life));
      await life.storage.close();
    }
    return { disk, history, lastZxid };
  }

  it.each(ways)("the only log %s", async (_, damage) => {
    const { disk } = await lives(1);
    const damaged = copyOf(disk, (copy) => {
      spoil(copy, `${directory}/epoch`, 20);
      damage(copy, log);
    });
    await expect(planRepair(damaged, directory)).rejects.toThrow(/^Nothing in \/data can be saved: /);
  });

  it.each(ways)("the only log behind the snapshot %s", async (_, damage) => {
    const whole = await lives(2);
    const last = whole.disk.paths().findLast((path) => path.includes("/log.")) ?? "";
    expect(last).toBe(`${directory}/log.200000001`);
    const damaged = copyOf(whole.disk, (copy) => {
      spoil(copy, `${directory}/epoch`, 20);
      damage(copy, last);
    });
    const plan = await repaired(whole, damaged);
    expect(plan).toMatchObject({ kept: { zxid: 2 ** 32 + 2 }, losses: [{ entries: 0 }] });
  });

  it("all logs are missing", async () => {
    const whole = await lives(2);
    const damaged = copyOf(whole.disk, (copy) => {
      spoil(copy, `${directory}/epoch`, 20);
      for (const path of copy.paths()) if (path.includes("/log.")) copy.take(path);
    });
    expect((await repaired(whole, damaged))?.losses).toEqual([
      {
        file: "epoch",
        entries: 0,
        what: "epoch is damaged, and which log was the newest is not known: what stood behind 0x100000002, if anything did",
      },
    ]);
  });

  it("the last of the logs is missing, of which nothing tells", async () => {
    const whole = await lives(2, { hasSnapshot: false, limits: { ...smallLimits, segmentBytes: 100 } });
    const damaged = copyOf(whole.disk, (copy) => {
      spoil(copy, `${directory}/epoch`, 20);
      copy.take(`${directory}/log.200000001`);
    });
    expect(await planRepair(damaged, directory)).toMatchObject({ losses: [], kept: { epoch: 1_001 } });
  });

  it("nothing is told where the newest log is there, and holds nothing", async () => {
    const whole = await lives(2);
    const last = `${directory}/log.200000001`;
    const damaged = copyOf(whole.disk, (copy) => {
      spoil(copy, `${directory}/epoch`, 20);
      copy.put(last, copy.contents(last).fill(0, segmentHeaderBytes));
    });
    expect(await planRepair(damaged, directory)).toMatchObject({ losses: [], kept: { zxid: 2 ** 32 + 2 } });
  });
});
