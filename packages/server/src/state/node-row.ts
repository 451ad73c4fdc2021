/** What stands where in a node's record; see node-store.ts. */

/** Where each number of a node stands in its record of doubles. The first four as a Stat begins. */
export const doubles = { czxid: 0, mzxid: 1, ctimeMs: 2, mtimeMs: 3, pzxid: 4, childCreates: 5, count: 6 } as const;

/** Where each number of a node stands in its record of 32-bit integers. */
export const ints = {
  version: 0,
  aversion: 1,
  childCount: 2,
  firstChild: 3,
  next: 4,
  previous: 5,
  data: 6,
  /** −1: null. */
  dataLength: 7,
  acl: 8,
  snapshotMark: 9,
  /** 0: persistent. */
  lifetime: 10,
  /** For the tree's digest. */
  dataHash: 11,
  /** 1: not in the digest's sum; see open-nodes.ts. */
  isOpen: 12,
  /** Of an ephemeral node; see ephemerals.ts. */
  nextOwned: 13,
  previousOwned: 14,
  count: 15,
} as const;
