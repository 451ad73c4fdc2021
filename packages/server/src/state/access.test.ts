import { type Acl, type Id, openAcl, Permission } from "@corral/protocol";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { addressText, rangeText } from "../../test-support/address-texts.ts";
import { looksUp } from "../../test-support/look-ups.ts";
import { plainAllows } from "../../test-support/plain-access.ts";
import { allows, fixUpAcl, redactAcl, superIdentity } from "./access.ts";

const acl = (scheme: string, id: string, perms: number = Permission.all) => ({ perms, id: { scheme, id } });

describe("allows", () => {
  const bob = [{ scheme: "digest", id: "bob:x" }];
  test.each([
    ["an empty list", [], Permission.write, bob, true],
    ["world with the permission", [acl("world", "anyone", 1)], Permission.read, bob, true],
    ["world without it", [acl("world", "anyone", 1)], Permission.write, bob, false],
    ["the same digest", [acl("digest", "bob:x")], Permission.admin, bob, true],
    ["another digest", [acl("digest", "bob:y")], Permission.admin, bob, false],
    ["the super user", [acl("digest", "bob:y")], Permission.admin, [{ scheme: "super", id: "" }], true],
    ["an address", [acl("ip", "10.0.0.0/8")], Permission.read, [{ scheme: "ip", id: "10.1.1.1" }], true],
  ])("%s", (_what, list, permission, identities, expected) => {
    expect(allows(list, permission, identities)).toBe(expected);
  });
});

describe("what is looked at", () => {
  let looks = 0;
  const counted = (scheme: string, id: string) => ({
    scheme,
    get id() {
      looks++;
      return id;
    },
  });
  beforeEach(() => {
    looks = 0;
  });

  test("a long list once for each who asks", () => {
    const bob = counted("digest", "bob:x");
    const list = [
      ...Array.from({ length: 1_000 }, () => acl("digest", "al:x")),
      { perms: Permission.read, id: counted("digest", "bob:x") },
    ];
    const [bobs, eves] = [[bob], [{ scheme: "digest", id: "eve:x" }]];
    const ask = () => {
      expect([allows(list, Permission.read, bobs), allows(list, Permission.write, bobs)]).toEqual([true, false]);
      expect([allows(list, Permission.read, eves), allows(list, Permission.all, bobs)]).toEqual([false, true]);
    };
    ask();
    looks = 0;
    for (let i = 0; i < 100; i++) ask();
    expect(looks).toBe(0);
  });

  test("each of many identities once, however many lists they are looked for in", () => {
    const many = Array.from({ length: 95 }, (_, i) => counted("digest", `${i}:x`));
    const lists = [950, 950, 2, 2].map((length) => Array.from({ length }, (_, i) => acl("digest", `other${i}:x`)));
    for (const list of lists) {
      for (const permission of [Permission.read, Permission.write, Permission.admin]) {
        expect(allows(list, permission, many)).toBe(false);
      }
    }
    expect(looks).toBe(95);
  });

  test("each entry of a list once for many identities, whichever permissions are asked for", () => {
    const many = Array.from({ length: 95 }, (_, i) => ({ scheme: "digest", id: `${i}:x` }));
    const list = Array.from({ length: 950 }, (_, i) => ({ perms: 31, id: counted("digest", `other${i}:x`) }));
    expect(allows(list, Permission.admin, many)).toBe(false);
    expect(looks).toBe(950);
  });

  test("each range once, however many ask, and however often", () => {
    const ranges = Array.from({ length: 20 }, (_, i) => ({ perms: 31, id: counted("ip", `10.0.${i}.0/24`) }));
    const askers = Array.from({ length: 50 }, (_, i) => [{ scheme: "ip", id: `10.1.0.${i}` }]);
    for (const list of [ranges, ranges.slice(0, 2), ranges.slice(5, 13)]) {
      for (const asker of [...askers, ...askers]) expect(allows(list, Permission.read, asker)).toBe(false);
    }
    expect(looks).toBe(20);
  });

  test("no range again that was looked at when its list came", () => {
    const list = fixUpAcl(
      Array.from({ length: 20 }, (_, i) => ({ perms: 31, id: counted("ip", `10.0.${i}.0/24`) })),
      [],
    );
    looks = 0;
    expect(allows(list ?? [], Permission.read, [{ scheme: "ip", id: "10.1.0.1" }])).toBe(false);
    expect(looks).toBe(0);
  });

  test("each long identity by its hash, and not sign by sign beside each entry", () => {
    const long = (end: string) => "u".repeat(1_000) + end;
    const asker = Array.from({ length: 7 }, (_, i) => ({ scheme: "digest", id: long(`${i}:x`) }));
    const list = Array.from({ length: 7 }, (_, i) => acl("digest", long(`${i}:y`)));
    const keys = looksUp(() => expect(allows(list, Permission.read, asker)).toBe(false));
    expect(keys.filter((key) => key.length > 1_000)).toEqual(list.map(({ id }) => id.id));
    expect(looksUp(() => expect(allows(list, Permission.write, asker)).toBe(false))).toEqual([]);
    expect(allows([...list, acl("digest", long("3:x"))], Permission.read, asker)).toBe(true);
  });

  test("none where everybody may do everything", () => {
    expect(allows(openAcl, Permission.write, [counted("digest", "bob:x")])).toBe(true);
    expect(looks).toBe(0);
  });
});

test("who may do what is what it always was, for lists and identities of any length, with whatever for addresses", () => {
  const text = fc.oneof(
    fc.constantFrom("a:x", "b:x", "anyone", ""),
    fc.constantFrom("a", "b").map((end) => `${"u".repeat(300)}${end}:x`),
    addressText,
  );
  const scheme = fc.constantFrom("digest", "sasl", "x509", "world", "ip", "ip", "ip");
  const asker = fc.oneof(
    { weight: 30, arbitrary: fc.record({ scheme, id: text }) },
    { weight: 1, arbitrary: fc.constant(superIdentity) },
  );
  const named = fc.record({
    scheme,
    id: fc.oneof(text, rangeText, fc.constantFrom("0.0.0.0/0", "10.0.0.0/8", "::/0")),
  });
  const list = fc.array(fc.record({ perms: fc.integer({ min: -1, max: 63 }), id: named }), { maxLength: 20 });
  fc.assert(
    fc.property(
      fc.array(list, { minLength: 1, maxLength: 3 }),
      fc.array(fc.array(asker, { maxLength: 12 }), { minLength: 1, maxLength: 3 }),
      fc.array(fc.integer({ min: 1, max: 31 }), { minLength: 1, maxLength: 3 }),
      (lists, askers, permissions) => {
        for (const permission of [...permissions, ...permissions]) {
          for (const asked of lists) {
            for (const asking of askers) {
              expect(allows(asked, permission, asking)).toBe(plainAllows(asked, permission, asking));
            }
          }
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("what was remembered is found out anew where there was too much of it, and is the same", () => {
  const list = Array.from({ length: 9 }, (_, i) => acl("digest", `${i}:x`, 1 << (i % 2)));
  let looks = 0;
  const seen = new Proxy(list, {
    get(target, key, receiver) {
      if (key === Symbol.iterator) looks++;
      return Reflect.get(target, key, receiver);
    },
  });
  const asker = [{ scheme: "digest", id: "4:x" }];
  const ask = () => expect([1, 2].map((permission) => allows(seen, permission, asker))).toEqual([true, false]);
  ask();
  ask();
  expect(looks).toBe(1);
  for (let i = 0; i < 400_000; i++) allows(list, 1, [...asker]);
  ask();
  ask();
  expect(looks).toBe(2);
});

test("many identities, and long lists, are judged as one identity and one entry are", () => {
  const id = fc.oneof(
    fc.record({ scheme: fc.constantFrom("digest", "sasl", "x509"), id: fc.constantFrom("a:x", "b:x") }),
    fc.constantFrom({ scheme: "ip", id: "10.0.0.1" }, { scheme: "ip", id: "10.0.0.2" }),
  );
  const asker = fc.oneof({ weight: 20, arbitrary: id }, { weight: 1, arbitrary: fc.constant(superIdentity) });
  const named = fc.oneof(id, fc.constantFrom({ scheme: "ip", id: "10.0.0.0/31" }, { scheme: "world", id: "anyone" }));
  const entry = fc.record({ perms: fc.integer({ min: -1, max: 31 }), id: named });
  const crowd = Array.from({ length: 20 }, (_, i) => ({ scheme: "digest", id: `${i}:y` }));
  const strangers = crowd.map((one) => ({ perms: 31, id: { ...one, scheme: "sasl" } }));
  fc.assert(
    fc.property(
      fc.array(entry, { minLength: 1, maxLength: 4 }),
      fc.array(asker, { maxLength: 3 }),
      fc.integer({ min: 1, max: 31 }),
      (list, few, permission) => {
        const expected = list.some((one) =>
          few.length === 0 ? allows([one], permission, []) : few.some((asks) => allows([one], permission, [asks])),
        );
        for (const identities of [few, [...crowd, ...few]]) {
          expect(allows(list, permission, identities)).toBe(expected);
          expect(allows([...strangers, ...list], permission, identities)).toBe(expected);
        }
      },
    ),
  );
});

describe("fixUpAcl", () => {
  test.each([
    ["null", null],
    ["empty", []],
    ["an unknown scheme", [acl("kerberos", "x")]],
    ["world for somebody", [acl("world", "bob")]],
    ["super", [acl("super", "")]],
    ["a malformed digest", [acl("digest", "bob")]],
    ["a digest of three parts", [acl("digest", "bob:x:")]],
    ["a malformed address", [acl("ip", "300.1.1.1")]],
  ])("refuses %s", (_what, asked) => expect(fixUpAcl(asked, [])).toBeUndefined());

  test("drops duplicates", () => {
    expect(fixUpAcl([acl("ip", "1.1.1.1"), acl("ip", "1.1.1.1")], [])).toEqual([acl("ip", "1.1.1.1")]);
  });

  test("takes a digest of two parts, though one may be empty", () => {
    for (const id of ["bob:x", "bob:", ":x", ":"])
      expect(fixUpAcl([acl("digest", id)], []), id).toEqual([acl("digest", id)]);
  });

  test("takes a list of as many entries as a frame holds", () => {
    const many = Array.from({ length: 40_000 }, (_, i) => acl("digest", `${i}:x`, Permission.read));
    expect(fixUpAcl(many, [])).toEqual(many);
  });

  test("refuses what auth would make far longer than it was asked for", () => {
    const identities = Array.from({ length: 100 }, (_, i) => ({ scheme: "digest", id: `${i}:x` }));
    const asked = (count: number) => Array.from({ length: count }, (_, perms) => acl("auth", "", perms));
    expect(fixUpAcl(asked(10), identities)).toHaveLength(1_000);
    expect(fixUpAcl(asked(11), identities)).toBeUndefined();
    expect(fixUpAcl(asked(60_000), identities)).toBeUndefined();
  });
});

describe("fixUpAcl with auth", () => {
  /** What it always was, and what logs rely on: each entry of `auth` put in for each identity. */
  function plainFixUpAcl(asked: readonly Acl[], identities: readonly Id[]): readonly Acl[] | undefined {
    if (asked.length === 0) return undefined;
    const fixed = new Map<string, Acl>();
    const own = identities.filter(({ scheme }) => scheme !== "ip" && scheme !== "super");
    for (const entry of asked) {
      const isAuth = entry.id.scheme === "auth";
      if (isAuth ? own.length === 0 : fixUpAcl([entry], []) === undefined) return undefined;
      for (const acl of isAuth ? own.map((one) => ({ perms: entry.perms, id: one })) : [entry]) {
        const key = JSON.stringify([acl.perms, acl.id.scheme, acl.id.id]);
        if (!fixed.has(key)) fixed.set(key, acl);
      }
      if (isAuth && fixed.size > Math.max(asked.length, 1_000)) return undefined;
    }
    return [...fixed.values()];
  }

  test("stores the same as when each entry was put in for each identity, in the same order", () => {
    const perms = fc.integer({ min: -1, max: 3 });
    const identity = fc.oneof(
      fc.record({ scheme: fc.constantFrom("digest", "sasl", "x509"), id: fc.constantFrom("a:x", "b:x", "a=b:x") }),
      fc.constantFrom({ scheme: "ip", id: "10.0.0.1" }, { scheme: "super", id: "" }),
    );
    const auth = fc.constant({ scheme: "auth", id: "" });
    const bad = fc.constant({ scheme: "digest", id: "bob" });
    const entry: fc.Arbitrary<Acl> = fc.record({
      perms,
      id: fc.oneof({ weight: 9, arbitrary: auth }, { weight: 9, arbitrary: identity }, { weight: 1, arbitrary: bad }),
    });
    // Some come near to as many as `auth` may make of them.
    const crowd = fc.integer({ min: 0, max: 1_010 });
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 12 }),
        fc.array(identity, { maxLength: 6 }),
        fc.option(fc.record({ asked: crowd, own: fc.integer({ min: 0, max: 400 }), at: fc.nat(12) })),
        (entries, few, many) => {
          const asked = entries.toSpliced(
            many?.at ?? 0,
            0,
            ...Array.from({ length: many?.asked ?? 0 }, (_, i) => acl("digest", `${i}:x`, 1)),
          );
          const own = Array.from({ length: many?.own ?? 0 }, (_, i) => ({ scheme: "digest", id: `${i + 900}:x` }));
          const identities = [...few, ...own];
          expect(fixUpAcl(asked, identities)).toEqual(plainFixUpAcl(asked, identities));
        },
      ),
      { numRuns: 500 },
    );
  });

  test("refuses what is too long though the same was put in before", () => {
    const own = Array.from({ length: 95 }, (_, i) => ({ scheme: "digest", id: `own${i}:x` }));
    const others = Array.from({ length: 1_000 }, (_, i) => acl("digest", `${i}:x`));
    expect(fixUpAcl([acl("auth", ""), ...others], own)).toHaveLength(1_095);
    expect(fixUpAcl([acl("auth", ""), ...others, acl("auth", "")], own)).toBeUndefined();
  });

  test("looks at each identity once for each permission", () => {
    let looks = 0;
    const own = Array.from({ length: 95 }, (_, i) => ({
      scheme: "digest",
      get id() {
        looks++;
        return `${i}:x`;
      },
    }));
    const asked = Array.from({ length: 1_000 }, (_, i) => acl("auth", "", i % 2));
    expect(fixUpAcl(asked, own)).toHaveLength(190);
    expect(looks).toBe(190);
  });
});

test("redactAcl hides digests", () => {
  expect(redactAcl([acl("digest", "bob:secret"), acl("world", "anyone")])).toEqual([
    acl("digest", "bob:x"),
    acl("world", "anyone"),
  ]);
});
