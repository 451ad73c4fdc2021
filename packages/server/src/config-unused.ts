/** Settings that are right in themselves and have no effect, for another is missing that would use them. */
import type { ServerConfig } from "./config.ts";
import { usersWithoutMechanism } from "./config-access.ts";

/** What to warn of, with the fields for the log. */
export function unusedSettings(config: ServerConfig) {
  const { tls, adminTls, auditEnabled, auditFile, x509SuperUser } = config;
  const warnings: { readonly fields: Readonly<Record<string, string>>; readonly text: string }[] = [];
  const files = tlsFiles(config);
  if (Object.keys(files).length > 0 && tls === undefined && adminTls === undefined) {
    const remedy = "name a certificate with tlsCertFile, and set secureClientPort, tlsOnClientPort or adminTls";
    warnings.push({ fields: files, text: `there are files for TLS, but no port speaks it: ${remedy}` });
  }
  if (x509SuperUser !== undefined && (tls?.clientAuth ?? "none") === "none") {
    const remedy = "tlsCaFile, with secureClientPort or tlsOnClientPort";
    const text = `nobody can be this super user, for no client is asked for a certificate: set ${remedy}`;
    warnings.push({ fields: { x509SuperUser }, text });
  }
  if (auditFile !== undefined && !auditEnabled) {
    const text = "there is a file for an audit log, but no audit log: set auditEnabled";
    warnings.push({ fields: { auditFile }, text });
  }
  for (const user of usersWithoutMechanism(config)) {
    const text =
      "this user cannot come in: DIGEST-MD5 cannot use a SCRAM-SHA-256 verifier; add SCRAM-SHA-256 to saslMechanisms";
    warnings.push({ fields: { user }, text });
  }
  return warnings;
}

function tlsFiles({ tlsCertFile, tlsKeyFile, tlsCaFile }: ServerConfig): Readonly<Record<string, string>> {
  return {
    ...(tlsCertFile !== undefined && { tlsCertFile }),
    ...(tlsKeyFile !== undefined && { tlsKeyFile }),
    ...(tlsCaFile !== undefined && { tlsCaFile }),
  };
}
