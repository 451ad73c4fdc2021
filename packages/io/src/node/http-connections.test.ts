/** Who makes room where there are too many. Over real sockets: test/integration/http-server.test.ts. */
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { HttpConnections } from "./http-connections.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

const connections = (max: number) => new HttpConnections(max, 1_000);

/** A connection that the server has accepted. */
function accepted(all: HttpConnections): Socket {
  const socket = new EventEmitter() as Socket;
  expect(all.accept(socket)).toBeUndefined();
  all.add(socket);
  return socket;
}

/** An answer that the connection waits for; one behind another has no socket yet. */
function asked(all: HttpConnections, socket: Socket, isFirst = true): ServerResponse {
  const outgoing = Object.assign(new EventEmitter(), {
    req: { socket },
    socket: isFirst ? socket : null,
    writableFinished: true,
  });
  all.begin(outgoing as unknown as ServerResponse);
  return outgoing as unknown as ServerResponse;
}

const whoGoes = (all: HttpConnections) => all.accept(new EventEmitter() as Socket);

test("of those that take nothing, the one that has not for longest goes", () => {
  const all = connections(3);
  const [first, second, third] = [accepted(all), accepted(all), accepted(all)];
  const answers = [second, first, third].map((socket) => asked(all, socket));
  for (const answer of answers) {
    all.gives(answer);
    vi.advanceTimersByTime(400);
  }
  expect(whoGoes(all)).toMatchObject({ socket: second, why: "stalled" });
});

test("who has taken a piece of late stays, and so does who waits for what is not there yet", () => {
  const all = connections(2);
  const [slow, waiting] = [accepted(all), accepted(all)];
  const answer = asked(all, slow);
  asked(all, waiting);
  for (let n = 0; n < 5; n++) {
    all.gives(answer);
    vi.advanceTimersByTime(900);
    expect(whoGoes(all)?.why).toBe("new");
    all.took(answer);
  }
  vi.advanceTimersByTime(5_000);
  expect(whoGoes(all)?.why).toBe("new");
  all.gives(answer);
  vi.advanceTimersByTime(1_000);
  expect(whoGoes(all)).toMatchObject({ socket: slow, why: "stalled" });
});

test("an answer behind another does not go out yet: neither does it stand still, nor is anything taken of it", () => {
  const all = connections(1);
  const socket = accepted(all);
  const [first, behind] = [asked(all, socket), asked(all, socket, false)];
  for (let piece = 0; piece < 20; piece++) all.gives(behind);
  expect(behind.listenerCount("socket")).toBe(1);
  vi.advanceTimersByTime(5_000);
  // The first one is not there yet, for which nobody but the server can do anything.
  expect(whoGoes(all)?.why).toBe("new");
  all.gives(first);
  vi.advanceTimersByTime(900);
  all.took(behind);
  vi.advanceTimersByTime(100);
  expect(whoGoes(all)).toMatchObject({ socket, why: "stalled" });
});

test("when those in front of it are through, it is as the first", () => {
  const all = connections(1);
  const socket = accepted(all);
  const [first, behind] = [asked(all, socket), asked(all, socket, false)];
  all.gives(first);
  all.gives(behind);
  vi.advanceTimersByTime(900);
  first.emit("close");
  Object.assign(behind, { socket }).emit("socket", socket);
  vi.advanceTimersByTime(900);
  expect(whoGoes(all)?.why).toBe("new");
  vi.advanceTimersByTime(100);
  expect(whoGoes(all)).toMatchObject({ socket, why: "stalled" });
});

test("what was taken of it while it was behind another is not waited for when it goes out", () => {
  const all = connections(1);
  const socket = accepted(all);
  const [first, behind] = [asked(all, socket), asked(all, socket, false)];
  all.gives(behind);
  all.took(behind);
  first.emit("close");
  Object.assign(behind, { socket }).emit("socket", socket);
  // The next piece is not there yet.
  vi.advanceTimersByTime(5_000);
  expect(whoGoes(all)?.why).toBe("new");
});

test("whoever has stood still for longest goes, silent or stalled", () => {
  const all = connections(3);
  const [early, stalled] = [accepted(all), accepted(all)];
  vi.advanceTimersByTime(100);
  all.gives(asked(all, stalled));
  vi.advanceTimersByTime(1_500);
  // Who has only just come is about to ask.
  accepted(all);
  expect(whoGoes(all)).toMatchObject({ socket: early, why: "silent" });
  expect(whoGoes(all)).toMatchObject({ socket: stalled, why: "stalled" });
  expect(whoGoes(all)?.why).toBe("silent");
});

test("who was answered to the end, or has gone, is not waited for", () => {
  const all = connections(1);
  const socket = accepted(all);
  const answer = asked(all, socket);
  all.gives(answer);
  answer.emit("close");
  vi.advanceTimersByTime(2_000);
  expect(whoGoes(all)).toMatchObject({ socket, why: "silent" });
  all.gives(answer);
  expect(whoGoes(all)?.why).toBe("silent");
});
