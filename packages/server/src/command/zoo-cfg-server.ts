/** The line `server.N` of a `zoo.cfg`: `host:port:port[:role]`, with `|` between more of them, then `;[address:]port` for clients. */

/** What it says, or what is wrong with it. */
export type ServerLine =
  | {
      /** Of the port for clients; undefined: it is said elsewhere. */
      readonly port: string | undefined;
      readonly host: string | undefined;
    }
  | { readonly problem: string };

/** Reads the line's value. What it says of an ensemble's ports is passed over. */
export function readServerLine(value: string): ServerLine {
  const end = value.indexOf(";");
  const [members, clients] = end < 0 ? [value, ""] : [value.slice(0, end), value.slice(end + 1).trim()];
  if (/:observer\s*(\||$)/i.test(members)) return { problem: "there are no observers yet; take :observer out" };
  if (clients === "") return { port: undefined, host: undefined };
  const [, bracketed, plain, port] = /^(?:(?:\[([^\]]+)\]|([^:;[\]]+)):)?(\d+)$/.exec(clients) ?? [];
  if (port === undefined) {
    return { problem: `must end with ;port or ;address:port, not ${JSON.stringify(`;${clients}`)}` };
  }
  return { port, host: bracketed ?? plain };
}
