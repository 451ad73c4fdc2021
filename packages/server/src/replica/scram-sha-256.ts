/**
 * The server's half of SCRAM-SHA-256 (RFC 5802, RFC 7677): the password does not travel and need not be known here, and the
 * server proves that it knows its verifier. Without channel binding. Pure.
 */
import {
  parseClientFinal,
  parseClientFirst,
  type ScramHash,
  saslPrep,
  scramAuthMessage,
  scramProof,
} from "@corral/protocol";
import { sameSecret } from "../state/session-table.ts";
import type { SaslUsers, ScramVerifier } from "./sasl-users.ts";

/** An exchange whose first half is over. */
export interface ScramExchange {
  readonly mechanism: "SCRAM-SHA-256";
  /** The name that the client gave. */
  readonly name: string;
  /** Whose it is; undefined: nobody's. */
  readonly user: string | undefined;
  readonly verifier: ScramVerifier;
  /** Base64 of the client's first header. */
  readonly header: string;
  readonly clientFirstBare: string;
  readonly serverFirst: string;
  /** The client's and ours. */
  readonly nonce: string;
}

/** Why an exchange ends without success. For the log alone: the client learns nothing of it. */
export interface ScramFailure {
  readonly failure: string;
}

/** Judges the client's first message. `nonce`: a text without commas that nobody can guess, for this exchange only. */
export function beginScram(
  message: string,
  nonce: string,
  users: SaslUsers,
): { readonly exchange: ScramExchange; readonly token: Buffer } | ScramFailure {
  if (message.startsWith("p=")) return { failure: "it wants channel binding, which is not there" };
  const first = parseClientFirst(message);
  if (first === undefined) return { failure: "its first message of SCRAM cannot be read" };
  const { name, authorizedAs, header, bare } = first;
  if (authorizedAs !== "" && saslPrep(authorizedAs) !== saslPrep(name)) {
    return { failure: `${JSON.stringify(name)} may not act for others` };
  }
  const { user, verifier } = users.find(name);
  const both = `${first.nonce}${nonce}`;
  const serverFirst = `r=${both},s=${verifier.salt.toString("base64")},i=${verifier.iterations}`;
  const exchange: ScramExchange = {
    mechanism: "SCRAM-SHA-256",
    name,
    user,
    verifier,
    header: Buffer.from(header, "utf8").toString("base64"),
    clientFirstBare: bare,
    serverFirst,
    nonce: both,
  };
  return { exchange, token: Buffer.from(serverFirst, "utf8") };
}

/** Judges the client's final message. `token` proves the server to the client. */
export function endScram(
  exchange: ScramExchange,
  message: string,
  hash: ScramHash,
): { readonly user: string; readonly token: Buffer } | ScramFailure {
  const { user, name, verifier, clientFirstBare, serverFirst } = exchange;
  const final = parseClientFinal(message);
  if (final === undefined) return { failure: "its final message of SCRAM cannot be read" };
  if (final.nonce !== exchange.nonce) return { failure: "it answers another challenge" };
  if (final.header !== exchange.header) return { failure: "it binds itself to another channel" };
  const signed = scramAuthMessage(clientFirstBare, serverFirst, final.withoutProof);
  const clientKey = scramProof(final.proof, verifier.storedKey, signed, hash);
  const isRight = sameSecret(hash.sha256(clientKey), verifier.storedKey);
  // Also for those who are unknown, so that the time does not tell who is not.
  const signature = hash.hmacSha256(verifier.serverKey, signed);
  if (user === undefined || !isRight) return { failure: `wrong user or password (${JSON.stringify(name)})` };
  return { user, token: Buffer.from(`v=${signature.toString("base64")}`, "utf8") };
}
