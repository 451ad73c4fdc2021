/**
 * Requests, encoded once and sent many times; only the xid changes. Each knows how long its reply must be, which
 * together with the error code and the order of the replies is what is verified at full speed.
 */
import {
  type ClientOperation,
  CreateMode,
  OpCode,
  openAcl,
  operations,
  type RequestOf,
  Writer,
} from "@corral/protocol";
import { type Figure, type LoadOperation, tree } from "../figures.ts";

/** One request, ready to be sent. */
export interface Request {
  /** What it does, for error messages. */
  readonly name: string;
  /** The whole frame; the xid, at `xidOffset`, is filled in when it is sent. */
  readonly frame: Buffer;
  /** Bytes of the reply's payload, header included. */
  readonly replyBytes: number;
}

/** Where the xid stands in a request's frame. */
export const xidOffset = 4;

/** Where the path's length stands, in requests that begin with a path. */
const pathOffset = 12;
const numberDigits = 8;

const headerBytes = 16;
const statBytes = 68;
const root = "/bench";
const data = Buffer.alloc(tree.dataBytes, "x");
const largeData = Buffer.alloc(tree.largeBytes, "y");

function request<O extends ClientOperation>(operation: O, body: RequestOf<O>, bodyBytes: number): Request {
  const writer = new Writer();
  const mark = writer.beginFrame();
  writer.int(0);
  writer.int(OpCode[operation]);
  // The table's entry and the body are of the same operation, which the compiler cannot see through the union.
  (operations[operation].request as { write(writer: Writer, body: RequestOf<O>): void }).write(writer, body);
  writer.endFrame(mark);
  return { name: operation, frame: writer.take(), replyBytes: headerBytes + bodyBytes };
}

function create(path: string): Request {
  const body = { path, data, acl: openAcl, flags: CreateMode.persistent };
  return request("create", body, 4 + path.length);
}

/** Digits of the number that a server appends to the path of a sequential node. */
const sequenceDigits = 10;

function createEphemeralSequential(prefix: string): Request {
  const body = { path: prefix, data, acl: openAcl, flags: CreateMode.ephemeralSequential };
  return request("create", body, 4 + prefix.length + sequenceDigits);
}

/**
 * The same request for one number after the other: `template` is of a path that ends with `numberDigits` zeros.
 * Copied, since many are in flight; encoding each would be most of the driver's work.
 */
function numbered(template: Request): (number: number) => Request {
  const pathBytes = template.frame.readInt32BE(pathOffset);
  const at = pathOffset + 4 + pathBytes - numberDigits;
  return (number) => {
    const frame = Buffer.from(template.frame);
    frame.write(String(number).padStart(numberDigits, "0"), at, "latin1");
    return { ...template, frame };
  };
}

const keys = Array.from({ length: tree.keys }, (_, i) => `${root}/keys/key-${String(i).padStart(6, "0")}`);
const children = Array.from({ length: tree.children }, (_, i) => `child-${String(i).padStart(6, "0")}`);
const largeKeys = keys.map((key) => key.replace("/keys/", "/large/"));
/** The node whose children are listed. */
export const listed = `${root}/listed`;
const made = `${root}/made`;
const own = Array.from({ length: tree.parents }, (_, i) => `${root}/own-${String(i).padStart(3, "0")}`);

/** Builds the tree that the load works on, in an order in which every parent comes before its children. */
export function building(): Request[] {
  return [
    ...[root, `${root}/keys`, `${root}/large`, listed, made, ...own].map(create),
    ...keys.map(create),
    ...largeKeys.map(create),
    ...children.map((name) => create(`${listed}/${name}`)),
  ];
}

const parents = 100;

const parent = (i: number) => `/fill-${String(i % parents).padStart(2, "0")}`;
const filledNode = (i: number) => `${parent(i)}/node-${String(i).padStart(7, "0")}`;

/** Fills a tree that is to be large. */
export function* filling(nodes: number): Generator<Request, void> {
  for (let i = 0; i < parents; i++) yield create(parent(i));
  for (let i = 0; i < nodes; i++) yield create(filledNode(i));
}

const get = (path: string) => request("getData", { path, watch: false }, 4 + data.length + statBytes);
const set = (path: string) => request("setData", { path, data, version: -1 }, statBytes);

type Source = () => Request;

/** What one connection sends during a run. */
export interface Requests {
  /** Makes ready what is measured; called before that, again and again for as long as that takes. */
  readonly before?: Source;
  /** What is measured; `undefined` when what was made ready is used up. */
  readonly next: () => Request | undefined;
  /** Takes away, after the run, what it left; `undefined` when nothing is left. */
  readonly after?: () => Request | undefined;
}

/** Creates and deletes of one connection. A session's requests are carried out in order, so what it sent is there. */
function ownNodes(connection: number): { create: Source; remove: () => Request | undefined } {
  // The process's number: what a run that failed left behind must not be in the way of the next.
  const path = `${own[connection % own.length]}/${process.pid}-${connection}-${"0".repeat(numberDigits)}`;
  const making = numbered(create(path));
  const unmaking = numbered(request("delete", { path, version: -1 }, 0));
  let [created, removed] = [0, 0];
  return {
    create: () => making(created++),
    remove: () => (removed < created ? unmaking(removed++) : undefined),
  };
}

/** Random enough to spread over keys, cheap enough not to be measured: xorshift. */
function numbers(seed: number): (below: number) => number {
  let x = seed | 1;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}

/** The requests of one connection of a figure. */
export function requestsOf(figure: Figure, connection: number): Requests {
  const nodes = ownNodes(connection);
  if ("create" in figure.mix) return { next: nodes.create, after: nodes.remove };
  if ("delete" in figure.mix) return { before: nodes.create, next: nodes.remove, after: nodes.remove };
  return { next: mixed(figure, connection) };
}

/** The endless requests of one connection that leave the tree as it is, or until the session's end. */
function mixed(figure: Figure, connection: number): Source {
  const next = numbers((connection + 1) * 2_654_435_761);
  const { filledNodes } = figure;
  // Too many to be made before.
  const anyOf = (make: (path: string) => Request): Source => {
    if (filledNodes !== undefined) return () => make(filledNode(next(filledNodes)));
    const all = keys.map(make);
    return () => all[next(all.length)]!;
  };
  const make: Readonly<Record<Exclude<LoadOperation, "create" | "delete">, () => Source>> = {
    get: () => anyOf(get),
    set: () => anyOf(set),
    setKib: () => {
      const all = largeKeys.map((path) => request("setData", { path, data: largeData, version: -1 }, statBytes));
      return () => all[next(all.length)]!;
    },
    children: () => {
      const bytes = 4 + children.reduce((sum, name) => sum + 4 + name.length, 0);
      const one = request("getChildren", { path: listed, watch: false }, bytes);
      return () => one;
    },
    // The session's end takes the nodes away.
    createEphemeralSequential: () => {
      const one = createEphemeralSequential(`${own[connection % own.length]}/n-`);
      return () => one;
    },
    // A session's requests are carried out in order, so that one name for each connection will do, however deep. A run
    // may stop between the two; what it leaves behind must not be in the way of the next run, another process.
    createDelete: () => {
      const path = `${made}/${process.pid}-${connection}`;
      const [making, unmaking] = [create(path), request("delete", { path, version: -1 }, 0)];
      let there = false;
      return () => {
        there = !there;
        return there ? making : unmaking;
      };
    },
  };
  const parts = Object.entries(figure.mix).map(([name, share]) => ({
    share,
    source: make[name as keyof typeof make](),
  }));
  if (parts.length === 1) return parts[0]!.source;
  return () => {
    let at = next(100);
    for (const { share, source } of parts) {
      if (at < share) return source();
      at -= share;
    }
    return parts[0]!.source();
  };
}
