/**
 * The DIGEST-MD5 mechanism (RFC 2831), which Apache ZooKeeper has besides Kerberos. The password does not travel, and the
 * server proves that it knows it too. MD5 being what it is, use it over TLS.
 */
import { md5 } from "@corral/io";
import type { SaslExchange } from "./exchange.ts";

/** Who to be, and towards whom. */
export interface DigestMd5Options {
  readonly username: string;
  readonly password: string;
  /** The service's name. Default `zookeeper`. */
  readonly service?: string;
  /** The service's host as it calls itself. Default `zk-sasl-md5`, which is what ZooKeeper's servers do. */
  readonly host?: string;
}

/** Begins an exchange. `cnonce`: a text that nobody can guess, for this exchange only. */
export function digestMd5(options: DigestMd5Options, cnonce: string): SaslExchange {
  let expected: string | undefined;
  return {
    first: new Uint8Array(0),
    next(message) {
      if (message === null) throw new Error("the server offers no SASL authentication: is it configured there?");
      const directives = parseDirectives(Buffer.from(message).toString("utf8"));
      if (expected !== undefined) {
        if (directives.get("rspauth") === expected) return "done";
        throw new Error("the server does not know the password that it asked for");
      }
      const answer = respond(options, directives, cnonce);
      expected = answer.expected;
      return Buffer.from(answer.text, "utf8");
    },
  };
}

function respond(
  { username, password, service = "zookeeper", host = "zk-sasl-md5" }: DigestMd5Options,
  challenge: ReadonlyMap<string, string>,
  cnonce: string,
): { readonly text: string; readonly expected: string } {
  const nonce = challenge.get("nonce");
  if (nonce === undefined) throw new Error("the server's SASL challenge is not one of DIGEST-MD5");
  const qop = challenge.get("qop") ?? "auth";
  if (!qop.split(",").some((offered) => offered.trim() === "auth")) {
    throw new Error(`the server's SASL wants ${qop}; this client authenticates only`);
  }
  const realm = challenge.get("realm") ?? "";
  const uri = `${service}/${host}`;
  const count = "00000001";
  const secret = md5(bytes([narrow(username), ":", narrow(realm), ":", narrow(password)]));
  const session = hex(md5(bytes([secret, `:${nonce}:${cnonce}`])));
  const proof = (method: string): string => {
    const what = hex(md5(bytes([`${method}:${uri}`])));
    return hex(md5(bytes([`${session}:${nonce}:${count}:${cnonce}:auth:${what}`])));
  };
  const directives = [
    ...(challenge.get("charset") === "utf-8" ? ["charset=utf-8"] : []),
    `username=${quote(username)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `nc=${count}`,
    `cnonce=${quote(cnonce)}`,
    `digest-uri=${quote(uri)}`,
    "maxbuf=65536",
    `response=${proof("AUTHENTICATE")}`,
    "qop=auth",
  ];
  return { text: directives.join(","), expected: proof("") };
}

/** `name=value` or `name="value"`, separated by commas. A name that comes twice counts the first time. */
function parseDirectives(text: string): Map<string, string> {
  const directives = new Map<string, string>();
  for (const [, name = "", quoted, plain] of text.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^,\s]+))/g)) {
    if (!directives.has(name)) directives.set(name, quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "");
  }
  return directives;
}

function quote(value: string): string {
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}

/** What fits into ISO 8859-1 is hashed in it, says the RFC, whatever the charset. */
function narrow(text: string): Buffer {
  const fits = [...text].every((character) => (character.codePointAt(0) ?? 0) <= 0xff);
  return Buffer.from(text, fits ? "latin1" : "utf8");
}

function bytes(parts: readonly (Buffer | string)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "utf8") : part)));
}

function hex(digest: Buffer): string {
  return digest.toString("hex");
}
