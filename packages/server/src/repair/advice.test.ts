/** What a refused start advises keeps what it says: the server starts again, and no zxid is given out twice. */
import { MemoryDisk } from "@corral/testing";
import { expect, it } from "vitest";
import { asText, repaired, spoil, type Written } from "../../test-support/repaired.ts";
import { copyOf, directory, resize, smallLimits } from "../../test-support/storage-life.ts";
import { TreeLife } from "../../test-support/tree-life.ts";

/** Three lives, each of them with an epoch and a log of its own, and no snapshot unless it is asked for. */
async function threeLives(hasSnapshot: boolean): Promise<Written> {
  const disk = new MemoryDisk();
  const history = new Map<number, string>();
  let lastZxid = 0;
  for (const number of [1, 2, 3]) {
    const life = await TreeLife.open(disk, { ...smallLimits, segmentBytes: 200, preallocateBytes: 512 });
    await life.begin();
    history.set(life.state.lastZxid, asText(life));
    if (hasSnapshot && number === 2) await life.snapshot();
    for (const name of ["a", "b", "c"]) {
      life.create(`/${name}${number}`);
      await life.applied();
      history.set(life.state.lastZxid, asText(life));
    }
    lastZxid = life.state.lastZxid;
    await life.storage.close();
  }
  return { disk, history, lastZxid };
}

const logsOf = (disk: MemoryDisk) => disk.paths().filter((path) => path.includes("/log."));

it.each<[what: string, hasSnapshot: boolean, damage: (copy: MemoryDisk, logs: readonly string[]) => unknown]>([
  ["the newest log is missing", false, (copy, logs) => copy.take(logs.at(-1) as string)],
  ["the newest log is cut in its header", false, (copy, logs) => resize(copy, logs.at(-1) as string, 30)],
  ["the newest log is cut to nothing", true, (copy, logs) => resize(copy, logs.at(-1) as string, 0)],
  ["an early record is rotten", false, (copy, logs) => spoil(copy, logs[1] as string, 150)],
  ["the rot is behind the snapshot", true, (copy, logs) => spoil(copy, logs.at(-2) as string, 150)],
  ["all logs are missing", true, (copy, logs) => logs.map((path) => copy.take(path))],
])("where %s", async (_, hasSnapshot, damage) => {
  const written = await threeLives(hasSnapshot);
  const logs = logsOf(written.disk);
  expect(logs.length).toBeGreaterThan(2);
  const damaged = copyOf(written.disk, (copy) => damage(copy, logs));
  const said = await TreeLife.open(damaged).then(
    () => undefined,
    (error: Error) => error.message,
  );
  expect(said).toMatch(/corral-server repair .* --yes/);
  expect(said).not.toMatch(/remove|truncate|move them/);
  // Which sees to it that what comes then is above all that there was.
  expect((await repaired(written, damaged))?.losses.length).toBeGreaterThan(0);
});

it("where the epoch is damaged", async () => {
  const written = await threeLives(false);
  const damaged = copyOf(written.disk, (copy) => spoil(copy, `${directory}/epoch`, 20));
  await expect(TreeLife.open(damaged)).rejects.toThrow("corral-server repair");
  expect((await repaired(written, damaged))?.losses).toEqual([]);
});
