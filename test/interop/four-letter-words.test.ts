/** What the four-letter words answer, beside a live Apache ZooKeeper: the same lines, whatever numbers stand in them. */
import type { Server } from "@corral/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ApacheZooKeeper } from "../support/apache-zookeeper.ts";
import { fourLetterWord } from "../support/four-letter-word.ts";
import { hasZooKeeper } from "../support/peers.ts";
import { startSideBySide } from "../support/side-by-side.ts";

/** Everything that may differ between two servers, and between two moments. */
function shapeOf(text: string): readonly string[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) =>
      line
        .replace(/^Zookeeper version: .*/, "Zookeeper version")
        .replace(/expire at \w{3} \w{3} \d\d \d\d:\d\d:\d\d \w+ \d{4}:$/, "expire at TIME:")
        .replace(/^(dataDir|dataLogDir)=.*/, "$1=")
        .replace(/0x[\da-f]+/g, "N")
        .replace(/-?\d+(\.\d+)?/g, "N"),
    );
}

const keysOf = (text: string, separator: string): readonly string[] =>
  text.split("\n").flatMap((line) => (line.includes(separator) ? [line.slice(0, line.indexOf(separator))] : []));

describe.runIf(hasZooKeeper())("beside Apache ZooKeeper", () => {
  let apache: ApacheZooKeeper;
  let ours: Server;
  let close: () => Promise<void>;

  beforeAll(async () => {
    ({ apache, ours, close } = await startSideBySide({ fourLetterWords: ["*"] }));
  });
  afterAll(() => close());

  const both = async (word: string) => ({
    theirs: await fourLetterWord(apache.port, word),
    own: await fourLetterWord(ours.clientPort, word),
  });

  test.each(["cons", "stat"])("%s has the same lines, with the connections in any order", async (word) => {
    const { theirs, own } = await both(word);
    expect([...shapeOf(own)].sort()).toEqual([...shapeOf(theirs)].sort());
  });

  test.each(["ruok", "isro", "srvr", "conf", "dirs", "wchs", "wchc", "wchp", "hash", "gtmk"])(
    "%s has the same lines",
    async (word) => {
      const { theirs, own } = await both(word);
      expect(shapeOf(own)).toEqual(shapeOf(theirs));
    },
  );

  test("dump has the same lines, but that those who ask for a word are no connections that expire", async () => {
    const { theirs, own } = await both("dump");
    const word = /^\tip: \S+ sessionId: 0x0$/gm;
    expect(new Set(shapeOf(own))).toEqual(new Set(shapeOf(theirs.replace(word, "").replace(/\n+/g, "\n"))));
  });

  test("envi has the same keys, but for Java's", async () => {
    const { theirs, own } = await both("envi");
    const expected = keysOf(theirs, "=").filter((key) => !key.startsWith("java."));
    expect(keysOf(own, "=").filter((key) => key !== "node.version")).toEqual(expected);
  });

  test("mntr has no key that is not Apache's, and each is a number where Apache's is", async () => {
    const { theirs, own } = await both("mntr");
    const keys = keysOf(own, "\t");
    expect(keys.length).toBeGreaterThan(50);
    const known = new Set(keysOf(theirs, "\t"));
    expect(keys.filter((key) => !known.has(key))).toEqual([]);
    const isNumber = (text: string, key: string) => new RegExp(`^${key}\t-?\\d+(\\.\\d+)?$`, "m").test(text);
    expect(keys.filter((key) => isNumber(own, key) !== isNumber(theirs, key))).toEqual([]);
  });

  test.each(["crst", "srst"])("%s answers the same", async (word) => {
    const { theirs, own } = await both(word);
    expect(own).toBe(theirs);
  });
});
