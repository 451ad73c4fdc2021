/** The numbers of the protocol, each written here a second time, so that none changes by mistake. */
import {
  AddWatchMode,
  CreateMode,
  ErrorCode,
  errorName,
  fourLetterWord,
  fourLetterWords,
  hasTtl,
  isCreateMode,
  isEphemeral,
  isSequential,
  maxTtlMs,
  OpCode,
  openAcl,
  operations,
  opName,
  Permission,
  SpecialXid,
  WatchEventState,
  WatchEventType,
  WatcherType,
} from "@corral/protocol";
import { describe, expect, test } from "vitest";

/** "name number, name number" as an object. */
function table(text: string): Record<string, number> {
  return Object.fromEntries(
    text
      .trim()
      .split(/,\s*/)
      .map((row) => row.split(" "))
      .map(([name = "", number]) => [name, Number(number)]),
  );
}

const opcodes = table(`
  notification 0, create 1, delete 2, exists 3, getData 4, setData 5, getACL 6, setACL 7, getChildren 8, sync 9,
  ping 11, getChildren2 12, check 13, multi 14, create2 15, reconfig 16, checkWatches 17, removeWatches 18,
  createContainer 19, deleteContainer 20, createTTL 21, multiRead 22, auth 100, setWatches 101, sasl 102,
  getEphemerals 103, getAllChildrenNumber 104, setWatches2 105, addWatch 106, whoAmI 107, createSession -10,
  closeSession -11, error -1`);

const errorCodes = table(`
  OK 0, SystemError -1, RuntimeInconsistency -2, DataInconsistency -3, ConnectionLoss -4, MarshallingError -5,
  Unimplemented -6, OperationTimeout -7, BadArguments -8, UnknownSession -12, NewConfigNoQuorum -13,
  ReconfigInProgress -14, APIError -100, NoNode -101, NoAuth -102, BadVersion -103, NoChildrenForEphemerals -108,
  NodeExists -110, NotEmpty -111, SessionExpired -112, InvalidCallback -113, InvalidACL -114, AuthFailed -115,
  SessionMoved -118, NotReadOnly -119, EphemeralOnLocalSession -120, NoWatcher -121, RequestTimeout -122,
  ReconfigDisabled -123, SessionClosedRequireSaslAuth -124, QuotaExceeded -125, ThrottledOp -127`);

/** Operations that only servers send: to each other, into the log, or within a multi's results. */
const notForClients = ["notification", "deleteContainer", "createSession", "error"];

describe("operations", () => {
  test("have these numbers", () => expect(OpCode).toEqual(opcodes));

  test.each(Object.entries(opcodes))("%s is %i, there and back", (name, code) => expect(opName(code)).toBe(name));

  test("no other number has a name", () => {
    for (const code of [10, 23, 99, 108, -2, -9, -12, 1.5]) expect(opName(code)).toBeUndefined();
  });

  test("all that clients may send have a request and a response", () => {
    const expected = Object.keys(opcodes).filter((name) => !notForClients.includes(name));
    expect(Object.keys(operations).sort()).toEqual(expected.sort());
  });

  test("the special xids", () => expect(SpecialXid).toEqual(table("notification -1, ping -2, auth -4, setWatches -8")));
});

describe("error codes", () => {
  const lowerCase = (codes: Record<string, number>) =>
    Object.fromEntries(Object.entries(codes).map(([name, code]) => [name.toLowerCase(), code]));

  test("have these numbers", () => expect(lowerCase(ErrorCode)).toEqual(lowerCase(errorCodes)));

  test.each(Object.entries(errorCodes))("%s is %i, there and back", (name, code) => {
    expect(errorName(code)?.toLowerCase()).toBe(name.toLowerCase());
  });

  test("no other number has a name", () => {
    for (const code of [1, -9, -99, -104, -126, -128]) expect(errorName(code)).toBeUndefined();
  });
});

test("watch events, states, watcher types and modes of addWatch", () => {
  expect(WatchEventType).toEqual(
    table(`none -1, nodeCreated 1, nodeDeleted 2, nodeDataChanged 3, nodeChildrenChanged 4, dataWatchRemoved 5,
      childWatchRemoved 6, persistentWatchRemoved 7`),
  );
  expect(WatchEventState).toEqual(
    table(`unknown -1, disconnected 0, noSyncConnected 1, syncConnected 3, authFailed 4, connectedReadOnly 5,
      saslAuthenticated 6, closed 7, expired -112`),
  );
  expect(WatcherType).toEqual(table("children 1, data 2, any 3, persistent 4, persistentRecursive 5"));
  expect(AddWatchMode).toEqual(table("persistent 0, persistentRecursive 1"));
});

test("permissions", () => {
  expect(Permission).toEqual(table("read 1, write 2, create 4, delete 8, admin 16, all 31"));
  expect(openAcl).toEqual([{ perms: 31, id: { scheme: "world", id: "anyone" } }]);
});

describe("create modes", () => {
  test.each([
    { name: "persistent", flags: 0, sequential: false, ephemeral: false, ttl: false },
    { name: "ephemeral", flags: 1, sequential: false, ephemeral: true, ttl: false },
    { name: "persistentSequential", flags: 2, sequential: true, ephemeral: false, ttl: false },
    { name: "ephemeralSequential", flags: 3, sequential: true, ephemeral: true, ttl: false },
    { name: "container", flags: 4, sequential: false, ephemeral: false, ttl: false },
    { name: "persistentWithTtl", flags: 5, sequential: false, ephemeral: false, ttl: true },
    { name: "persistentSequentialWithTtl", flags: 6, sequential: true, ephemeral: false, ttl: true },
  ] as const)("$name is $flags", ({ name, flags, sequential, ephemeral, ttl }) => {
    expect(CreateMode[name]).toBe(flags);
    expect(isCreateMode(flags)).toBe(true);
    expect(isSequential(flags)).toBe(sequential);
    expect(isEphemeral(flags)).toBe(ephemeral);
    expect(hasTtl(flags)).toBe(ttl);
  });

  test("there are no others", () => {
    expect(Object.keys(CreateMode)).toHaveLength(7);
    for (const flags of [-1, 7, 0.5, Number.NaN, 2 ** 31 - 1]) expect(isCreateMode(flags)).toBe(false);
  });

  test("the longest time to live", () => expect(maxTtlMs).toBe(1_099_511_627_775));
});

describe("four-letter words", () => {
  test("are these", () => {
    expect([...fourLetterWords].join(" ")).toBe(
      "conf cons crst dirs dump envi gtmk hash isro mntr ruok srst srvr stat stmk wchc wchp wchs",
    );
  });

  test("are known by their bytes, whatever follows", () => {
    for (const word of fourLetterWords) expect(fourLetterWord(Buffer.from(`${word}\n`))).toBe(word);
  });

  test("telnet's interrupt is one more, which only has a name", () => {
    expect(fourLetterWord(Buffer.from("fff4fffd06", "hex"))).toBe("telnet close");
  });

  test.each(["ruo", "", "RUOK", "GET ", "\0\0\0\u002d"])("%j is none", (text) => {
    expect(fourLetterWord(Buffer.from(text, "latin1"))).toBeUndefined();
  });
});
