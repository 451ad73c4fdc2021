import { connectRequestCodec, Writer } from "@corral/protocol";
import { expect, test } from "vitest";

test("a connect request for a new session with 30 s", () => {
  const w = new Writer();
  const mark = w.beginFrame();
  connectRequestCodec.write(w, {
    protocolVersion: 0,
    lastZxidSeen: 0,
    timeOut: 30_000,
    sessionId: 0n,
    passwd: new Uint8Array(16),
    readOnly: false,
  });
  w.endFrame(mark);
  expect(w.take().toString("hex")).toBe(
    "0000002d000000000000000000000000000075300000000000000000000000100000000000000000000000000000000000",
  );
});
