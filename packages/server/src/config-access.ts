/** What settings say of who may come in that cannot be meant: that nobody can, or that there is somebody who is not. */
import { isScramVerifier } from "./replica/sasl-users.ts";

/** The settings that say it. */
export interface AccessSettings {
  readonly saslUsers: readonly string[];
  readonly saslMechanisms: readonly string[];
  readonly saslSuperUser: string | undefined;
  readonly enforcedAuthSchemes: readonly string[];
  /** Undefined: no port for clients speaks TLS. */
  readonly tls: { readonly clientAuth: "none" | "want" | "need" } | undefined;
}

/** The key that is wrong, and what is said of it; undefined if nothing is. */
export function accessProblem(settings: AccessSettings): { key: string; text: string } | undefined {
  const { saslUsers, saslMechanisms, saslSuperUser, enforcedAuthSchemes } = settings;
  const users = saslUsers.map((user) => ({ user, name: user.slice(0, user.indexOf(":")) }));
  const names = users.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) return { key: "saslUsers", text: `names ${twice} twice: leave one line of each user` };
  const shutOut = saslMechanisms.includes("SCRAM-SHA-256")
    ? undefined
    : users.find(({ user }) => isScramVerifier(user));
  if (shutOut !== undefined) {
    const remedy = `add SCRAM-SHA-256 to the mechanisms, or give ${shutOut.name} a password`;
    return {
      key: "saslMechanisms",
      text: `keep ${shutOut.name} out, whose SCRAM-SHA-256 verifier DIGEST-MD5 cannot use: ${remedy}`,
    };
  }
  if (saslSuperUser !== undefined && !names.includes(saslSuperUser)) {
    const text = `${saslSuperUser} is none of saslUsers: add a line ${saslSuperUser}:password there`;
    return { key: "saslSuperUser", text };
  }
  const obstacles = enforcedAuthSchemes.map((scheme) => obstacleTo(scheme, settings));
  if (obstacles.length === 0 || obstacles.includes(undefined)) return undefined;
  const schemes = enforcedAuthSchemes.join(" and ");
  return { key: "enforcedAuthSchemes", text: `with ${schemes} alone nobody could come in: ${obstacles.join("; ")}` };
}

/** Why nobody can prove to be somebody by `scheme`. */
function obstacleTo(scheme: string, { saslUsers, tls }: AccessSettings): string | undefined {
  if (scheme === "sasl") return saslUsers.length === 0 ? "saslUsers names nobody" : undefined;
  if (scheme !== "x509") return undefined;
  if (tls === undefined) return "no port for clients speaks TLS (secureClientPort or tlsOnClientPort)";
  if (tls.clientAuth !== "none") return undefined;
  return "clients are not asked for certificates (tlsCaFile, and tlsClientAuth want or need)";
}
