/** sasl: proving to be somebody in an exchange of messages, before a connection asks for anything else. */
import type { Id } from "@corral/protocol";
import { superIdentity } from "../state/access.ts";
import type { AuthenticationRules } from "./authenticate.ts";
import type { Connection } from "./connection.ts";
import { digestChallenge, judgeDigest } from "./digest-md5.ts";

/** What comes of a client's SASL message: an answer for it, `null` where there is nothing to say; or why it failed. */
export type SaslVerdict = { readonly token: Uint8Array | null } | { readonly failure: string };

/** One step of a SASL exchange: a challenge first, then the verdict, which gives the connection its new identity. */
export function saslStep(connection: Connection, message: Uint8Array | null, rules: AuthenticationRules): SaslVerdict {
  const { sasl } = rules;
  // As the reference answers without its login configuration.
  if (sasl === undefined || sasl.passwords.size === 0) return { token: null };
  const { saslNonce: nonce } = connection;
  if (nonce === undefined) {
    connection.saslNonce = sasl.nonce();
    return { token: digestChallenge(connection.saslNonce) };
  }
  connection.saslNonce = undefined;
  const verdict = judgeDigest(message ?? new Uint8Array(0), nonce, sasl.passwords, sasl.md5);
  if ("failure" in verdict) return verdict;
  const identity: Id = { scheme: "sasl", id: verdict.user };
  const proven = verdict.user === sasl.superUser ? [superIdentity, identity] : [identity];
  const others = connection.identities.filter((i) => !proven.some((p) => i.scheme === p.scheme && i.id === p.id));
  connection.identities = [...others, ...proven];
  return { token: verdict.token };
}
