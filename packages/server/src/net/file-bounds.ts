/**
 * Each connection is an open file, of which the system allows a process so many. Without a descriptor left the log cannot start
 * its next segment, which ends it; so a crowd of clients must not get them all.
 */
import type { Limits } from "../limits.ts";

/** Files that a server has open itself, or may have, besides connections: of its log, snapshots, certificates, and its program. */
const ownFiles = 64;

/** What else than connections of clients has to leave the server its files. */
export interface PortsInUse {
  readonly hasAdminPort: boolean;
  /** The clients' and the administrators', as far as they speak TLS. */
  readonly tlsPorts: number;
}

/** `limits`, so that all connections together leave the server its own files, where the system allows `openFilesMax`. */
export function boundByFiles(limits: Limits, openFilesMax: number, { hasAdminPort, tlsPorts }: PortsInUse): Limits {
  const maxAdminConnections = Math.min(limits.maxAdminConnections, Math.ceil(openFilesMax / 8));
  const maxHandshakes = Math.min(limits.maxHandshakes, Math.ceil(openFilesMax / 16));
  // Handshakes of TLS are counted apart, and so are those who are silent.
  const others = ownFiles + (hasAdminPort ? maxAdminConnections : 0) + 2 * tlsPorts * maxHandshakes;
  const left = Math.max(openFilesMax - others, Math.ceil(openFilesMax / 4));
  return { ...limits, maxAdminConnections, maxHandshakes, maxConnections: Math.min(limits.maxConnections, left) };
}
