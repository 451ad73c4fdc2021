/** What TypeScript tells who uses @corral/server. Nothing of this runs: the compiler is the test. */

import { ConfigError, type Server, type ServerOptions, startServer } from "@corral/server";
import { expectTypeOf } from "expect-type";

export async function serving(): Promise<void> {
  await using server = await startServer({ dataDir: "./data", clientPort: 2181, limits: { maxSessions: 10 } });
  expectTypeOf(server).toEqualTypeOf<Server>();
  expectTypeOf(server.connectString).toBeString();
  expectTypeOf(server.clientPort).toBeNumber();
  expectTypeOf(server.failed).toEqualTypeOf<Promise<never>>();
  expectTypeOf(startServer()).resolves.toEqualTypeOf<Server>();
  expectTypeOf<ServerOptions["tickMs"]>().toEqualTypeOf<number | undefined>();
  expectTypeOf(ConfigError).instance.toHaveProperty("keys").toEqualTypeOf<readonly string[]>();
  // @ts-expect-error: there is no such setting
  await startServer({ port: 2181 });
  // @ts-expect-error: nor such a limit
  await startServer({ limits: { maxNodes: 10 } });
}
