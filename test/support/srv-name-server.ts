/** A name server that knows the SRV records of one service and nothing else. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

/** One record. */
export interface SrvRecord {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

export class SrvNameServer implements AsyncDisposable {
  readonly #socket: Socket = createSocket("udp4");
  /** What it answers from now on; without any, that there is no such name. */
  records: readonly SrvRecord[] = [];
  /** Questions it was asked. */
  asked = 0;

  static async start(): Promise<SrvNameServer> {
    const server = new SrvNameServer();
    server.#socket.on("message", (question, { port, address }) => {
      server.asked++;
      server.#socket.send(server.#answer(question), port, address);
    });
    server.#socket.bind(0, "127.0.0.1");
    await once(server.#socket, "listening");
    return server;
  }

  /** `127.0.0.1:port`, as `dns.setServers` takes it. */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  /** RFC 1035: the header with our counts, the question as it came (whatever stands behind it dropped), the answers. */
  #answer(question: Buffer): Buffer {
    let end = 12;
    while ((question[end] ?? 0) !== 0) end += (question[end] ?? 0) + 1;
    const asked = question.subarray(12, end + 5);
    const header = Buffer.alloc(12);
    question.copy(header, 0, 0, 2);
    header.writeUInt16BE(this.records.length === 0 ? 0x8183 : 0x8180, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(this.records.length, 6);
    return Buffer.concat([header, asked, ...this.records.map(encodeRecord)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await once(this.#socket, "close");
  }
}

/** The owner's name is the one in the question: a pointer to it. */
function encodeRecord({ priority, weight, port, target }: SrvRecord): Buffer {
  const labels = target.split(".").flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  const name = Buffer.concat([...labels, Buffer.from([0])]);
  const fixed = Buffer.alloc(18);
  fixed.writeUInt16BE(0xc00c, 0);
  fixed.writeUInt16BE(33, 2);
  fixed.writeUInt16BE(1, 4);
  fixed.writeUInt16BE(6 + name.length, 10);
  fixed.writeUInt16BE(priority, 12);
  fixed.writeUInt16BE(weight, 14);
  fixed.writeUInt16BE(port, 16);
  return Buffer.concat([fixed, name]);
}
