import { md5 } from "@corral/io";
import { digestMd5Proofs } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { digestChallenge, judgeDigest } from "./digest-md5.ts";

describe("the examples of RFC 2831, section 4: the server knows who it is, and proves itself", () => {
  const passwords = new Map([["chris", "secret"]]);
  const realm = "elwood.innosoft.com";

  test("IMAP", () => {
    const answer =
      'charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",nc=00000001,cnonce="OA6MHXh6VqTrRk",' +
      'digest-uri="imap/elwood.innosoft.com",response=d388dad90d4bbd760a152321f2143af7,qop=auth';
    const verdict = judgeDigest(Buffer.from(answer), "OA6MG9tEQGm2hh", passwords, md5, { realm, service: "imap" });
    expect(verdict).toEqual({ user: "chris", token: Buffer.from("rspauth=ea40f60335c427b5527b84dbabcdfffd") });
  });

  test("ACAP, with spaces between the directives", () => {
    const answer =
      'username="chris", realm="elwood.innosoft.com", nonce="OA9BSXrbuRhWay", nc=00000001, cnonce="OA9BSuZWMSpW8m", ' +
      'digest-uri="acap/elwood.innosoft.com", response=6084c6db3fede7352c551284490fd0fc, qop=auth';
    const verdict = judgeDigest(Buffer.from(answer), "OA9BSXrbuRhWay", passwords, md5, { realm, service: "acap" });
    expect(verdict).toEqual({ user: "chris", token: Buffer.from("rspauth=2f0b3d7c3c2e486600ef710726aa2eae") });
  });
});

describe("an answer", () => {
  const passwords = new Map([
    ["bob", "secret"],
    ["ann", undefined],
  ]);
  const nonce = "n0nce";

  function answer(over: Readonly<Record<string, string>> = {}): string {
    const said: Record<string, string> = {
      username: "bob",
      realm: "zk-sasl-md5",
      nonce,
      nc: "00000001",
      cnonce: "c",
      "digest-uri": "zookeeper/zk-sasl-md5",
      qop: "auth",
      ...over,
    };
    const exchange = {
      username: said.username ?? "",
      realm: said.realm ?? "",
      password: "secret",
      nonce: said.nonce ?? "",
      cnonce: said.cnonce ?? "",
      uri: said["digest-uri"] ?? "",
      authorizedAs: said.authzid,
    };
    const { response } = digestMd5Proofs(exchange, md5);
    return Object.entries({ response, ...said })
      .map(([name, value]) => `${name}="${value}"`)
      .join(",");
  }
  const judge = (text: string) => judgeDigest(Buffer.from(text), nonce, passwords, md5);

  test("that is right gives the user", () => {
    expect(digestChallenge(nonce).toString()).toContain(`nonce="${nonce}"`);
    expect(judge(answer())).toMatchObject({ user: "bob" });
    expect(judge(answer({ authzid: "bob" }))).toMatchObject({ user: "bob" });
  });

  test.each([
    ["to another challenge", { nonce: "other" }, "another challenge"],
    ["that uses the nonce once more", { nc: "00000002" }, "another challenge"],
    ["that wants more than authentication", { qop: "auth-int" }, "more than authentication"],
    ["for another realm", { realm: "other" }, "another realm"],
    ["for another service", { "digest-uri": "imap/zk-sasl-md5" }, "another service"],
    ["for somebody else", { authzid: "root" }, "may not act for others"],
    ["of a stranger", { username: "eve" }, 'wrong user or password ("eve")'],
    ["of one with a verifier", { username: "ann" }, '"ann" has a SCRAM-SHA-256 verifier, which DIGEST-MD5 cannot use'],
    ["with a wrong proof", { response: "0".repeat(32) }, 'wrong user or password ("bob")'],
    ["without a proof", { response: "" }, 'wrong user or password ("bob")'],
  ])("%s is refused", (_, over, why) => {
    expect(judge(answer(over))).toEqual({ failure: expect.stringContaining(why) });
  });

  test("that is nothing of the kind is refused", () => {
    for (const text of ["", "rspauth=x", "\0bob\0secret", '"""', "=,=,="])
      expect(judge(text)).toHaveProperty("failure");
  });
});
