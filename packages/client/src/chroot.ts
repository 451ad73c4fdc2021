/** The part of the tree that a client lives in: a prefix on every path sent, taken off every path received. */
export class Chroot {
  /** `/app`, or the empty string for the whole tree. */
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  /** The server's name of what the client calls `path`. */
  toServer(path: string): string {
    if (this.prefix === "") return path;
    return path === "/" ? this.prefix : this.prefix + path;
  }

  /**
   * The same for the path of a sequential create, which names a prefix of the node and not a node: `/` asks for a
   * nameless child of the chroot.
   */
  sequenceToServer(path: string): string {
    return this.prefix + path;
  }

  /** The client's name of what the server calls `path`. A path outside stays as it is: there is no better name for it. */
  toClient(path: string): string {
    if (this.prefix === "" || !path.startsWith(this.prefix)) return path;
    const rest = path.slice(this.prefix.length);
    if (rest === "") return "/";
    return rest.startsWith("/") ? rest : path;
  }
}
