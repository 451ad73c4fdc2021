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
  const warnings = [...unusedTlsFiles(config)];
  const obstacle = x509SuperUser === undefined ? undefined : obstacleToCertificates(config);
  if (x509SuperUser !== undefined && obstacle !== undefined) {
    const text = `nobody can be this super user, for no client is asked for a certificate: set ${obstacle}`;
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

/** Files that no port reads: those of the clients' ports and those of the admin server are told apart, for the remedies differ. */
function unusedTlsFiles(config: ServerConfig): readonly Warning[] {
  const { tls, adminTls, adminPort, tlsCertFile, tlsKeyFile, tlsCaFile } = config;
  const { adminTlsCertFile, adminTlsKeyFile, adminTlsCaFile } = config;
  const used = new Set([tls, adminTls].flatMap((one) => (one ? [one.certFile, one.keyFile, one.caFile] : [])));
  const unused = (files: Readonly<Record<string, string | undefined>>): [name: string, file: string][] =>
    Object.entries(files).flatMap(([name, file]) => (file === undefined || used.has(file) ? [] : [[name, file]]));
  const shared = unused({ tlsCertFile, tlsKeyFile, tlsCaFile });
  const own = unused({ adminTlsCertFile, adminTlsKeyFile, adminTlsCaFile });
  const warnings: Warning[] = [];
  if (shared.length > 0) {
    const certificate = tlsCertFile === undefined ? "name a certificate with tlsCertFile, and " : "";
    const remedy = `${certificate}set secureClientPort, tlsOnClientPort, or adminTls with adminPort`;
    const isSpoken = tls !== undefined || adminTls !== undefined;
    const text = isSpoken
      ? "there are files for TLS that no port uses: those that speak it have others"
      : `there are files for TLS, but no port speaks it: ${remedy}`;
    warnings.push({ fields: Object.fromEntries(shared), text });
  }
  if (own.length > 0) {
    const remedy = adminPort === undefined ? "adminPort and adminTls" : "adminTls";
    const text = `there are files for TLS on the admin port, but it does not speak it: set ${remedy}`;
    warnings.push({ fields: Object.fromEntries(own), text });
  }
  return warnings;
}

/** What must be set before clients are asked for certificates; undefined if they are. */
function obstacleToCertificates({ tls }: ServerConfig): string | undefined {
  if (tls === undefined) return "secureClientPort or tlsOnClientPort, and tlsCaFile";
  if (tls.clientAuth !== "none") return undefined;
  return tls.caFile === undefined ? "tlsCaFile" : "tlsClientAuth to want or need";
}
