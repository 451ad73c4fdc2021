/** The answers to the four-letter words, in the reference's format: kazoo, go-zk and people's scripts parse them. */
import { type FourLetterWord, formatZxid } from "@corral/protocol";
import type { Replica } from "../replica.ts";

/** The text that answers `word`. */
export function answerFourLetterWord(word: FourLetterWord, replica: Replica): string {
  switch (word) {
    case "ruok":
      return "imok";
    case "isro":
      return !replica.serving ? "null" : replica.writesStopped ? "ro" : "rw";
    case "srvr":
      return replica.serving ? serverSummary(replica) : "This ZooKeeper instance is not currently serving requests\n";
    default:
      return `${word} is not executed because it is not in the whitelist.\n`;
  }
}

function serverSummary(replica: Replica): string {
  const { stats, state } = replica;
  const { min, average, max } = stats.latencyMs;
  return [
    `Zookeeper version: ${replica.version}`,
    `Latency min/avg/max: ${Math.round(min)}/${average.toFixed(1)}/${Math.round(max)}`,
    `Received: ${stats.received}`,
    `Sent: ${stats.sent}`,
    `Connections: ${replica.connectionCount}`,
    `Outstanding: ${replica.outstanding}`,
    `Zxid: ${formatZxid(state.lastZxid)}`,
    replica.writesStopped ? "Mode: read-only (the log failed: writes are refused)" : "Mode: standalone",
    `Node count: ${state.tree.nodeCount}`,
    "",
  ].join("\n");
}
