/** Apache ZooKeeper and our server, each with a client that has an ephemeral node and a watch: what they tell of is then the same. */
import { setTimeout as delay } from "node:timers/promises";
import { CreateMode, openAcl } from "@corral/protocol";
import { type Server, type ServerOptions, startServer } from "@corral/server";
import { type ApacheZooKeeper, startApacheZooKeeper } from "./apache-zookeeper.ts";
import { fourLetterWord } from "./four-letter-word.ts";
import { RawConnection } from "./raw-connection.ts";

/** The two, as long as a suite lasts. */
export interface SideBySide {
  readonly apache: ApacheZooKeeper;
  readonly ours: Server;
  close(): Promise<void>;
}

/** `own`: how ours is started. `admin`: whether Apache's gets an admin port. */
export async function startSideBySide(own: ServerOptions, { admin = false } = {}): Promise<SideBySide> {
  const apache = await startApacheZooKeeper({ admin });
  const ours = await startServer(own);
  // It answers `ruok` a moment before it lets anybody in.
  while ((await fourLetterWord(apache.port, "isro")) !== "rw") await delay(20);
  const clients: RawConnection[] = [];
  for (const port of [apache.port, ours.clientPort]) {
    const client = await RawConnection.withSession(port, 30_000);
    clients.push(client);
    client.send("create", { path: "/e", data: null, acl: openAcl, flags: CreateMode.ephemeral });
    await client.reply();
    client.send("getData", { path: "/e", watch: true });
    await client.reply();
  }
  const close = async () => {
    for (const client of clients) client.destroy();
    await apache.close();
    await ours.close();
  };
  return { apache, ours, close };
}
