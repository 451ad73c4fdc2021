/**
 * The SCRAM-SHA-256 mechanism (RFC 5802, RFC 7677), which Corral's servers have and Apache ZooKeeper's do not. The password
 * does not travel, what is overheard is costly to guess it from, and the server proves that it knows its verifier. It is not
 * bound to the TLS channel, so over TLS rely on the server's certificate.
 */
import { hmacSha256, pbkdf2Sha256, sha256 } from "@corral/io";
import {
  escapeScramName,
  maxSaslTokenBytes,
  maxScramIterations,
  minScramIterations,
  parseServerFirst,
  type ScramKeys,
  type ServerFirst,
  saslPrep,
  scramAuthMessage,
  scramKeys,
  scramProof,
} from "@corral/protocol";
import type { SaslExchange } from "./exchange.ts";

/** Who to be. */
export interface ScramOptions {
  readonly username: string;
  readonly password: string;
}

const hash = { sha256, hmacSha256, pbkdf2Sha256 };
const header = "n,,";

/**
 * Gives what begins exchanges. `nonce`: a text without commas that nobody can guess, for this exchange only. Keys are
 * computed once for each salt: that takes milliseconds, and a client connects again and again.
 */
export function scramSha256({ username, password }: ScramOptions): (nonce: string) => SaslExchange {
  const prepared = saslPrep(password);
  let kept: { readonly of: string; readonly keys: ScramKeys } | undefined;
  const keysOf = (salt: Buffer, iterations: number): ScramKeys => {
    const of = `${salt.toString("hex")} ${iterations}`;
    if (kept?.of !== of) kept = { of, keys: scramKeys(prepared, salt, iterations, hash) };
    return kept.keys;
  };
  return (nonce) => {
    const bare = `n=${escapeScramName(saslPrep(username))},r=${nonce}`;
    let expected: string | undefined;
    return {
      first: Buffer.from(`${header}${bare}`, "utf8"),
      next(message) {
        const text = textOf(message);
        if (expected !== undefined) {
          if (text === expected || text.startsWith(`${expected},`)) return "done";
          throw new Error("the server does not know the password that it asked for");
        }
        const { nonce: both, iterations, salt } = challengeOf(text, nonce);
        const { clientKey, storedKey, serverKey } = keysOf(salt, iterations);
        const withoutProof = `c=${Buffer.from(header).toString("base64")},r=${both}`;
        const signed = scramAuthMessage(bare, text, withoutProof);
        expected = `v=${hmacSha256(serverKey, signed).toString("base64")}`;
        const proof = scramProof(clientKey, storedKey, signed, hash).toString("base64");
        return Buffer.from(`${withoutProof},p=${proof}`, "utf8");
      },
    };
  };
}

function textOf(message: Uint8Array | null): string {
  if (message === null)
    throw new Error("the server offers no SCRAM-SHA-256: is it a Corral server with users for SASL?");
  if (message.length > maxSaslTokenBytes) throw new Error(`the server's message has ${message.length} bytes, too many`);
  return Buffer.from(message).toString("utf8");
}

/** The server's challenge, if it is one that may be answered. */
function challengeOf(text: string, nonce: string): ServerFirst {
  const first = parseServerFirst(text);
  if (first === undefined)
    throw new Error("the server's SASL challenge is not one of SCRAM-SHA-256; Apache ZooKeeper has only DIGEST-MD5");
  if (!first.nonce.startsWith(nonce) || first.nonce.length === nonce.length) {
    throw new Error("the server's SASL challenge answers another client");
  }
  if (first.iterations < minScramIterations || first.iterations > maxScramIterations) {
    throw new Error(
      `the server asks for ${first.iterations} iterations; between ${minScramIterations} and ${maxScramIterations} are accepted`,
    );
  }
  return first;
}
