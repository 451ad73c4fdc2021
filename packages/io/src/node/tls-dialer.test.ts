/** What is said of a server that does not let a TLS handshake come to its end. */
import { createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { listenOn } from "./network.ts";
import { nodeTlsDialer } from "./tls-dialer.ts";

/** The error of a dial to a server that does `act` with each connection. */
async function failureWith(act: (socket: Socket) => void): Promise<Error> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    act(socket);
  });
  const listening = await listenOn(server, { host: "127.0.0.1", port: 0 });
  const { signal } = new AbortController();
  try {
    return await nodeTlsDialer({ servername: "a.example" })
      .dial(listening.address, { signal })
      .then(
        () => Promise.reject(new Error("it was opened")),
        (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
      );
  } finally {
    await listening.close();
  }
}

/** Answers the client's first message with an alert. */
const alert =
  (number: number, level: 1 | 2 = 2) =>
  (socket: Socket): void =>
    void socket.once("data", () => socket.end(Buffer.from([0x15, 3, 3, 0, 2, level, number])));

const closed =
  "it closed the connection before the TLS handshake was over: it may be a port for clear text, take no more connections, or not trust the client's certificate (its log may say)";

test.each<[string, (socket: Socket) => void, string]>([
  ["closes at once", (socket) => void socket.end(), closed],
  ["closes after the first message", (socket) => void socket.once("data", () => socket.end()), closed],
  ["says that it closes", alert(0, 1), closed],
  ["resets after the first message", (socket) => void socket.once("data", () => socket.resetAndDestroy()), closed],
  [
    "speaks something else",
    (socket) => void socket.end("this is no TLS at all\n"),
    "what answers does not speak TLS: wrong version number",
  ],
  [
    "has no certificate for the name",
    alert(112),
    "the server broke off the TLS handshake: tlsv1 unrecognized name (it has no certificate for that name: give another as tls.servername (--tls-name))",
  ],
  ["has an error", alert(80), "the server broke off the TLS handshake: tlsv1 alert internal error"],
  [
    "has nothing in common with the client, or wants a certificate",
    alert(40),
    "the server broke off the TLS handshake: sslv3 alert handshake failure (it may want a certificate of the client's, or other ciphers)",
  ],
  [
    "does not support what is asked for",
    alert(110),
    "the server broke off the TLS handshake: tlsv1 unsupported extension",
  ],
])("one that %s", async (_, act, message) => {
  const error = await failureWith(act);
  expect({ name: error.name, message: error.message }).toEqual({ name: "Error", message });
});

test.each([41, 42, 43, 44, 45, 46, 48, 49, 116])("alert %d says that the client is not trusted", async (number) => {
  const error = await failureWith(alert(number));
  expect(error).toMatchObject({
    name: "CertificateError",
    message: expect.stringMatching(/^the server refuses the client's certificate, or that it shows none: [a-z0-9 ]+$/),
    remedy: expect.stringContaining("--tls-cert"),
  });
});
