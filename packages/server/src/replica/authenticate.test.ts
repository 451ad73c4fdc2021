import { digestBase64 } from "@corral/io";
import { describe, expect, test, vi } from "vitest";
import { redactAcl, superIdentity } from "../state/access.ts";
import { type AuthenticationRules, authenticate, certified, hasProvenEnough } from "./authenticate.ts";

const rules = (over: Partial<AuthenticationRules> = {}): AuthenticationRules => ({
  digestBase64: (text) => digestBase64("SHA-256", text),
  superDigest: undefined,
  requiredSchemes: [],
  ...over,
});
const packet = (scheme: string, auth: string | null) => ({
  type: 0,
  scheme,
  auth: auth === null ? null : Buffer.from(auth),
});
const bob = { scheme: "digest", id: "bob:huAluaVu3uER4LIpielGv9Qqk5x3YVDr6I2R/mXf2wE=" };

describe("scheme digest", () => {
  test("the identity is the user with the digest that was configured", () => {
    expect(authenticate(packet("digest", "bob:secret"), rules(), [])).toEqual([bob]);
    expect(
      authenticate(packet("digest", "bob:secret"), rules({ digestBase64: (t) => digestBase64("SHA1", t) }), []),
    ).toEqual([{ scheme: "digest", id: "bob:fyVmFCwVbTJYrznoSu1koqYEYF0=" }]);
  });

  test("a password may have colons, what has none is nothing", () => {
    const [identity] = authenticate(packet("digest", "bob:a:b"), rules(), []) ?? [];
    expect(identity?.id).toBe(`bob:${digestBase64("SHA-256", "bob:a:b")}`);
    expect(authenticate(packet("digest", "bob"), rules(), [])).toBeUndefined();
    expect(authenticate(packet("digest", null), rules(), [])).toBeUndefined();
  });

  test("a user's name is cut off in front, however many colons follow", () => {
    const colons = ":".repeat(100_000);
    const split = vi.spyOn(String.prototype, "split");
    try {
      const [identity] = authenticate(packet("digest", `bob${colons}`), rules(), []) ?? [];
      expect(identity?.id.startsWith("bob:")).toBe(true);
      const acl = [{ perms: 1, id: { scheme: "digest", id: `bob:x${colons}` } }];
      expect(redactAcl(acl)).toEqual([{ perms: 1, id: { scheme: "digest", id: "bob:x" } }]);
      expect(split.mock.results.length).toBe(2);
      expect(split.mock.results.filter(({ value }) => (value as string[]).length > 1)).toEqual([]);
    } finally {
      split.mockRestore();
    }
  });

  test("who has the password of superDigest may do everything, who has nearly that may not", () => {
    const withSuper = rules({ superDigest: bob.id });
    expect(authenticate(packet("digest", "bob:secret"), withSuper, [])).toEqual([superIdentity, bob]);
    for (const other of ["bob:Secret", "bob:", "Bob:secret", "bob:secret:"]) {
      const proven = authenticate(packet("digest", other), withSuper, []) ?? [];
      expect(proven.map(({ scheme }) => scheme)).toEqual(["digest"]);
    }
    // Whoever knows the digest does not know the password.
    expect(authenticate(packet("digest", bob.id), withSuper, [])).not.toContainEqual(superIdentity);
  });
});

test("nobody is super by saying so, and an unknown scheme proves nothing", () => {
  for (const scheme of ["super", "sasl", "world", "auth", "foo", ""]) {
    expect(authenticate(packet(scheme, "bob:secret"), rules(), [])).toBeUndefined();
  }
});

test("x509 and ip add nothing to what the connection has", () => {
  expect(authenticate(packet("ip", null), rules(), [])).toEqual([]);
  expect(authenticate(packet("x509", "CN=admin"), rules({ x509SuperUser: "CN=admin" }), [])).toBeUndefined();
  expect(authenticate(packet("x509", null), rules(), [{ scheme: "x509", id: "CN=a" }])).toEqual([]);
  expect(certified("CN=admin", rules({ x509SuperUser: "CN=admin" }))[0]).toEqual(superIdentity);
  expect(certified("CN=admin2", rules({ x509SuperUser: "CN=admin" }))).toEqual([{ scheme: "x509", id: "CN=admin2" }]);
  expect(certified(undefined, rules())).toEqual([]);
});

test("one of the required schemes is enough, an address is not", () => {
  const required = rules({ requiredSchemes: ["digest", "sasl"] });
  expect(hasProvenEnough([{ scheme: "ip", id: "127.0.0.1" }], required)).toBe(false);
  expect(hasProvenEnough([bob], required)).toBe(true);
  expect(hasProvenEnough([], rules())).toBe(true);
});
