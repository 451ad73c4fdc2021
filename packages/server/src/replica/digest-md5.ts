/**
 * The server's half of DIGEST-MD5 (RFC 2831), as Apache ZooKeeper's clients and ours speak it: a challenge with a nonce that is
 * used once, the client's proof that it knows the password, and ours. MD5 being what it is, use it over TLS. Pure.
 */
import { digestMd5NonceCount, digestMd5Proofs, parseDirectives } from "@corral/protocol";
import { sameSecret } from "../state/session-table.ts";

/** What the server calls itself. */
export interface DigestNames {
  readonly realm: string;
  readonly service: string;
}

/** ZooKeeper's clients take no other names for granted. */
const ownNames: DigestNames = { realm: "zk-sasl-md5", service: "zookeeper" };

/** Hashes bytes. */
export type Md5 = (bytes: Uint8Array) => Buffer;

/** Whether somebody has proven to be `user`; then `token` is what proves the server to the client. */
export type DigestVerdict =
  | { readonly user: string; readonly token: Buffer }
  /** For the log alone: the client learns nothing of why. */
  | { readonly failure: string };

/** The first message of the server. `nonce`: a text that nobody can guess, for this exchange only. */
export function digestChallenge(nonce: string): Buffer {
  return Buffer.from(`realm="${ownNames.realm}",nonce="${nonce}",qop="auth",charset=utf-8,algorithm=md5-sess`, "utf8");
}

/** Judges the client's answer to the challenge with `nonce`. `passwords`: by user; undefined of one whose password is not known. */
export function judgeDigest(
  answer: Uint8Array,
  nonce: string,
  passwords: ReadonlyMap<string, string | undefined>,
  md5: Md5,
  { realm, service }: DigestNames = ownNames,
): DigestVerdict {
  const said = parseDirectives(Buffer.from(answer).toString("utf8"));
  const [user, cnonce, uri] = [said.get("username") ?? "", said.get("cnonce") ?? "", said.get("digest-uri") ?? ""];
  const authorizedAs = said.get("authzid");
  if (said.get("nonce") !== nonce || said.get("nc") !== digestMd5NonceCount)
    return { failure: "it answers another challenge" };
  if ((said.get("qop") ?? "auth") !== "auth") return { failure: "it wants more than authentication" };
  if ((said.get("realm") ?? "") !== realm) return { failure: "it means another realm" };
  if (!uri.startsWith(`${service}/`)) return { failure: `it means another service: ${JSON.stringify(uri)}` };
  if (authorizedAs !== undefined && authorizedAs !== "" && authorizedAs !== user) {
    return { failure: `${JSON.stringify(user)} may not act for others` };
  }
  const password = passwords.get(user);
  // Also for those who are unknown, so that the time does not tell who is not.
  const proven = { username: user, realm, password: password ?? "", nonce, cnonce, uri, authorizedAs };
  const { response, rspauth } = digestMd5Proofs(proven, md5);
  const isRight = sameSecret(Buffer.from(said.get("response") ?? ""), Buffer.from(response));
  if (password === undefined && passwords.has(user)) return { failure: hasVerifier(user) };
  if (password === undefined || !isRight) return { failure: `wrong user or password (${JSON.stringify(user)})` };
  return { user, token: Buffer.from(`rspauth=${rspauth}`, "utf8") };
}

/** The password may have been right. */
function hasVerifier(user: string): string {
  return `${JSON.stringify(user)} has a SCRAM-SHA-256 verifier, which DIGEST-MD5 cannot use: let its client use SCRAM-SHA-256`;
}
