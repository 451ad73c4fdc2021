/** Scheme `ip` over real sockets: a server on every address sees IPv4 as IPv4 and IPv6 as IPv6, and access lists go by that. */
import { networkInterfaces } from "node:os";
import { type Client, connect } from "@corral/client";
import { type Server, startServer } from "@corral/server";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const hasV6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === "::1"),
);
if (!hasV6) process.stderr.write("\n  SKIPPED: this machine has no ::1, so the ip scheme is not tried on IPv6\n\n");

describe.runIf(hasV6)("a server that listens on ::", () => {
  let server: Server;
  const clients: Client[] = [];
  beforeEach(async () => {
    server = await startServer({ host: "::" });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    await server.close();
  });

  async function open(host: string): Promise<Client> {
    const client = await connect(`${host}:${server.clientPort}`);
    clients.push(client);
    return client;
  }

  const of = (id: string) => [{ perms: 31, id: { scheme: "ip", id } }];

  test("knows who comes from where", async () => {
    expect(await (await open("127.0.0.1")).whoAmI()).toEqual([{ authScheme: "ip", user: "127.0.0.1" }]);
    expect(await (await open("[::1]")).whoAmI()).toEqual([{ authScheme: "ip", user: "::1" }]);
  });

  test("lets in whom the list means, by address, range, and IPv4 written as IPv6", async () => {
    const [four, six] = [await open("127.0.0.1"), await open("[::1]")];
    const may = async (client: Client, id: string): Promise<string> => {
      await four.create("/x", Buffer.from("x"), { acl: of(id) });
      const answer = await client.get("/x").then(
        () => "yes",
        (error: { code: string }) => error.code,
      );
      await four.delete("/x");
      return answer;
    };
    for (const id of ["127.0.0.1", "127.0.0.0/8", "::ffff:127.0.0.1", "::ffff:127.0.0.0/104", "0.0.0.0/0"]) {
      expect([id, await may(four, id), await may(six, id)]).toEqual([id, "yes", "NoAuth"]);
    }
    for (const id of ["::1", "0:0::1/128", "::/64"]) {
      expect([id, await may(four, id), await may(six, id)]).toEqual([id, "NoAuth", "yes"]);
    }
  });
});
