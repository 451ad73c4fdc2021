/** The operations of the wire, by number. */
export const OpCode = {
  notification: 0,
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getACL: 6,
  setACL: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  reconfig: 16,
  checkWatches: 17,
  removeWatches: 18,
  createContainer: 19,
  deleteContainer: 20,
  createTTL: 21,
  multiRead: 22,
  auth: 100,
  setWatches: 101,
  sasl: 102,
  getEphemerals: 103,
  getAllChildrenNumber: 104,
  setWatches2: 105,
  addWatch: 106,
  whoAmI: 107,
  createSession: -10,
  closeSession: -11,
  error: -1,
} as const;

/** The name of an operation. */
export type OpName = keyof typeof OpCode;
/** The number of an operation. */
export type OpCode = (typeof OpCode)[OpName];

const names = new Map<number, OpName>(Object.entries(OpCode).map(([name, code]) => [code, name as OpName]));

/** The name of operation `code`, or `undefined` for a number that no operation has. */
export function opName(code: number): OpName | undefined {
  return names.get(code);
}

/** Transaction ids with a meaning of their own, in request and reply headers. */
export const SpecialXid = {
  /** Server to client: a watch event. */
  notification: -1,
  ping: -2,
  auth: -4,
  /** How the C client numbers its setWatches. Echoed like any other; never key on it. */
  setWatches: -8,
} as const;
