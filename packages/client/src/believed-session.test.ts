import { describe, expect, test } from "vitest";
import { BelievedSession } from "./believed-session.ts";

const response = { protocolVersion: 0, timeOut: 10_000, sessionId: 5n, passwd: null, readOnly: false };

describe("where every answer counts", () => {
  test("the deadline is the timeout, less drift, after the newest answered request was sent", () => {
    const session = new BelievedSession(response, 1_000, true);
    expect(session.deadlineMs).toBe(10_900);
    session.answered(3_000, 3_050);
    expect(session.deadlineMs).toBe(12_900);
    session.answered(2_000, 3_060);
    expect(session.deadlineMs).toBe(12_900);
  });
});

describe("§6.5 where followers answer by themselves and report to their leader later", () => {
  test("a request counts when one is answered that was sent a report's interval and a round trip after it", () => {
    const session = new BelievedSession(response, 1_000, false);
    session.answered(2_000, 2_100);
    session.answered(4_500, 4_600);
    expect(session.deadlineMs).toBe(10_900);
    session.answered(4_600, 4_700);
    expect(session.deadlineMs).toBe(11_900);
    session.answered(7_200, 7_200);
    expect(session.deadlineMs).toBe(14_400);
  });

  test("a slow answer proves less", () => {
    const session = new BelievedSession(response, 1_000, false);
    session.answered(2_000, 2_100);
    session.answered(5_000, 6_000);
    expect(session.deadlineMs).toBe(10_900);
  });

  test("the deadline never goes back, and never is later than where every answer counts", () => {
    const careful = new BelievedSession(response, 0, false);
    const trusting = new BelievedSession(response, 0, true);
    let before = 0;
    for (let sentMs = 1; sentMs < 60_000; sentMs += (sentMs * 7) % 400) {
      careful.answered(sentMs, sentMs + (sentMs % 90));
      trusting.answered(sentMs, sentMs + (sentMs % 90));
      expect(careful.deadlineMs).toBeGreaterThanOrEqual(before);
      expect(careful.deadlineMs).toBeLessThanOrEqual(trusting.deadlineMs);
      before = careful.deadlineMs;
    }
    // It is not so careful that it would be of no use: half of the timeout is always left to a busy client.
    expect(trusting.deadlineMs - careful.deadlineMs).toBeLessThan(4_000);
  });

  test("when it turns out that every answer counts, those there have been count too", () => {
    const session = new BelievedSession(response, 1_000, false);
    session.answered(2_000, 2_010);
    session.trustAnswers();
    expect(session.deadlineMs).toBe(11_900);
    session.answered(3_000, 3_010);
    expect(session.deadlineMs).toBe(12_900);
  });
});
