/** The server's half of SCRAM-SHA-256: the RFC's example, and everything that a client may do wrong. */
import { hmacSha256, md5, pbkdf2Sha256, sha256 } from "@corral/io";
import { scramAuthMessage, scramKeys, scramProof } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import type { SaslRules } from "./authenticate.ts";
import { Connection } from "./connection.ts";
import { Load } from "./load.ts";
import { saslStep } from "./sasl.ts";
import { formatVerifier, makeVerifier, SaslUsers, saslUserProblem } from "./sasl-users.ts";

const hash = { sha256, hmacSha256, pbkdf2Sha256 };
/** RFC 7677, section 3. */
const example = {
  salt: Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"),
  clientFirst: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
  serverNonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
  serverFirst: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  clientFinal:
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  serverFinal: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};
const verifier = formatVerifier(makeVerifier("pencil", example.salt, 4_096, hash));

/** One connection to a server with these users; messages as text. */
function server(texts: readonly string[] = [`user:${verifier}`, "bob:secret"], rules: Partial<SaslRules> = {}) {
  const sasl: SaslRules = {
    mechanisms: ["SCRAM-SHA-256", "DIGEST-MD5"],
    users: new SaslUsers(texts, Buffer.alloc(32, 7), hash),
    superUser: undefined,
    md5,
    hash,
    nonce: () => example.serverNonce,
    ...rules,
  };
  const connection = new Connection(1, { host: "10.0.0.1", port: 4_711 }, 0, new Load());
  const say = (message: string): string => {
    const rest = { digestBase64: () => "", superDigest: undefined, requiredSchemes: [] };
    const verdict = saslStep(connection, Buffer.from(message), { ...rest, sasl });
    return "failure" in verdict ? `failure: ${verdict.failure}` : Buffer.from(verdict.token ?? []).toString();
  };
  return { connection, say };
}

/** What a client with this password answers. */
function finalOf(password: string, name: string, serverFirst: string, header = "biws"): string {
  const [, nonce = "", salt = "", iterations = ""] = /^r=(.*),s=(.*),i=(.*)$/.exec(serverFirst) ?? [];
  const { clientKey, storedKey } = scramKeys(password, Buffer.from(salt, "base64"), Number(iterations), hash);
  const withoutProof = `c=${header},r=${nonce}`;
  const signed = scramAuthMessage(`n=${name},r=x`, serverFirst, withoutProof);
  return `${withoutProof},p=${scramProof(clientKey, storedKey, signed, hash).toString("base64")}`;
}

const wrong = (name: string) => `failure: wrong user or password ("${name}")`;

describe("SCRAM-SHA-256", () => {
  test("answers as in the RFC's example, and the connection is the user's", () => {
    const { connection, say } = server();
    expect(say(example.clientFirst)).toBe(example.serverFirst);
    expect(connection.identities).toEqual([{ scheme: "ip", id: "10.0.0.1" }]);
    expect(say(example.clientFinal)).toBe(example.serverFinal);
    expect(connection.identities).toContainEqual({ scheme: "sasl", id: "user" });
  });

  test("users whose password is known are known to it as well; the superuser may do everything", () => {
    const { connection, say } = server(["bob:secret"], { superUser: "bob" });
    expect(say(finalOf("secret", "bob", say("n,,n=bob,r=x")))).toMatch(/^v=/);
    expect(connection.identities).toContainEqual({ scheme: "sasl", id: "bob" });
    expect(connection.identities).toContainEqual(expect.objectContaining({ scheme: "super" }));
  });

  test("a wrong password, and a user that there is not, fail in the same way", () => {
    for (const name of ["user", "bob", "nobody"]) {
      const { connection, say } = server();
      const challenge = say(`n,,n=${name},r=x`);
      expect(challenge).toMatch(/^r=x%hvYDpWUa2RaTCAfuxFIlj\)hNlF\$k0,s=[\w+/]{22}==,i=(4096|16384)$/);
      expect(say(finalOf("pensil", name, challenge))).toBe(wrong(name));
      expect(connection.identities).toEqual([{ scheme: "ip", id: "10.0.0.1" }]);
    }
  });

  test("who is unknown has the same salt each time, and another than others", () => {
    const salts = ["nobody", "nobody", "noone", "user", "bob"].map((name) => server().say(`n,,n=${name},r=x`));
    expect(salts[0]).toBe(salts[1]);
    expect(new Set(salts).size).toBe(4);
    // Iterations are those of somebody who is there.
    for (const name of ["a", "b", "c", "d"]) {
      expect(server([`user:${verifier}`]).say(`n,,n=${name},r=x`)).toMatch(/,i=4096$/);
    }
  });

  test("what was said to one challenge proves nothing to another", () => {
    const { say } = server([`user:${verifier}`], { nonce: () => "another" });
    say(example.clientFirst);
    expect(say(example.clientFinal)).toBe("failure: it answers another challenge");
  });

  test("nor does it a second time on the same connection", () => {
    const { say } = server();
    say(example.clientFirst);
    say(example.clientFinal);
    expect(say(example.clientFinal)).toMatch(/^failure: its first message is of no mechanism/);
  });

  test("a proof for other messages than those that were sent is none", () => {
    const { say } = server();
    const challenge = say(example.clientFirst);
    const other = challenge.replace("i=4096", "i=4097");
    expect(say(finalOf("pencil", "user", other))).toBe(wrong("user"));
  });

  test("another header than at first means that somebody stood between", () => {
    const { say } = server();
    const final = finalOf("pencil", "user", say("n,,n=user,r=x"), "eSws");
    expect(say(final)).toBe("failure: it binds itself to another channel");
  });

  test.each([
    ["a final message first", [example.clientFinal], "its first message is of no mechanism that is known here"],
    ["two first ones", [example.clientFirst, example.clientFirst], "its final message of SCRAM cannot be read"],
    ["an empty second one", [example.clientFirst, ""], "its final message of SCRAM cannot be read"],
    ["one for the other mechanism", ["", example.clientFinal], "it answers another challenge"],
    ["channel binding", ["p=tls-unique,,n=user,r=x"], "it wants channel binding, which is not there"],
    ["no name", ["n,,n=,r=x"], "its first message of SCRAM cannot be read"],
    ["somebody else's name", ["n,a=bob,n=user,r=x"], '"user" may not act for others'],
    ["a long first message", [`n,,n=user,r=${"x".repeat(5_000)}`], "its message of 5012 bytes is too long"],
    ["a long second one", [example.clientFirst, "x".repeat(4_097)], "its message of 4097 bytes is too long"],
  ])("%s: refused", (_, messages, failure) => {
    const { connection, say } = server();
    expect(messages.map(say).at(-1)).toBe(`failure: ${failure}`);
    expect(connection.saslExchange).toBeUndefined();
    expect(connection.identities).toHaveLength(1);
  });

  test("who acts for itself may say so", () => {
    const { say } = server();
    expect(say("n,a=user,n=user,r=x")).toMatch(/^r=x/);
  });

  test("names are compared as they look, and identities are as they were configured", () => {
    const { connection, say } = server(["Ⅸ, a=b:secret"]);
    expect(say(finalOf("secret", "IX=2C a=3Db", say("n,,n=IX=2C a=3Db,r=x")))).toMatch(/^v=/);
    expect(connection.identities).toContainEqual({ scheme: "sasl", id: "Ⅸ, a=b" });
  });

  test("a mechanism that is not offered is refused by name", () => {
    expect(server(undefined, { mechanisms: ["SCRAM-SHA-256"] }).say("")).toBe(
      "failure: it means DIGEST-MD5, which is not offered",
    );
    expect(server(undefined, { mechanisms: ["DIGEST-MD5"] }).say(example.clientFirst)).toBe(
      "failure: it means SCRAM-SHA-256, which is not offered",
    );
  });
});

describe("a user's line", () => {
  test("is a name and a password, or a verifier, which comes back as it was", () => {
    expect(saslUserProblem("bob:a:b,c")).toBeUndefined();
    expect(saslUserProblem(`user:${verifier}`)).toBeUndefined();
    expect(verifier).toBe(
      "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    );
  });

  test.each([
    ["bob", "must be user:password"],
    ["bob:", "must be user:password"],
    [":secret", "must be user:password"],
    ["bob:SCRAM-SHA-256$1:x", "corral-server scram"],
    [`bob:${verifier.replace("4096", "1000")}`, "must have 4096 … 600000 iterations"],
  ])("%s says nobody", (text, problem) => {
    expect(saslUserProblem(text)).toContain(problem);
  });
});
