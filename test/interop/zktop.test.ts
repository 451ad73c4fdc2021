/** Debian's zktop, which reads `stat` and draws it, on our server: in a terminal of its own, as an operator has it. */
import { connect } from "@corral/client";
import { startServer } from "@corral/server";
import { describe, expect, test } from "vitest";
import { hasZktop } from "../support/peers.ts";
import { runInTerminal } from "../support/terminal.ts";

describe.runIf(hasZktop())("zktop", () => {
  test("shows the server, its clients and its numbers", async () => {
    await using server = await startServer({ fourLetterWords: ["stat", "srst"] });
    const client = await connect(server.connectString);
    await client.create("/a", "x");
    const screen = await runInTerminal(["/usr/bin/zktop", "--servers", server.connectString], {
      until: /CLIENT +PORT.*127\.0\.0\.1/s,
      quit: "q",
    });
    await client.close();
    expect(screen).toMatch(/Ensemble -- nodecount:6 zxid:0x[0-9a-f]+ sessions:\d/);
    expect(screen).toMatch(new RegExp(`127\\.0\\.0\\.1\\s+${server.clientPort} S `));
  });
});
