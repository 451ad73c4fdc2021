/**
 * The server's half of DIGEST-MD5 (RFC 2831), as Apache ZooKeeper's clients and ours speak it: a challenge with a nonce that is
 * used once, the client's proof that it knows the password, and ours. MD5 being what it is, use it over TLS. Pure.
 */
import { sameSecret } from "../state/session-table.ts";

/** What the server calls itself; ZooKeeper's clients take no other name for granted. */
const realm = "zk-sasl-md5";
const service = "zookeeper";

/** Hashes bytes. */
export type Md5 = (bytes: Uint8Array) => Buffer;

/** Whether somebody has proven to be `user`; then `token` is what proves the server to the client. */
export type DigestVerdict =
  | { readonly user: string; readonly token: Buffer }
  /** For the log alone: the client learns nothing of why. */
  | { readonly failure: string };

/** The first message of the server. `nonce`: a text that nobody can guess, for this exchange only. */
export function digestChallenge(nonce: string): Buffer {
  return Buffer.from(`realm="${realm}",nonce="${nonce}",qop="auth",charset=utf-8,algorithm=md5-sess`, "utf8");
}

/** Judges the client's answer to the challenge with `nonce`. `passwords`: by user. */
export function judgeDigest(
  answer: Uint8Array,
  nonce: string,
  passwords: ReadonlyMap<string, string>,
  md5: Md5,
): DigestVerdict {
  const said = directives(Buffer.from(answer).toString("utf8"));
  const [user, cnonce, uri] = [said.get("username") ?? "", said.get("cnonce") ?? "", said.get("digest-uri") ?? ""];
  const authorizedAs = said.get("authzid");
  if (said.get("nonce") !== nonce || said.get("nc") !== "00000001") return { failure: "it answers another challenge" };
  if ((said.get("qop") ?? "auth") !== "auth") return { failure: "it wants more than authentication" };
  if ((said.get("realm") ?? "") !== realm) return { failure: "it means another realm" };
  if (!uri.startsWith(`${service}/`)) return { failure: `it means another service: ${JSON.stringify(uri)}` };
  if (authorizedAs !== undefined && authorizedAs !== "" && authorizedAs !== user) {
    return { failure: `${JSON.stringify(user)} may not act for others` };
  }
  const password = passwords.get(user);
  // Also for those who are unknown, so that the time does not tell who is not.
  const secret = md5(bytes([narrow(user), `:${realm}:`, narrow(password ?? "")]));
  const ending = authorizedAs === undefined || authorizedAs === "" ? "" : `:${authorizedAs}`;
  const session = md5(bytes([secret, `:${nonce}:${cnonce}${ending}`])).toString("hex");
  const proof = (method: string): string => {
    const what = md5(bytes([`${method}:${uri}`])).toString("hex");
    return md5(bytes([`${session}:${nonce}:00000001:${cnonce}:auth:${what}`])).toString("hex");
  };
  const isRight = sameSecret(Buffer.from(said.get("response") ?? ""), Buffer.from(proof("AUTHENTICATE")));
  if (password === undefined || !isRight) return { failure: `wrong user or password (${JSON.stringify(user)})` };
  return { user, token: Buffer.from(`rspauth=${proof("")}`, "utf8") };
}

/** `name=value` or `name="value"`, separated by commas. A name that comes twice counts the first time. */
function directives(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name = "", quoted, plain] of text.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^,\s]+))/g)) {
    if (!found.has(name)) found.set(name, quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "");
  }
  return found;
}

/** What fits into ISO 8859-1 is hashed in it, says the RFC, whatever the charset. */
function narrow(text: string): Buffer {
  const fits = [...text].every((character) => (character.codePointAt(0) ?? 0) <= 0xff);
  return Buffer.from(text, fits ? "latin1" : "utf8");
}

function bytes(parts: readonly (Buffer | string)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "utf8") : part)));
}
