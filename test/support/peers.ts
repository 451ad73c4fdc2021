/**
 * Foreign programs that some tests need. Absent: the tests are skipped, loudly; with CORRAL_PEERS=required they fail. With
 * CORRAL_PEERS=none all of them are taken for absent, whatever is installed.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const peers = process.env.CORRAL_PEERS ?? "";
if (!["", "required", "none"].includes(peers)) throw new Error(`CORRAL_PEERS=${peers}: it must be required, or none.`);

/** Debian's jars of Apache ZooKeeper and what it needs. */
export const zookeeperJars = "/usr/share/java/zookeeper.jar";

function peer(name: string, present: boolean, remedy: string): boolean {
  if (present && peers !== "none") return true;
  if (peers === "required") throw new Error(`${name} is required here and is missing: ${remedy}`);
  process.stderr.write(`\n  SKIPPED: ${name} is not installed, so its tests do not run (${remedy})\n\n`);
  return false;
}

/** Whether kazoo can be imported by Debian's Python. */
export function hasKazoo(): boolean {
  const present = spawnSync("/usr/bin/python3", ["-c", "import kazoo"]).status === 0;
  return peer("kazoo", present, "apt-get install python3-kazoo");
}

/** Whether Debian's Apache ZooKeeper and a Java are there. */
export function hasZooKeeper(): boolean {
  const present = existsSync(zookeeperJars) && spawnSync("java", ["-version"]).status === 0;
  return peer("Apache ZooKeeper", present, "apt-get install zookeeper");
}

/** Curator's recipes, and what they need, as a class path. */
export const curatorJars = [
  "curator-recipes",
  "curator-framework",
  "curator-client",
  "zookeeper",
  "guava",
  "slf4j-api",
  "slf4j-simple",
]
  .map((name) => `/usr/share/java/${name}.jar`)
  .join(":");

/** Whether Debian's Curator is there, and a Java that runs a source file. */
export function hasCurator(): boolean {
  const present = existsSync("/usr/share/java/curator-recipes.jar") && spawnSync("javac", ["-version"]).status === 0;
  return peer("Curator", present, "apt-get install libcurator-recipes-java default-jdk-headless");
}

/** Curator's service discovery, and what it needs, as a class path. */
export const curatorDiscoveryJars = [
  "curator-x-discovery",
  "curator-recipes",
  "curator-framework",
  "curator-client",
  "zookeeper",
  "guava",
  "jackson-databind",
  "jackson-core",
  "jackson-annotations",
  "slf4j-api",
  "slf4j-simple",
]
  .map((name) => `/usr/share/java/${name}.jar`)
  .join(":");

/** Whether Debian's package of it is there, and a Java that runs a source file. */
export function hasCuratorDiscovery(): boolean {
  const jar = "/usr/share/java/curator-x-discovery.jar";
  const present = existsSync(jar) && spawnSync("javac", ["-version"]).status === 0;
  return peer("Curator's discovery", present, "apt-get install libcurator-discovery-java default-jdk-headless");
}

/** The shell of ZooKeeper's C client. */
export const cliMt = "/usr/lib/zookeeper/bin/cli_mt";

/** Whether it is there. */
export function hasCliMt(): boolean {
  return peer("cli_mt", existsSync(cliMt), "apt-get install zookeeper-bin");
}

/** The shell of Apache's Java client. */
export const zkCli = "/usr/share/zookeeper/bin/zkCli.sh";

/** Whether it is there, and a Java. */
export function hasZkCli(): boolean {
  const present = existsSync(zkCli) && spawnSync("java", ["-version"]).status === 0;
  return peer("zkCli.sh", present, "apt-get install zookeeper");
}

/** Whether Debian's zktop is there, and `script` to give it a terminal. */
export function hasZktop(): boolean {
  const present = existsSync("/usr/bin/zktop") && existsSync("/usr/bin/script");
  return peer("zktop", present, "apt-get install zktop bsdutils");
}
