/** auth: proving to be somebody, once per connection and identity. */
import type { AuthPacket, Id, ScramHash } from "@corral/protocol";
import { superIdentity } from "../state/access.ts";
import { sameSecret } from "../state/session-table.ts";
import type { Md5 } from "./digest-md5.ts";
import type { SaslUsers } from "./sasl-users.ts";

/** How SASL can be spoken. */
export const saslMechanisms = ["SCRAM-SHA-256", "DIGEST-MD5"] as const;

/** What authentication by SASL depends on. */
export interface SaslRules {
  /** Those that are offered. */
  readonly mechanisms: readonly (typeof saslMechanisms)[number][];
  /** Nobody: it is not offered. */
  readonly users: SaslUsers;
  readonly superUser: string | undefined;
  readonly md5: Md5;
  readonly hash: ScramHash;
  /** A text without commas and quotes that was never used before and that nobody can guess. */
  readonly nonce: () => string;
}

/** What authentication depends on. */
export interface AuthenticationRules {
  /** The digest of `user:password` in base64, for the digest scheme. */
  readonly digestBase64: (text: string) => string;
  /** `user:` and the digest of who may do everything; absent: nobody. */
  readonly superDigest: string | undefined;
  /** Absent: it is not offered. */
  readonly sasl?: SaslRules | undefined;
  /** Subject of the certificate of who may do everything. */
  readonly x509SuperUser?: string | undefined;
  /** Schemes of which a connection must have proven one before it may ask for anything; empty: nobody must. */
  readonly requiredSchemes: readonly string[];
}

/** Whether a connection has proven what is asked of everybody. */
export function hasProvenEnough(identities: readonly Id[], { requiredSchemes }: AuthenticationRules): boolean {
  return requiredSchemes.length === 0 || identities.some(({ scheme }) => requiredSchemes.includes(scheme));
}

/** Why a connection claims too much, if it does. */
export function excessOfIdentities(
  { identities, identityText }: { readonly identities: readonly Id[]; readonly identityText: number },
  limits: { readonly maxIdentitiesPerConnection: number; readonly maxIdentityTextPerConnection: number },
): string | undefined {
  const { maxIdentitiesPerConnection, maxIdentityTextPerConnection } = limits;
  if (identities.length > maxIdentitiesPerConnection) {
    return `it claims more than ${maxIdentitiesPerConnection} identities (limit maxIdentitiesPerConnection)`;
  }
  if (identityText > maxIdentityTextPerConnection) {
    return `its identities have more than ${maxIdentityTextPerConnection} characters (limit maxIdentityTextPerConnection)`;
  }
  return undefined;
}

/** The identities of who has shown a certificate for `subject`. */
export function certified(subject: string | undefined, { x509SuperUser }: AuthenticationRules): readonly Id[] {
  if (subject === undefined) return [];
  const identity: Id = { scheme: "x509", id: subject };
  return subject === x509SuperUser ? [superIdentity, identity] : [identity];
}

/** In a time that does not tell how much of it is right. */
function isSuper(id: string, { superDigest }: AuthenticationRules): boolean {
  return superDigest !== undefined && sameSecret(Buffer.from(id), Buffer.from(superDigest));
}

/** The identities that the packet of one who is `known` proves, or `undefined` when it proves nothing. */
export function authenticate(
  packet: AuthPacket,
  rules: AuthenticationRules,
  known: readonly Id[],
): readonly Id[] | undefined {
  switch (packet.scheme) {
    case "digest": {
      const credentials = Buffer.from(packet.auth ?? []).toString("utf8");
      const user = credentials.split(":", 1)[0] ?? "";
      if (!credentials.includes(":")) return undefined;
      const id = `${user}:${rules.digestBase64(credentials)}`;
      const identity: Id = { scheme: "digest", id };
      return isSuper(id, rules) ? [superIdentity, identity] : [identity];
    }
    case "ip":
      // The connection has its address already.
      return [];
    case "x509":
      // So it has its certificate's subject, if it has shown one.
      return known.some(({ scheme }) => scheme === "x509") ? [] : undefined;
    default:
      return undefined;
  }
}
