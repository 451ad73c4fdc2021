/** Settings that are right in themselves and have no effect, for another is missing that would use them. */
import type { ServerConfig } from "./config.ts";
import { usersWithoutMechanism } from "./config-access.ts";

/** What to warn of, with the fields for the log. */
interface Warning {
  readonly fields: Readonly<Record<string, string>>;
  readonly text: string;
}

/** All that the log should tell of. */
export function unusedSettings(config: ServerConfig): readonly Warning[] {
  const { auditEnabled, auditFile, x509SuperUser } = config;
  const { adminPort, adminTls, adminTlsClientAuth, adminTlsCaFile } = config;
  const warnings = [...unusedTlsFiles(config)];
  if (x509SuperUser !== undefined && (config.tls?.clientAuth ?? "none") === "none") {
    const text =
      "nobody can be this super user, for no client is asked for a certificate: that takes tlsCertFile, secureClientPort or " +
      "tlsOnClientPort, and tlsCaFile with tlsClientAuth want or need";
    warnings.push({ fields: { x509SuperUser }, text });
  }
  if (adminPort !== undefined && adminTlsClientAuth !== "none" && adminTls === undefined) {
    const text = "the admin port asks nobody for a certificate, for it does not speak TLS: set adminTls";
    warnings.push({ fields: { adminTlsClientAuth }, text });
  }
  if (adminPort !== undefined && adminTls?.clientAuth === "none" && adminTlsCaFile !== undefined) {
    const text = "the admin port asks nobody for a certificate: set adminTlsClientAuth to need or want";
    warnings.push({ fields: { adminTlsCaFile }, text });
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

/** Files that no port reads. Those of an admin server that there is not may stand in the `zoo.cfg` of an ensemble, for its members. */
function unusedTlsFiles(config: ServerConfig): readonly Warning[] {
  const { tls, adminTls, adminPort, tlsCertFile, tlsKeyFile, tlsCaFile } = config;
  const { adminTlsCertFile, adminTlsKeyFile, adminTlsCaFile } = config;
  const used = new Set([tls, adminTls].flatMap((one) => (one ? [one.certFile, one.keyFile, one.caFile] : [])));
  const unused = (files: Readonly<Record<string, string | undefined>>): [name: string, file: string][] =>
    Object.entries(files).flatMap(([name, file]) => (file === undefined || used.has(file) ? [] : [[name, file]]));
  const shared = unused({ tlsCertFile, tlsKeyFile, tlsCaFile });
  const own = adminPort === undefined ? [] : unused({ adminTlsCertFile, adminTlsKeyFile, adminTlsCaFile });
  const warnings: Warning[] = [];
  if (shared.length > 0) {
    const text =
      "there are files for TLS that no port uses: it is spoken with tlsCertFile, and secureClientPort or tlsOnClientPort; " +
      "on the admin port with adminTls, unless that has files of its own";
    warnings.push({ fields: Object.fromEntries(shared), text });
  }
  if (own.length > 0) {
    const text =
      "the admin port does not use its files for TLS: it speaks that with adminTls, and adminTlsCertFile or tlsCertFile";
    warnings.push({ fields: Object.fromEntries(own), text });
  }
  return warnings;
}
