/** Members as others see them, and what differs between two looks. The latter is pure. */

/** Somebody in the group. */
export interface Member<T = unknown> {
  readonly name: string;
  /** What it joined with, or last updated to. `undefined` as well if it cannot be decoded: see `problem`. */
  readonly data: T | undefined;
  /** Why the data cannot be decoded, when it cannot: another library's, or of another version of the program. */
  readonly problem?: Error;
  /** 0: the node belongs to no session. */
  readonly sessionId: bigint;
  /** When it joined, wall clock of the server, ms since 1970. */
  readonly sinceMs: number;
  /** The token of this membership: grows with every holder of the name, and tells who joined before whom. */
  readonly fencingToken: bigint;
  /** zxid of the last update. */
  readonly updatedZxid: bigint;
}

/** What has changed between two looks. Who left and came back is in both `left` and `joined`. */
export interface MemberChanges<T = unknown> {
  readonly joined: readonly Member<T>[];
  readonly left: readonly Member<T>[];
  /** As they are now. */
  readonly updated: readonly Member<T>[];
}

/** The members in the order in which they joined. */
export function bySeniority<T>(members: Iterable<Member<T>>): Member<T>[] {
  return [...members].sort((a, b) =>
    a.fencingToken < b.fencingToken ? -1 : a.fencingToken > b.fencingToken ? 1 : a.name < b.name ? -1 : 1,
  );
}

/** What has changed from `before` to `after`. */
export function memberChanges<T>(before: readonly Member<T>[], after: readonly Member<T>[]): MemberChanges<T> {
  const was = new Map(before.map((member) => [member.name, member]));
  const is = new Map(after.map((member) => [member.name, member]));
  const same = (a: Member<T> | undefined, b: Member<T>): boolean => a?.fencingToken === b.fencingToken;
  return {
    joined: after.filter((member) => !same(was.get(member.name), member)),
    left: before.filter((member) => !same(is.get(member.name), member)),
    updated: after.filter((member) => {
      const earlier = was.get(member.name);
      return same(earlier, member) && earlier?.updatedZxid !== member.updatedZxid;
    }),
  };
}
