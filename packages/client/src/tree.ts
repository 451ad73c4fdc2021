/**
 * The tree as programs see it: promises, paths without the chroot, errors as exceptions. What is done for each operation
 * stands in `operations/`; here is what it takes and gives.
 */
import { type Acl, parentPath } from "@corral/protocol";
import { concatMap, defer, map } from "rxjs";
import { checkPath } from "./arguments.ts";
import { dataOf, decodeValue, type Given, optionsOf, type TypedBy, type TypedValue } from "./codecs/codec.ts";
import type { Context } from "./context.ts";
import { inTime } from "./in-time.ts";
import { Observed } from "./observe/observed.ts";
import { type ObservedNode, type ObservedTree, treeView } from "./observe/tree-view.ts";
import { type CreatedNode, create, create2 } from "./operations/create.ts";
import { deleteNode } from "./operations/delete.ts";
import { MultiRead } from "./operations/multi-read.ts";
import { sendIfThere } from "./operations/optional.ts";
import { ensure } from "./operations/parents.ts";
import { type ChildrenAndStat, children, childrenWithStat, exists, get, type NodeData } from "./operations/read.ts";
import { type SetOrCreated, set, setAcl, setOrCreate } from "./operations/write.ts";
import type {
  CallOptions,
  CreateOptions,
  Data,
  DeleteOptions,
  ObserveOptions,
  SetOrCreateOptions,
  VersionOptions,
  WatchOptions,
} from "./options.ts";
import { publicStat, type Stat } from "./stat.ts";
import { Transaction } from "./transaction.ts";
import type { Watcher } from "./watch-event.ts";

/** Operations on the nodes of one view of the tree; `Client` is the session around them. */
export class Tree {
  readonly #context: Context;

  /** Use `connect()`. */
  constructor(context: Context) {
    this.#context = context;
  }

  /**
   * Creates a node and returns its path, which with a sequential mode ends in ten digits that the server chose.
   *
   * ```ts
   * await client.create("/greeting", "hello");
   * await client.create("/config", { codec: json, value: { limit: 10 } });
   * ```
   *
   * @throws NodeExistsError, NoNodeError (the parent is missing), NoChildrenForEphemeralsError, InvalidAclError
   */
  create(path: string, data?: Data, options?: CreateOptions): Promise<string>;
  create<T>(path: string, value: TypedValue<T> & CreateOptions): Promise<string>;
  async create(path: string, given?: Given<CreateOptions>, options: CreateOptions = {}): Promise<string> {
    const data = dataOf("create", path, given);
    const encoded = data instanceof Promise ? await data : data;
    return await this.#inTime("create", path, optionsOf(given, options), (call) =>
      create(this.#context, path, encoded, call),
    );
  }

  /** The same, and returns the new node's stat as well. Its czxid is unique to the node. */
  create2(path: string, data?: Data, options?: CreateOptions): Promise<CreatedNode>;
  create2<T>(path: string, value: TypedValue<T> & CreateOptions): Promise<CreatedNode>;
  async create2(path: string, given?: Given<CreateOptions>, options: CreateOptions = {}): Promise<CreatedNode> {
    const data = dataOf("create", path, given);
    const encoded = data instanceof Promise ? await data : data;
    return await this.#inTime("create", path, optionsOf(given, options), (call) =>
      create2(this.#context, path, encoded, call),
    );
  }

  /** Makes sure that the parents of `path` exist, as persistent nodes without data; the chroot included. */
  async createParents(path: string, options: CallOptions = {}): Promise<void> {
    checkPath("createParents", path);
    const parent = parentPath(this.#context.chroot.toServer(path));
    await this.#inTime("createParents", path, options, (call) => ensure(this.#context, parent, true, call));
  }

  /** Makes sure that `path` and its parents exist. */
  async ensurePath(path: string, options: CallOptions = {}): Promise<void> {
    checkPath("ensurePath", path);
    const node = this.#context.chroot.toServer(path);
    await this.#inTime("ensurePath", path, options, (call) => ensure(this.#context, node, true, call));
  }

  /** Replaces a node's data, or creates the node where there is none. */
  setOrCreate(path: string, data: Data, options?: SetOrCreateOptions): Promise<SetOrCreated>;
  setOrCreate<T>(path: string, value: TypedValue<T> & SetOrCreateOptions): Promise<SetOrCreated>;
  async setOrCreate(
    path: string,
    given: Given<SetOrCreateOptions>,
    options: SetOrCreateOptions = {},
  ): Promise<SetOrCreated> {
    const data = (await dataOf("set", path, given)) ?? null;
    return await this.#inTime("setOrCreate", path, optionsOf(given, options), (call) =>
      setOrCreate(this.#context, path, data, call),
    );
  }

  /**
   * Reads a node: its data and, with a codec, the value that the data stands for.
   *
   * ```ts
   * const { value, stat } = await client.get("/config", { codec: validated(json, Config) });
   * ```
   *
   * @throws NoNodeError, MarshallingError (the data is not what the codec expects)
   */
  get(path: string, options?: WatchOptions): Promise<NodeData>;
  get<T>(path: string, options: TypedBy<T> & WatchOptions): Promise<NodeData & { readonly value: T }>;
  async get(
    path: string,
    options: Partial<TypedBy<unknown>> & WatchOptions = {},
  ): Promise<NodeData & { readonly value?: unknown }> {
    const node = await this.#inTime("get", path, options, (call) => get(this.#context, path, call));
    if (options.codec === undefined) return node;
    return { ...node, value: await decodeValue("get", path, options.codec, node.data) };
  }

  /**
   * Replaces a node's data and returns the new stat.
   * @throws NoNodeError, BadVersionError
   */
  set(path: string, data: Data, options?: VersionOptions): Promise<Stat>;
  set<T>(path: string, value: TypedValue<T> & VersionOptions): Promise<Stat>;
  async set(path: string, given: Given<VersionOptions>, options: VersionOptions = {}): Promise<Stat> {
    const data = dataOf("set", path, given) ?? null;
    const encoded = data instanceof Promise ? await data : data;
    return await this.#inTime("set", path, optionsOf(given, options), (call) =>
      set(this.#context, path, encoded, call),
    );
  }

  /**
   * Deletes a node; with `children: true` everything below it too, with `guaranteed: true` through broken connections.
   * @throws NoNodeError, BadVersionError, NotEmptyError
   */
  async delete(path: string, options: DeleteOptions = {}): Promise<void> {
    await this.#inTime("delete", path, options, (call) => deleteNode(this.#context, path, call));
  }

  /** The node's stat, or `undefined` if there is no such node; the watch is registered either way. */
  async exists(path: string, options: WatchOptions = {}): Promise<Stat | undefined> {
    return await this.#inTime("exists", path, options, (call) => exists(this.#context, path, call));
  }

  /**
   * The names of the node's children, sorted by code unit.
   * @throws NoNodeError
   */
  async children(path: string, options: WatchOptions = {}): Promise<string[]> {
    return await this.#inTime("children", path, options, (call) => children(this.#context, path, call));
  }

  /** The same, with the stat of the node itself. */
  async childrenWithStat(path: string, options: WatchOptions = {}): Promise<ChildrenAndStat> {
    return await this.#inTime("childrenWithStat", path, options, (call) => childrenWithStat(this.#context, path, call));
  }

  /** Begins a request of several reads, answered from one state of the tree. */
  multiRead(): MultiRead<[]> {
    return new MultiRead<[]>(this.#context);
  }

  /** The paths of this session's ephemeral nodes at or below `path`, sorted. Servers before 3.6: UnimplementedError. */
  async getEphemerals(path = "/", options: CallOptions = {}): Promise<string[]> {
    checkPath("getEphemerals", path);
    const { chroot } = this.#context;
    const prefixPath = chroot.toServer(path);
    const about = { operation: "getEphemerals", path };
    const { ephemerals } = await this.#inTime("getEphemerals", path, options, (call) =>
      sendIfThere(this.#context, "getEphemerals", { prefixPath }, about, call),
    );
    // The server compares text: for it "/ab" is below "/a".
    const below = prefixPath === "/" ? "/" : `${prefixPath}/`;
    const own = ephemerals.filter((ephemeral) => ephemeral === prefixPath || ephemeral.startsWith(below));
    return own.map((ephemeral) => chroot.toClient(ephemeral)).sort();
  }

  /** How many nodes there are below `path`, at any depth. Servers before 3.6: UnimplementedError. @throws NoNodeError */
  async getAllChildrenNumber(path: string, options: CallOptions = {}): Promise<number> {
    checkPath("getAllChildrenNumber", path);
    const about = { operation: "getAllChildrenNumber", path };
    const request = { path: this.#context.chroot.toServer(path) };
    const response = await this.#inTime("getAllChildrenNumber", path, options, (call) =>
      sendIfThere(this.#context, "getAllChildrenNumber", request, about, call),
    );
    return response.totalNumber;
  }

  /**
   * The node, now and after every change that the server can tell; `undefined` while there is none. A node that was
   * deleted and made again shows in its `stat.czxid`. It converges to the latest state after any disconnection and any
   * loss of the session, never tells one state twice, and completes when the client is closed. Changes of data only: for
   * children, ask `watchChildren`; `stat` counts them as of the last read.
   *
   * ```ts
   * for await (const node of client.watchNode("/config", { signal })) apply(node?.data ?? defaults);
   * ```
   *
   * It ends in an error only if the node cannot be read for reasons that last, such as NoAuthError, or if the data is not
   * what the codec expects.
   */
  watchNode(path: string, options?: ObserveOptions): Observed<ObservedNode | undefined>;
  watchNode<T>(
    path: string,
    options: TypedBy<T> & ObserveOptions,
  ): Observed<(ObservedNode & { readonly value: T }) | undefined>;
  watchNode(
    path: string,
    { codec, signal }: Partial<TypedBy<unknown>> & ObserveOptions = {},
  ): Observed<ObservedNode | undefined> {
    checkPath("watchNode", path);
    const { core, chroot } = this.#context;
    const nodes = defer(() => core.observers.node(chroot.toServer(path))).pipe(
      map((node) => node && { path, ...node }),
    );
    if (codec === undefined) return new Observed(nodes, signal);
    const decoded = async (node: ObservedNode | undefined) =>
      node && { ...node, value: await decodeValue("watchNode", path, codec, node.data) };
    return new Observed(nodes.pipe(concatMap(decoded)), signal);
  }

  /**
   * The names of the node's children, sorted by code unit, now and after every change; `undefined` while there is no such
   * node. The rest is as with `watchNode`. A child that was deleted and made again between two looks does not show.
   */
  watchChildren(path: string, options: ObserveOptions = {}): Observed<readonly string[] | undefined> {
    checkPath("watchChildren", path);
    const { core, chroot } = this.#context;
    const lists = defer(() => core.observers.children(chroot.toServer(path)));
    return new Observed(lists.pipe(map((list) => list?.children)), options.signal);
  }

  /**
   * The node and everything below it, now and after every change; `undefined` while there is no such node. Each state is
   * a map of its own; `treeChanges(before, after)` tells two of them apart. Changes that come together are told together.
   * Nodes below that cannot be read are left out. The rest is as with `watchNode`.
   *
   * ```ts
   * for await (const tree of client.watchTree("/services", { signal })) render([...(tree?.keys() ?? [])]);
   * ```
   *
   * All of it is held in memory. It costs one watch where servers have recursive ones (ours, and Apache's from 3.9 on),
   * elsewhere two watches a node.
   */
  watchTree(path: string, options: ObserveOptions = {}): Observed<ObservedTree | undefined> {
    checkPath("watchTree", path);
    const { core, chroot } = this.#context;
    const trees = defer(() => core.observers.tree(chroot.toServer(path)).pipe(map(treeView(chroot))));
    return new Observed(trees, options.signal);
  }

  /** The node's access control list. Its `stat.aversion` is the version that `setAcl` compares. */
  async getAcl(
    path: string,
    options: CallOptions = {},
  ): Promise<{ readonly acl: readonly Acl[]; readonly stat: Stat }> {
    checkPath("getAcl", path);
    const { requests, chroot } = this.#context;
    const about = { operation: "getAcl", path };
    const response = await this.#inTime("getAcl", path, options, (call) =>
      requests.send("getACL", { path: chroot.toServer(path) }, about, call),
    );
    return { acl: response.acl, stat: publicStat(response.stat) };
  }

  /** Replaces the node's access control list. `version` is compared with `stat.aversion`. */
  async setAcl(path: string, acl: readonly Acl[], options: VersionOptions = {}): Promise<Stat> {
    return await this.#inTime("setAcl", path, options, (call) => setAcl(this.#context, path, acl, call));
  }

  /**
   * Waits until the server has caught up with all writes that were committed when it was asked. A later read sees them.
   * On Apache ZooKeeper that is not quite so: for a read that surely is not stale, ask for `{ linearizable: true }`.
   */
  async sync(path = "/", options: CallOptions = {}): Promise<void> {
    checkPath("sync", path);
    const { requests, chroot } = this.#context;
    await this.#inTime("sync", path, options, (call) =>
      requests.send("sync", { path: chroot.toServer(path) }, { operation: "sync", path }, call),
    );
  }

  /** Begins a transaction: operations of which all happen, or none. */
  transaction(): Transaction<[]> {
    const { requests, chroot } = this.#context;
    const about = { operation: "transaction", path: undefined };
    return new Transaction<[]>({
      chroot,
      multi: (operations, options) =>
        this.#inTime("transaction", undefined, options, (call) => requests.send("multi", operations, about, call)),
    });
  }

  /**
   * Forgets `watcher` on `path`: it will not be called any more. With the last watcher there the server's watch goes too.
   */
  unwatch(path: string, watcher: Watcher): void {
    const { core, chroot, watchers } = this.#context;
    core.session.unwatch(chroot.toServer(path), watchers.toServer(watcher));
  }

  #inTime<O extends CallOptions, T>(
    operation: string,
    path: string | undefined,
    options: O,
    call: (options: O) => Promise<T>,
  ): Promise<T> {
    return inTime(this.#context.core.clock, { operation, path }, options, call);
  }
}
