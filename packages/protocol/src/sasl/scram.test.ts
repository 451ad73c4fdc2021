import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { saslPrep } from "./sasl-prep.ts";
import { escapeScramName, isScramFirst, parseClientFinal, parseClientFirst, parseServerFirst } from "./scram.ts";

describe("messages of SCRAM", () => {
  test("RFC 7677, section 3", () => {
    expect(parseClientFirst("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")).toEqual({
      header: "n,,",
      authorizedAs: "",
      bare: "n=user,r=rOprNGfwEbeRWgbNEkqO",
      name: "user",
      nonce: "rOprNGfwEbeRWgbNEkqO",
    });
    const nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    expect(parseServerFirst(`r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`)).toEqual({
      nonce,
      salt: Buffer.from("5b6d99689d12358eeca04b141236fa81", "hex"),
      iterations: 4_096,
    });
    expect(parseClientFinal(`c=biws,r=${nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`)).toMatchObject({
      withoutProof: `c=biws,r=${nonce}`,
      header: "biws",
      nonce,
    });
  });

  test("any name comes through, and what is no message is none, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), (name) => {
        expect(parseClientFirst(`n,a=${escapeScramName(name)},n=${escapeScramName(name)},r=x`)).toMatchObject({
          name,
          authorizedAs: name,
        });
        for (const parse of [parseClientFirst, parseServerFirst, parseClientFinal]) expect(parse(name)).toBeUndefined();
      }),
    );
  });

  test.each(["n", "a,b", "=", "=2C", "a=3Db", "päß"])("the name %s comes through", (name) => {
    expect(parseClientFirst(`n,,n=${escapeScramName(name)},r=x`)?.name).toBe(name);
  });

  test.each([
    ["channel binding", "p=tls-unique,,n=user,r=x"],
    ["no name", "n,,n=,r=x"],
    ["no nonce", "n,,n=user,r="],
    ["no nonce at all", "n,,n=user"],
    ["an extension that must be understood", "n,,m=x,n=user,r=y"],
    ["an escape that is none", "n,,n=a=b,r=x"],
    ["a final message", "c=biws,r=x,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="],
    ["an empty one", ""],
  ])("%s is no first message", (_, text) => {
    expect(parseClientFirst(text)).toBeUndefined();
  });

  test.each(["", "r=x,s=,i=4096", "r=x,s=QQ==,i=0", "r=x,s=QQ==,i=99999999999", "r=x,s=!,i=1", "v=QQ==", 'realm="x"'])(
    "%j is no answer of a server to it",
    (text) => {
      expect(parseServerFirst(text)).toBeUndefined();
    },
  );

  test.each(["", "c=biws,r=x", "c=biws,r=x,p=", "c=biws,r=x,p=QQ==", "r=x,p=QQ=="])(
    "%j is no final message",
    (text) => {
      expect(parseClientFinal(text)).toBeUndefined();
    },
  );

  test("what begins an exchange of SCRAM can be told from what begins others", () => {
    const isFirst = (text: string) => isScramFirst(Buffer.from(text));
    expect(["n,,n=user,r=x", "y,,n=user,r=x", "n,a=x,n=user,r=x", "p=tls-exporter,,n=user,r=x"].every(isFirst)).toBe(
      true,
    );
    expect(["", "\0user\0password", "c=biws,r=x", 'username="n,"', "name,"].some(isFirst)).toBe(false);
  });
});

test.each([
  ["I\u00adX", "IX"],
  ["user", "user"],
  ["USER", "USER"],
  ["\u00aa", "a"],
  ["\u2168", "IX"],
  ["a\u00a0b", "a b"],
  ["a\u0307", "\u0227"],
  // Forbidden, and so as it is.
  ["\u0007\u00aa", "\u0007\u00aa"],
])("SASLprep of %j is %j", (text, prepared) => {
  expect(saslPrep(text)).toBe(prepared);
});
