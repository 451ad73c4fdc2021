import { describe, expect, test } from "vitest";
import { scramSha256 } from "./scram-sha-256.ts";

/** The example of RFC 7677, section 3. */
const begin = scramSha256({ username: "user", password: "pencil" });
const nonce = "rOprNGfwEbeRWgbNEkqO";
const challenge = `r=${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;
const answer = `c=biws,r=${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;
const proof = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

describe("SCRAM-SHA-256", () => {
  test("answers as the RFC's example does, and knows the server's proof; again and again", () => {
    for (const exchange of [begin(nonce), begin(nonce)]) {
      expect(Buffer.from(exchange.first).toString()).toBe(`n,,n=user,r=${nonce}`);
      expect(Buffer.from(exchange.next(Buffer.from(challenge)) as Uint8Array).toString()).toBe(answer);
      expect(exchange.next(Buffer.from(proof))).toBe("done");
    }
  });

  test.each(["v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "v=", "", "e=other-error", `${proof}=`])(
    "a server that says %j proves nothing and is refused",
    (text) => {
      const exchange = begin(nonce);
      exchange.next(Buffer.from(challenge));
      expect(() => exchange.next(Buffer.from(text))).toThrow(/does not know the password/);
    },
  );

  test("a server that skips the proof is refused", () => {
    expect(() => begin(nonce).next(Buffer.from(proof))).toThrow(/not one of SCRAM-SHA-256/);
    const exchange = begin(nonce);
    exchange.next(Buffer.from(challenge));
    expect(() => exchange.next(null)).toThrow(/offers no SCRAM-SHA-256/);
  });

  test.each([
    ["nothing", null, /is it a Corral server/],
    ["DIGEST-MD5", 'realm="zk-sasl-md5",nonce="x"', /not one of SCRAM-SHA-256/],
    ["an old challenge", challenge.replace(nonce, "another"), /answers another client/],
    ["our own nonce alone", `r=${nonce},s=QQ==,i=4096`, /answers another client/],
    ["a password that is cheap to guess", challenge.replace("4096", "4095"), /4095 iterations/],
    ["years of work", challenge.replace("4096", "600001"), /600001 iterations/],
    ["too much", `${challenge},${"x".repeat(5_000)}`, /bytes, too many/],
  ])("a server that asks for %s is refused", (_, text, told) => {
    expect(() => begin(nonce).next(text === null ? null : Buffer.from(text))).toThrow(told);
  });

  test("names may hold what separates", () => {
    const { first } = scramSha256({ username: "a=b,\u00aa", password: "x" })("r");
    expect(Buffer.from(first).toString()).toBe("n,,n=a=3Db=2Ca,r=r");
  });
});
