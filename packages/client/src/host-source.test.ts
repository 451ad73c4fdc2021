import type { ServiceRecord } from "@corral/io";
import { describe, expect, test } from "vitest";
import { FakeClock } from "../test-helpers/fake-clock.ts";
import { HostSource, orderServices } from "./host-source.ts";

const fractions = (...values: number[]) => ({ fraction: () => values.shift() ?? 0, bytes: () => new Uint8Array(0) });
const record = (host: string, priority = 0, weight = 0): ServiceRecord => ({ host, port: 2181, priority, weight });
const names = (hosts: readonly { readonly host: string }[] | undefined) => hosts?.map(({ host }) => host);

describe("hosts of a connect string", () => {
  const hosts = ["a", "b", "c"].map((host) => ({ host, port: 2181 }));
  const source = (order: "shuffled" | "priority", ...chance: number[]) =>
    new HostSource({ hosts }, order, { clock: new FakeClock(), random: fractions(...chance), resolver: neverAsked });

  test("stay in their order, or are shuffled once", () => {
    expect(names(source("priority").initial)).toEqual(["a", "b", "c"]);
    expect(names(source("shuffled", 0, 0, 0).initial)).toEqual(["c", "b", "a"]);
    expect(source("shuffled").isStale).toBe(false);
  });
});

const neverAsked = {
  services: () => Promise.reject(new Error("nobody should ask")),
};

describe("hosts of a service", () => {
  test("§6.15 are looked up anew for every connection, but not at every attempt", async () => {
    const clock = new FakeClock();
    const answers: (readonly ServiceRecord[] | Error)[] = [
      [record("one.")],
      new Error("SERVFAIL"),
      [record("two")],
      [],
    ];
    const resolver = {
      services: async () => {
        const answer = answers.shift();
        if (answer instanceof Error || answer === undefined) throw answer ?? new Error("asked too often");
        return answer;
      },
    };
    const service = { hosts: [], service: "_corral._tcp.example" };
    const source = new HostSource(service, "shuffled", { clock, random: fractions(), resolver });
    expect(source.initial).toEqual([]);
    expect(source.isStale).toBe(true);
    expect(names(await source.find())).toEqual(["one"]);
    expect(source.isStale).toBe(false);
    clock.stall(10_000);
    expect(source.isStale).toBe(true);
    expect(await source.find()).toBeUndefined();
    expect(source.problem).toMatchObject({
      host: "srv:_corral._tcp.example",
      reason: expect.stringContaining("SERVFAIL"),
    });
    expect(source.isStale).toBe(true);
    expect(names(await source.find())).toEqual(["two"]);
    expect(source.problem).toBeUndefined();
    expect(await source.find()).toBeUndefined();
  });

  test("go by priority, then by lot according to their weights", () => {
    const records = [record("far", 2, 100), record("light", 1, 0), record("heavy", 1, 98)];
    expect(names(orderServices(records, fractions(0.005, 0, 0)))).toEqual(["light", "heavy", "far"]);
    expect(names(orderServices(records, fractions(0.02, 0, 0)))).toEqual(["heavy", "light", "far"]);
    expect(names(orderServices(records, fractions(0.999, 0.999, 0.999)))).toEqual(["heavy", "light", "far"]);
    expect(orderServices([], fractions())).toEqual([]);
  });
});
