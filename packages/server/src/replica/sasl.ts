/**
 * sasl: proving to be somebody in an exchange of messages, before a connection asks for anything else. The protocol does not
 * name a mechanism; its first message tells (docs/adr/0010): an empty one is DIGEST-MD5's, where the server speaks first.
 */
import { type Id, isScramFirst, maxSaslTokenBytes } from "@corral/protocol";
import { superIdentity } from "../state/access.ts";
import type { AuthenticationRules, SaslRules } from "./authenticate.ts";
import type { Connection } from "./connection.ts";
import { digestChallenge, judgeDigest } from "./digest-md5.ts";
import { beginScram, endScram, type ScramExchange } from "./scram-sha-256.ts";

/** What comes of a client's SASL message: an answer for it, `null` where there is nothing to say; or why it failed. */
export type SaslVerdict = { readonly token: Uint8Array | null } | { readonly failure: string };

/** An exchange that waits for the client's next message. */
export type SaslExchange = { readonly mechanism: "DIGEST-MD5"; readonly nonce: string } | ScramExchange;

/** One step of a SASL exchange: a challenge first, then the verdict, which gives the connection its new identity. */
export function saslStep(connection: Connection, message: Uint8Array | null, rules: AuthenticationRules): SaslVerdict {
  const { sasl } = rules;
  // As the reference answers without its login configuration.
  if (sasl === undefined || sasl.users.size === 0) return { token: null };
  const { saslExchange: exchange } = connection;
  connection.saslExchange = undefined;
  const token = message ?? new Uint8Array(0);
  if (token.length > maxSaslTokenBytes) return { failure: `its message of ${token.length} bytes is too long` };
  if (exchange === undefined) return begin(connection, token, sasl);
  const verdict =
    exchange.mechanism === "DIGEST-MD5"
      ? judgeDigest(token, exchange.nonce, sasl.users.passwords, sasl.md5)
      : endScram(exchange, textOf(token), sasl.hash);
  if ("failure" in verdict) return verdict;
  const identity: Id = { scheme: "sasl", id: verdict.user };
  connection.prove(verdict.user === sasl.superUser ? [superIdentity, identity] : [identity]);
  return { token: verdict.token };
}

function begin(connection: Connection, token: Uint8Array, { mechanisms, nonce, users }: SaslRules): SaslVerdict {
  if (token.length === 0) {
    if (!mechanisms.includes("DIGEST-MD5")) return { failure: "it means DIGEST-MD5, which is not offered" };
    const exchange = { mechanism: "DIGEST-MD5", nonce: nonce() } as const;
    connection.saslExchange = exchange;
    return { token: digestChallenge(exchange.nonce) };
  }
  if (!isScramFirst(token)) return { failure: "its first message is of no mechanism that is known here" };
  if (!mechanisms.includes("SCRAM-SHA-256")) return { failure: "it means SCRAM-SHA-256, which is not offered" };
  const begun = beginScram(textOf(token), nonce(), users);
  if ("failure" in begun) return begun;
  connection.saslExchange = begun.exchange;
  return { token: begun.token };
}

function textOf(token: Uint8Array): string {
  return Buffer.from(token).toString("utf8");
}
