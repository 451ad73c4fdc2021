/** Settings that are right in themselves and have no effect, for another is missing that would use them. */
import type { ServerConfig } from "./config.ts";
import { usersWithoutMechanism } from "./config-access.ts";

/** What to warn of, with the fields for the log. */
export function unusedSettings(config: ServerConfig) {
  const { tls, adminTls, tlsCertFile, auditEnabled, auditFile } = config;
  const warnings: { readonly fields: Readonly<Record<string, string>>; readonly text: string }[] = [];
  if (tlsCertFile !== undefined && tls === undefined && adminTls === undefined) {
    const remedy = "set secureClientPort, tlsOnClientPort or adminTls";
    warnings.push({ fields: { tlsCertFile }, text: `there is a certificate, but no port speaks TLS: ${remedy}` });
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
