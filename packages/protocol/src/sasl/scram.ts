/**
 * SCRAM-SHA-256 (RFC 5802 and 7677), as far as client and server share it: messages and keys. In ZooKeeper's protocol each
 * message is the token of one SASL packet, and the client speaks first:
 *
 *   client-first   n,[a=authzid],n=name,r=nonce
 *   server-first   r=nonce and more,s=base64(salt),i=iterations
 *   client-final   c=base64(n,[a=authzid],),r=nonce and more,p=base64(proof)
 *   server-final   v=base64(signature)
 *
 * Channel binding is not spoken. The hash functions come from outside.
 */

/** What SCRAM-SHA-256 needs to compute; each gives 32 bytes. */
export interface ScramHash {
  sha256(bytes: Uint8Array): Buffer;
  hmacSha256(key: Uint8Array, bytes: Uint8Array): Buffer;
  /** PBKDF2 with HMAC-SHA-256. */
  pbkdf2Sha256(password: string, salt: Uint8Array, iterations: number): Buffer;
}

/** Fewer would make it too cheap to try passwords on an exchange that was overheard (RFC 7677, section 4). */
export const minScramIterations = 4_096;
/** More would keep whoever computes them from everything else for too long. */
export const maxScramIterations = 600_000;

/** No message of SASL needs as much; DIGEST-MD5 (RFC 2831) has this bound too. */
export const maxSaslTokenBytes = 4_096;

/** The first message of a client. */
export interface ClientFirst {
  /** `n,` or `y,` with what else there is, up to and with the second comma. */
  readonly header: string;
  /** Whom the client wants to act for; empty: itself. */
  readonly authorizedAs: string;
  /** What follows the header; a part of what is signed. */
  readonly bare: string;
  readonly name: string;
  readonly nonce: string;
}

/** Whether a token is meant as the first message of SCRAM; every other mechanism's begins otherwise. */
export function isScramFirst(token: Uint8Array): boolean {
  return /^(n|y|p=[\w.-]+),/.test(Buffer.from(token.subarray(0, 64)).toString("latin1"));
}

/** The parts of a client's first message; undefined if it is none. One that asks for channel binding is none. */
export function parseClientFirst(text: string): ClientFirst | undefined {
  const found = /^([ny],(?:a=([^,]+))?,)(n=([^,]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/s.exec(text);
  if (found === null) return undefined;
  const [, header = "", authorized = "", bare = "", escaped = "", nonce = ""] = found;
  const [authorizedAs, name] = [unescaped(authorized), unescaped(escaped)];
  if (authorizedAs === undefined || name === undefined) return undefined;
  return { header, authorizedAs, bare, name, nonce };
}

/** A name as it stands in a message. */
export function escapeScramName(name: string): string {
  return name.replace(/=/g, "=3D").replace(/,/g, "=2C");
}

function unescaped(text: string): string | undefined {
  if (/=(?!2C|3D)/.test(text)) return undefined;
  return text.replace(/=2C/g, ",").replace(/=3D/g, "=");
}

/** The server's first message. */
export interface ServerFirst {
  readonly nonce: string;
  readonly salt: Buffer;
  readonly iterations: number;
}

/** The parts of a server's first message; undefined if it is none. */
export function parseServerFirst(text: string): ServerFirst | undefined {
  const found = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9]\d{0,9})(?:,.*)?$/s.exec(text);
  if (found === null) return undefined;
  const [, nonce = "", salt = "", iterations = ""] = found;
  return { nonce, salt: Buffer.from(salt, "base64"), iterations: Number(iterations) };
}

/** The client's final message. */
export interface ClientFinal {
  /** All but the proof; a part of what is signed. */
  readonly withoutProof: string;
  /** Base64 of the header that the first message had. */
  readonly header: string;
  readonly nonce: string;
  /** 32 bytes. */
  readonly proof: Buffer;
}

/** The parts of a client's final message; undefined if it is none. */
export function parseClientFinal(text: string): ClientFinal | undefined {
  const found = /^(c=([A-Za-z0-9+/=]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?),p=([A-Za-z0-9+/]{43}=)$/s.exec(text);
  if (found === null) return undefined;
  const [, withoutProof = "", header = "", nonce = "", proof = ""] = found;
  return { withoutProof, header, nonce, proof: Buffer.from(proof, "base64") };
}

/** The keys of one password with one salt: the client needs all of them, a server only the latter two. */
export interface ScramKeys {
  readonly clientKey: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** `password`: as `saslPrep` gives it. Takes milliseconds for thousands of iterations. */
export function scramKeys(password: string, salt: Uint8Array, iterations: number, hash: ScramHash): ScramKeys {
  const salted = hash.pbkdf2Sha256(password, salt, iterations);
  const clientKey = hash.hmacSha256(salted, Buffer.from("Client Key"));
  return {
    clientKey,
    storedKey: hash.sha256(clientKey),
    serverKey: hash.hmacSha256(salted, Buffer.from("Server Key")),
  };
}

/** What both sides prove that they know the password for: the messages so far. */
export function scramAuthMessage(clientFirstBare: string, serverFirst: string, withoutProof: string): Buffer {
  return Buffer.from(`${clientFirstBare},${serverFirst},${withoutProof}`, "utf8");
}

/** The client's key hidden in its proof, or the proof that hides it: `key` with the signature of the messages upon it. */
export function scramProof(key: Uint8Array, storedKey: Uint8Array, authMessage: Uint8Array, hash: ScramHash): Buffer {
  const signature = hash.hmacSha256(storedKey, authMessage);
  return Buffer.from(signature.map((byte, i) => byte ^ (key[i] ?? 0)));
}
