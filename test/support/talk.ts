/**
 * A conversation with a server, byte by byte, and what was heard in it as lines of text without what differs from run to
 * run: zxids, times, ids. Two servers that behave alike give the same lines.
 */
import {
  type ClientOperation,
  ErrorCode,
  errorName,
  OpCode,
  operations,
  Reader,
  type RequestOf,
  SpecialXid,
  WatchEventType,
  watcherEventCodec,
} from "@corral/protocol";
import { RawConnection, type Reply } from "./raw-connection.ts";

/** See the head of this file. */
export class Talk {
  readonly #connection: RawConnection;
  readonly #lines: string[] = [];

  private constructor(connection: RawConnection) {
    this.#connection = connection;
  }

  /** A conversation in a session of its own. */
  static async with(port: number): Promise<Talk> {
    return new Talk(await RawConnection.withSession(port));
  }

  /** Sends a request and waits for its reply, or for the end of the connection. Events that come before are heard first. */
  async call<O extends ClientOperation>(operation: O, request: RequestOf<O>): Promise<void> {
    this.#connection.send(operation, request);
    await this.#hear(operation, (body) => operations[operation].response.read(new Reader(body)));
  }

  /** Sends an operation of which only the number is known, with an empty body. */
  async callUnknown(opcode: number): Promise<void> {
    const frame = this.#connection.encode("ping", {}, 4_712);
    frame.writeInt32BE(opcode, 8);
    this.#connection.socket.write(frame);
    await this.#hear(`operation ${opcode}`, (body) => body.toString("hex"));
  }

  /** Hears what is still on its way, ends the session, and gives all lines. */
  async end(): Promise<readonly string[]> {
    // Whatever had happened before stands before the reply; a connection that was closed has nothing more to say.
    await this.call("closeSession", {});
    this.#connection.destroy();
    return this.#lines;
  }

  async #hear(operation: string, decode: (body: Buffer) => unknown): Promise<void> {
    for (;;) {
      let reply: Reply;
      try {
        reply = await this.#connection.reply();
      } catch {
        this.#lines.push("closed");
        return;
      }
      const { header, body } = reply;
      if (header.xid === SpecialXid.notification) {
        const { type, path } = watcherEventCodec.read(new Reader(body));
        const known = Object.entries(WatchEventType).find(([, code]) => code === type)?.[0] ?? type;
        this.#lines.push(`${known} ${path}${header.zxid > 0 ? " with its zxid" : ""}`);
        continue;
      }
      const answer = header.err === ErrorCode.Ok ? JSON.stringify(decode(body), plain) : errorName(header.err);
      this.#lines.push(`${operation}: ${answer}`);
      return;
    }
  }

  /** Ends every node at and below a path. */
  async deleteAll(path: string): Promise<void> {
    const { header, body } = await this.#connection.call("getChildren", { path, watch: false });
    if (header.err !== ErrorCode.Ok) return;
    for (const name of operations.getChildren.response.read(new Reader(body)).children) {
      await this.deleteAll(`${path}/${name}`);
    }
    await this.#connection.call("delete", { path, version: -1 });
  }
}

const changing = new Set(["czxid", "mzxid", "pzxid", "ctime", "mtime"]);
const names = new Map<number, string>(Object.entries(OpCode).map(([name, code]) => [code, name]));

function plain(key: string, value: unknown): unknown {
  if (changing.has(key)) return undefined;
  if (key === "ephemeralOwner") return value === 0n ? "nobody" : "somebody";
  if (key === "children" || key === "ephemerals") return [...(value as string[])].sort();
  if (key === "type" && typeof value === "number") return names.get(value);
  return typeof value === "bigint" ? String(value) : value;
}
