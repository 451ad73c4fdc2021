import { describe, expect, test } from "vitest";
import { buildUri, formatUriSpec, parseUriSpec } from "./uri-spec.ts";

const instance = {
  name: "billing",
  id: "i1",
  address: "10.0.0.1",
  port: 8080,
  sslPort: 8443,
  registrationTimeMs: 1_700_000_000_000,
  serviceType: "STATIC",
} as const;

test("a URI as Curator makes it of the same instance", () => {
  const text = "{scheme}://{address}:{ssl-port}/{[}{name}{]}?{id}&{registration-time-utc}&{service-type}{nope}";
  const spec = parseUriSpec(text);
  expect(buildUri(spec, instance)).toBe("https://10.0.0.1:8443/{billing}?i1&1700000000000&static");
  expect(formatUriSpec(spec)).toBe(text);
});

test("without an SSL port it is http; what is given counts before what the instance says", () => {
  const spec = parseUriSpec("{ scheme }://{address}:{port}/{path}");
  expect(spec.parts[0]).toEqual({ value: "scheme", variable: true });
  const plain = { ...instance, sslPort: undefined };
  expect(buildUri(spec, plain, { path: "v1", address: "example" })).toBe("http://example:8080/v1");
  expect(buildUri(spec, { ...plain, address: null, port: undefined })).toBe("http://:/");
  expect(buildUri(spec, undefined, { address: "a", port: 1 })).toBe("http://a:1/");
});

describe("braces must match", () => {
  test.each(["{a", "a}", "{a{b}}", "}{"])("%s", (text) => {
    expect(() => parseUriSpec(text)).toThrow(SyntaxError);
  });
});
