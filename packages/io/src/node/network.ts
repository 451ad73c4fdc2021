/** TCP behind the `Dialer` and `Listener` ports. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type LookupFunction, type Server, type Socket } from "node:net";
import {
  type Address,
  type ByteStream,
  type Dialer,
  everyHost,
  type Listener,
  type Listening,
} from "../ports/network.ts";
import { acceptedSocketOptions, dialledSocketOptions, NodeByteStream } from "./byte-stream.ts";
import { SpreadLookup } from "./spread-lookup.ts";

/** Connections that may wait to be accepted. The kernel lowers it to its own limit. */
const backlog = 4_096;

/** Opens TCP connections; both address families are tried when the name has both. `resolveName`: default the system's. */
export const tcpDialer = (resolveName?: LookupFunction): Dialer => ({
  dial: ({ host, port }, { signal }) =>
    new Promise<ByteStream>((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const spread = new SpreadLookup(resolveName);
      const socket = connect({ host, port, ...dialledSocketOptions, lookup: spread.lookup });
      const onAbort = () => finish(() => reject(signal.reason));
      const onError = (error: Error) => finish(() => reject(oneError(error, { host, port })));
      const finish = (settle: () => void) => {
        signal.removeEventListener("abort", onAbort);
        socket.destroy();
        settle();
      };
      signal.addEventListener("abort", onAbort, { once: true });
      // Stays: a socket that is being destroyed may still report an error, which by then concerns nobody.
      socket.on("error", onError);
      socket.once("connect", () => {
        signal.removeEventListener("abort", onAbort);
        socket.off("error", onError);
        resolve(
          new NodeByteStream(
            socket,
            { host: plainAddress(socket.remoteAddress ?? host), port },
            { gathersWrites: true, isOneOfSeveral: spread.isOneOfSeveral },
          ),
        );
      });
    }),
});

/** Opens TCP connections to names that the operating system knows. */
export const nodeDialer: Dialer = tcpDialer();

/** Accepts TCP connections. */
export const nodeListener: Listener = {
  listen: (address, onStream) =>
    listenOn(
      createServer(acceptedSocketOptions, (socket) => accept(socket, onStream)),
      address,
    ),
};

/** Binds a server's socket. */
export async function listenOn(server: Server, address: Address): Promise<Listening> {
  const host = await bind(server, address, backlog);
  return new NodeListening(server, host);
}

/** Binds a server's socket, and returns the address: that of `everyHost` is `::`, or `0.0.0.0` where there is no IPv6. */
export async function bind(server: Server, { host, port }: Address, queued?: number): Promise<string> {
  const at = async (one: string): Promise<string> => {
    server.listen({ host: one, port, backlog: queued });
    await once(server, "listening");
    return one;
  };
  if (host !== everyHost) return at(host);
  return at("::").catch((error: unknown) => {
    if (!hasNoIpv6(error)) throw error;
    return at("0.0.0.0");
  });
}

/** Not in the kernel, or switched off, or not allowed to this process. */
function hasNoIpv6(error: unknown): boolean {
  return ["EAFNOSUPPORT", "EADDRNOTAVAIL"].includes((error as NodeJS.ErrnoException).code ?? "");
}

class NodeListening implements Listening {
  readonly address: Address;
  readonly #server: Server;

  constructor(server: Server, host: string) {
    this.#server = server;
    this.address = { host, port: (server.address() as AddressInfo).port };
    // Accepting has failed, mostly for want of file descriptors. The listening socket lives on; it is said once.
    let told = false;
    server.on("error", (error) => {
      if (!told) process.emitWarning(error);
      told = true;
    });
  }

  /** The kernel gives the port up in this call; Node's own callback would wait for the accepted streams as well. */
  async close(): Promise<void> {
    if (this.#server.listening) this.#server.close();
  }
}

function accept(socket: Socket, onStream: (stream: ByteStream) => void): void {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) {
    // Gone before we saw it: there is nobody to talk to, and no error to tell anyone.
    socket.on("error", () => socket.destroy());
    socket.destroy();
    return;
  }
  onStream(new NodeByteStream(socket, { host: plainAddress(remoteAddress), port: remotePort }));
}

/** IPv4 as people write it, also when it came in through an IPv6 socket. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}

/** Several addresses tried make one AggregateError without a message: give it the first one's, and keep all as the cause. */
export function oneError(error: Error, address: Address): Error {
  if (!(error instanceof AggregateError)) return error;
  const first: unknown = error.errors[0];
  if (!(first instanceof Error)) return error;
  const { code } = first as NodeJS.ErrnoException;
  const message = `connect ${code ?? "failed"} ${address.host}:${address.port}: ${error.errors.map(messageOf).join("; ")}`;
  return Object.assign(new Error(message, { cause: error }), { code });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
