/** The JSON of entries against what Curator 5.4 wrote, byte for byte, and everything that other writers may do. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeEntry, encodeEntry } from "./entry-json.ts";
import { healthStates, type InstanceFields, serviceTypes } from "./instance.ts";
import { parseUriSpec } from "./uri-spec.ts";

const fields: InstanceFields = {
  name: "billing",
  id: "i1",
  address: "10.0.0.1",
  port: 8080,
  sslPort: undefined,
  registrationTimeMs: 1_700_000_000_000,
  serviceType: "DYNAMIC",
  uriSpec: parseUriSpec("{scheme}://{address}:{port}"),
  enabled: true,
  tags: [],
  weight: 1,
  zone: undefined,
  metadata: {},
  health: "passing",
  healthNote: undefined,
};

/** As `new JsonInstanceSerializer<>(T.class)` of Curator 5.4.0 serialises the same instance with this payload. */
const classic = (payload: string): string =>
  `{"name":"billing","id":"i1","address":"10.0.0.1","port":8080,"sslPort":null,"payload":${payload},"registrationTimeUTC":1700000000000,"serviceType":"DYNAMIC","uriSpec":{"parts":[{"value":"scheme","variable":true},{"value":"://","variable":false},{"value":"address","variable":true},{"value":":","variable":false},{"value":"port","variable":true}]}}`;

describe("what Curator writes, to the byte", () => {
  test.each<[unknown, string]>([
    ["hello", '"hello"'],
    [undefined, "null"],
    [5, "5"],
    [5.5, "5.5"],
    [true, "true"],
    [["a", "b"], '["java.util.ArrayList",["a","b"]]'],
  ])("payload %j", (payload, json) => {
    expect(encodeEntry(fields, payload, { format: "curator-classic" })).toBe(classic(json));
    expect(decodeEntry(classic(json))).toEqual({ fields, payload });
  });

  test("a payload of a class", () => {
    const json = '{"@class":"java.util.LinkedHashMap","version":"1","l":[1,2],"inner":{}}';
    const payload = { version: "1", l: [1, 2], inner: {} };
    const options = { format: "curator-classic", payloadClass: "java.util.LinkedHashMap" } as const;
    expect(encodeEntry(fields, payload, options)).toBe(classic(json));
    expect(decodeEntry(classic(json))).toEqual({ fields, payload });
    expect(decodeEntry(classic('["java.lang.Long",5]')).payload).toBe(5);
  });

  test("with the field that came later", () => {
    const bare = { ...fields, address: null, port: undefined, registrationTimeMs: 0, uriSpec: undefined };
    expect(encodeEntry({ ...bare, enabled: false }, undefined)).toBe(
      '{"name":"billing","id":"i1","address":null,"port":null,"sslPort":null,"payload":null,"registrationTimeUTC":0,"serviceType":"DYNAMIC","uriSpec":null,"enabled":false}',
    );
  });
});

test("what Curator has no field for stands in one of ours, after its own", () => {
  const more: InstanceFields = {
    ...fields,
    tags: ["blue"],
    weight: 0.5,
    zone: "eu",
    metadata: { rack: "7" },
    health: "draining",
    healthNote: "going",
  };
  const text = encodeEntry(more, null);
  expect(text.startsWith(classic("null").slice(0, -1))).toBe(true);
  expect(text.slice(classic("null").length - 1)).toBe(
    ',"enabled":false,"corral":{"tags":["blue"],"weight":0.5,"zone":"eu","metadata":{"rack":"7"},"health":"draining","note":"going","enabled":true}}',
  );
  expect(decodeEntry(text)).toEqual({ fields: more, payload: undefined });
});

test("to Curator, what is draining or critical is not enabled; to us it is what its owner said", () => {
  for (const enabled of [true, false]) {
    for (const health of healthStates) {
      const text = encodeEntry({ ...fields, enabled, health }, undefined);
      const usable = health === "passing" || health === "warning";
      expect(JSON.parse(text).enabled).toBe(enabled && usable);
      expect(decodeEntry(text).fields).toMatchObject({ enabled, health });
    }
  }
});

test("an entry that a Curator program has rewritten is what that program says", () => {
  const { corral: _, ...rest } = JSON.parse(encodeEntry({ ...fields, health: "draining", tags: ["x"] }, undefined));
  expect(decodeEntry(JSON.stringify({ ...rest, enabled: false })).fields).toMatchObject({
    enabled: false,
    health: "passing",
    tags: [],
  });
});

describe("other writers", () => {
  test("may leave out what they do not know, and add what we do not know", () => {
    expect(decodeEntry('{"name":"n","id":"i","later":{"x":1}}')).toEqual({
      fields: {
        ...fields,
        name: "n",
        id: "i",
        address: null,
        port: undefined,
        registrationTimeMs: 0,
        uriSpec: undefined,
      },
      payload: undefined,
    });
  });

  test("may write a port as text; what of ours makes no sense is as by default", () => {
    const corral = { tags: [1, "a"], weight: -1, zone: 5, metadata: { a: 1, __proto__: "x" }, health: "fine", note: 7 };
    const text = JSON.stringify({ name: "n", id: "i", port: "80", uriSpec: { parts: [7, { value: "a" }] }, corral });
    expect(decodeEntry(text).fields).toMatchObject({
      port: 80,
      tags: ["a"],
      weight: 1,
      zone: undefined,
      metadata: {},
      health: "passing",
      healthNote: undefined,
      uriSpec: { parts: [{ value: "a", variable: false }] },
    });
  });

  test.each([
    [null, "not JSON"],
    ["", "not JSON"],
    ["{", "not JSON"],
    ["[]", "not an object"],
    ["null", "not an object"],
    ['{"name":"n"}', "name and id"],
    ['{"name":"n","id":7}', "name and id"],
    ['{"name":"n","id":"i","serviceType":"ODD"}', "serviceType"],
    ['{"name":"n","id":"i","port":"http"}', "port"],
  ])("%j is no entry: %s", (data, problem) => {
    expect(() => decodeEntry(data)).toThrow(problem);
    expect(() => decodeEntry(data)).toThrow(expect.objectContaining({ name: "MalformedEntryError" }));
  });
});

test("everything comes back", () => {
  const text = fc.string({ maxLength: 8 });
  const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
  const port = maybe(fc.integer({ min: 0, max: 65_535 }));
  const anyFields = fc.record<InstanceFields>({
    name: text,
    id: text,
    address: fc.option(text),
    port,
    sslPort: port,
    registrationTimeMs: fc.nat(),
    serviceType: fc.constantFrom(...serviceTypes),
    uriSpec: maybe(fc.record({ parts: fc.array(fc.record({ value: text, variable: fc.boolean() })) })),
    enabled: fc.boolean(),
    tags: fc.array(text),
    weight: fc.double({ min: 0, max: 100, noNaN: true }).map((weight) => weight + 0),
    zone: maybe(text),
    metadata: fc.dictionary(text, text, { noNullPrototype: true }),
    health: fc.constantFrom(...healthStates),
    healthNote: maybe(text),
  });
  const payload = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.integer()), fc.constant(undefined));
  fc.assert(
    fc.property(anyFields, payload, (all, value) => {
      expect(decodeEntry(Buffer.from(encodeEntry(all, value)))).toEqual({ fields: all, payload: value });
    }),
  );
});
