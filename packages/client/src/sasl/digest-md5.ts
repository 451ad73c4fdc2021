/**
 * The DIGEST-MD5 mechanism (RFC 2831), which Apache ZooKeeper has besides Kerberos. The password does not travel, and the
 * server proves that it knows it too. MD5 being what it is, use it over TLS.
 */
import { md5 } from "@corral/io";
import { digestMd5NonceCount, digestMd5Proofs, parseDirectives, quoteDirective } from "@corral/protocol";
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
  const { response, rspauth } = digestMd5Proofs({ username, realm, password, nonce, cnonce, uri }, md5);
  const directives = [
    ...(challenge.get("charset") === "utf-8" ? ["charset=utf-8"] : []),
    `username=${quoteDirective(username)}`,
    `realm=${quoteDirective(realm)}`,
    `nonce=${quoteDirective(nonce)}`,
    `nc=${digestMd5NonceCount}`,
    `cnonce=${quoteDirective(cnonce)}`,
    `digest-uri=${quoteDirective(uri)}`,
    "maxbuf=65536",
    `response=${response}`,
    "qop=auth",
  ];
  return { text: directives.join(","), expected: rspauth };
}
