/**
 * Who may authenticate by SASL: `user:password`, or `user:SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`, from which
 * nobody learns the password. (PostgreSQL writes them so, too.) SCRAM knows everybody, DIGEST-MD5 those with a password.
 */
import { maxScramIterations, minScramIterations, type ScramHash, saslPrep, scramKeys } from "@corral/protocol";

/** What a server keeps of a password. */
export interface ScramVerifier {
  readonly iterations: number;
  readonly salt: Buffer;
  /** 32 bytes each. */
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** Of verifiers that this server makes itself. */
export const usualIterations = 16_384;
const saltBytes = 16;
const scheme = "SCRAM-SHA-256$";

/** Why `text` says nobody, if so. */
export function saslUserProblem(text: string): string | undefined {
  const [user, secret] = split(text);
  if (user === "" || secret === "") return "must be user:password";
  if (!secret.startsWith(scheme)) return undefined;
  const verifier = parseVerifier(secret);
  if (verifier === undefined) {
    return `must be user:password, or user:${scheme}iterations:salt$StoredKey:ServerKey as "corral-server scram" prints it`;
  }
  if (verifier.iterations < minScramIterations || verifier.iterations > maxScramIterations) {
    return `must have ${minScramIterations} … ${maxScramIterations} iterations`;
  }
  return undefined;
}

/** Whether what stands behind `user:` is a verifier, and not a password. `text`: without a problem. */
export function isScramVerifier(text: string): boolean {
  return split(text)[1].startsWith(scheme);
}

function split(text: string): readonly [user: string, secret: string] {
  const colon = text.indexOf(":");
  return colon < 0 ? ["", ""] : [text.slice(0, colon), text.slice(colon + 1)];
}

function parseVerifier(text: string): ScramVerifier | undefined {
  const key = "([A-Za-z0-9+/]{43}=)";
  const form = `^SCRAM-SHA-256\\$(\\d{1,9}):([A-Za-z0-9+/]{10,86}={0,2})\\$${key}:${key}$`;
  const found = new RegExp(form).exec(text);
  if (found === null) return undefined;
  const [, iterations = "", salt = "", storedKey = "", serverKey = ""] = found;
  return {
    iterations: Number(iterations),
    salt: Buffer.from(salt, "base64"),
    storedKey: Buffer.from(storedKey, "base64"),
    serverKey: Buffer.from(serverKey, "base64"),
  };
}

/** A verifier as it stands behind `user:`. */
export function formatVerifier({ iterations, salt, storedKey, serverKey }: ScramVerifier): string {
  const [s, stored, server] = [salt, storedKey, serverKey].map((bytes) => bytes.toString("base64"));
  return `${scheme}${iterations}:${s}$${stored}:${server}`;
}

/** Makes one of a password. */
export function makeVerifier(password: string, salt: Buffer, iterations: number, hash: ScramHash): ScramVerifier {
  const { storedKey, serverKey } = scramKeys(saslPrep(password), salt, iterations, hash);
  return { iterations, salt, storedKey, serverKey };
}

/** All of them. */
export class SaslUsers {
  /** By user, for mechanisms that need it; undefined of those of whom there is only a verifier. */
  readonly passwords: ReadonlyMap<string, string | undefined>;
  readonly #verifiers = new Map<string, { readonly user: string; readonly verifier: ScramVerifier }>();
  readonly #forms: readonly ScramVerifier[];
  readonly #secret: Uint8Array;
  readonly #hash: ScramHash;

  /** `texts`: without a problem. `secret`: 32 bytes that nobody can guess, from which salts are made. */
  constructor(texts: readonly string[], secret: Uint8Array, hash: ScramHash) {
    this.#secret = secret;
    this.#hash = hash;
    const passwords = new Map<string, string | undefined>();
    for (const [user, text] of texts.map(split)) {
      const known = parseVerifier(text);
      passwords.set(user, known === undefined ? text : undefined);
      // Made now and not when somebody asks: the time that it takes would tell that there is such a user.
      const verifier = known ?? makeVerifier(text, this.#derive(user, "salt", saltBytes), usualIterations, hash);
      this.#verifiers.set(saslPrep(user), { user, verifier });
    }
    this.passwords = passwords;
    this.#forms = [...this.#verifiers.values()].map(({ verifier }) => verifier);
  }

  /** How many there are. */
  get size(): number {
    return this.#verifiers.size;
  }

  /**
   * By what `name` is to be judged. Who is unknown gets a verifier that nobody can satisfy and that looks like that of one of
   * the others, always the same: neither answers nor time tell who there is. `user` is undefined then.
   */
  find(name: string): { readonly user: string | undefined; readonly verifier: ScramVerifier } {
    const pretended = { user: undefined, verifier: this.#pretend(name) };
    return this.#verifiers.get(saslPrep(name)) ?? pretended;
  }

  #pretend(name: string): ScramVerifier {
    const choice = this.#derive(name, "form", 4).readUInt32BE(0) % Math.max(1, this.#forms.length);
    const { iterations, salt } = this.#forms[choice] ?? { iterations: usualIterations, salt: Buffer.alloc(saltBytes) };
    return {
      iterations,
      salt: this.#derive(name, "salt", salt.length),
      storedKey: this.#derive(name, "stored key", 32),
      serverKey: this.#derive(name, "server key", 32),
    };
  }

  #derive(name: string, what: string, length: number): Buffer {
    const half = (n: number) => this.#hash.hmacSha256(this.#secret, Buffer.from(`${n} ${what} ${name}`, "utf8"));
    return Buffer.concat([half(1), half(2), half(3)]).subarray(0, length);
  }
}
