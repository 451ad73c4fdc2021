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
  const { saslUsers, saslSuperUser, enforcedAuthSchemes } = settings;
  const names = saslUsers.map((user) => user.slice(0, user.indexOf(":")));
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) return { key: "saslUsers", text: `names ${twice} twice: leave one line of each user` };
  const shutOut = usersWithoutMechanism(settings);
  if (shutOut.length > 0 && shutOut.length === names.length) {
    const remedy = "add SCRAM-SHA-256 to the mechanisms, or give somebody a password";
    const text = `keep everybody out: DIGEST-MD5 cannot use the SCRAM-SHA-256 verifiers of ${shutOut.join(", ")}: ${remedy}`;
    return { key: "saslMechanisms", text };
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

/** Users who cannot come in with any of the mechanisms. */
export function usersWithoutMechanism({
  saslUsers,
  saslMechanisms,
}: Pick<AccessSettings, "saslUsers" | "saslMechanisms">): readonly string[] {
  if (saslMechanisms.includes("SCRAM-SHA-256")) return [];
  return saslUsers.filter(isScramVerifier).map((user) => user.slice(0, user.indexOf(":")));
}

/** Why nobody can prove to be somebody by `scheme`. */
function obstacleTo(scheme: string, { saslUsers, tls }: AccessSettings): string | undefined {
  if (scheme === "sasl") return saslUsers.length === 0 ? "saslUsers names nobody" : undefined;
  if (scheme !== "x509") return undefined;
  if (tls === undefined) return "no port for clients speaks TLS (secureClientPort or tlsOnClientPort)";
  if (tls.clientAuth !== "none") return undefined;
  return "clients are not asked for certificates (tlsCaFile, and tlsClientAuth want or need)";
}
