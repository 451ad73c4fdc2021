/**
 * DIGEST-MD5 (RFC 2831), as far as client and server share it: the directives of its messages, and the proofs by which both show
 * that they know a password. In ZooKeeper's protocol each message is the token of one SASL packet:
 *
 *   client   (empty)
 *   server   realm="…",nonce="…",qop="auth",charset=utf-8,algorithm=md5-sess
 *   client   username="…",realm="…",nonce="…",nc=00000001,cnonce="…",digest-uri="service/host",response=…,qop=auth
 *   server   rspauth=…
 *
 * Authentication only, one use of each nonce. MD5 comes from outside.
 */

/** What both sides prove. */
export interface DigestMd5Exchange {
  readonly username: string;
  readonly realm: string;
  readonly password: string;
  /** The server's. */
  readonly nonce: string;
  /** The client's. */
  readonly cnonce: string;
  /** `service/host`, as the client calls the server. */
  readonly uri: string;
  /** Whom the client wants to act for; empty or absent: itself. */
  readonly authorizedAs?: string | undefined;
}

/** How often a nonce was used, as messages write it: this is the first time, and there is no second. */
export const digestMd5NonceCount = "00000001";

/** `response` and `rspauth`: the client's proof and the server's, 32 hexadecimal digits each. */
export function digestMd5Proofs(
  exchange: DigestMd5Exchange,
  md5: (bytes: Uint8Array) => Buffer,
): { readonly response: string; readonly rspauth: string } {
  const { username, realm, password, nonce, cnonce, uri, authorizedAs = "" } = exchange;
  const hash = (...parts: readonly (Buffer | string)[]): Buffer =>
    md5(Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "utf8") : part))));
  const secret = hash(narrow(username), ":", narrow(realm), ":", narrow(password));
  const ending = authorizedAs === "" ? "" : `:${authorizedAs}`;
  const session = hash(secret, `:${nonce}:${cnonce}${ending}`).toString("hex");
  const proof = (method: string): string => {
    const what = hash(`${method}:${uri}`).toString("hex");
    return hash(`${session}:${nonce}:${digestMd5NonceCount}:${cnonce}:auth:${what}`).toString("hex");
  };
  return { response: proof("AUTHENTICATE"), rspauth: proof("") };
}

/** `name=value` or `name="value"`, separated by commas. A name that comes twice counts the first time. */
export function parseDirectives(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  // From the beginning of each name only: from within it there is nothing to be found that is not found from there.
  const directive = /(?<![\w-])([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^,\s]+))/g;
  for (const [, name = "", quoted, plain] of text.matchAll(directive)) {
    if (!found.has(name)) found.set(name, quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "");
  }
  return found;
}

/** A value as it stands in a message, between quotes. */
export function quoteDirective(value: string): string {
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}

/** What fits into ISO 8859-1 is hashed in it, says the RFC, whatever the charset. */
function narrow(text: string): Buffer {
  const fits = [...text].every((character) => (character.codePointAt(0) ?? 0) <= 0xff);
  return Buffer.from(text, fits ? "latin1" : "utf8");
}
