/**
 * Where this server is meant to differ from Apache ZooKeeper 3.8.0 (Debian's, with its patches), and why. Tests take what to
 * expect of each server from here, so there is no other place in which they may differ.
 *
 * What Apache ZooKeeper does not survive cannot be tried: createTTL with a time to live below 0 and flags that have none (0 or
 * 4) ends its server, and every start after that, as its log then holds it. This one makes what the flags say.
 * Nor can a lasting watch of a path that is null: once it has one, by addWatch or setWatches2, Apache's never closes the connection.
 * Here addWatch takes it for the empty path, which is no node's, and setWatches2 is answered with MarshallingError.
 * Nor can what hangs on a moment: a node with a time to live, whose setData comes between the look of Apache's reaper and the entry
 * with which it deletes, goes although the setData was acknowledged (J.3 looks at children only). Here it stays.
 */
import { ErrorCode, OpCode } from "@corral/protocol";

/** One point in which the two differ. */
export interface Difference {
  /** What both are asked. */
  readonly asked: string;
  /** What each does, in the words of the test. */
  readonly corral: unknown;
  readonly apache: unknown;
  readonly why: string;
}

/** By the number of the line, with a word where a line has several. */
export const differences = {
  "A.11": {
    asked: "getData of a path with a NUL",
    corral: "BadArguments",
    apache: "NoNode",
    why: "exists answers so on both; nobody means such a path",
  },
  "A.18": {
    asked: "a create, an exists with a watch, and an addWatch, of a path of more than 8,192 characters",
    corral: ["BadArguments", "BadArguments", "BadArguments"],
    apache: ["Ok", "Ok", "Ok"],
    why: "the longest that can be allowed are 16,000 (`limits.maxPathLength`): beyond, those of one length are all in one place of a map",
  },
  "B.8": {
    asked:
      "how many zxids a request takes that is refused untried: a write that cannot be decoded, a reconfig, or a time to live, which is switched off",
    corral: 0,
    apache: 1,
    why: "nothing is to be written down about what is not even tried",
  },
  "B.9": {
    asked: "the epoch of a fresh server that stands alone",
    corral: 1,
    apache: 0,
    why: "each start begins an epoch of its own, so that zxids also grow over data that was restored",
  },
  "C.1": {
    asked: "exists of a node that the caller may not read",
    corral: "NoAuth",
    apache: "Ok",
    why: "Apache's from 3.8.4 and 3.9.2 on: a Stat tells of a node what READ is there to hide",
  },
  "C.4": {
    asked: "how many more nodes getAllChildrenNumber counts below the empty path than below the root",
    corral: 0,
    apache: 1,
    why: "both are the root, which is not below itself",
  },
  "C.6": {
    asked: "the scheme of the first identity that whoAmI answers to who has authenticated",
    corral: "ip",
    apache: "digest",
    why: "Apache's 3.8.0 answers in the order of a hash table; the address first can be relied on",
  },
  "D.6": {
    asked: "how many of three changes a persistent watch hears when a plain read watches the same path",
    corral: 3,
    apache: 1,
    why: "as Apache's from 3.9 on (ZOOKEEPER-4466): a read of somebody else's must not take a lasting watch away",
  },
  "D.6 kinds": {
    asked: "what is heard of two changes and two creates where a path has a watch of every kind",
    corral: [
      "nodeDataChanged ",
      "nodeDataChanged ",
      "nodeCreated /x",
      "nodeChildrenChanged ",
      "nodeCreated /y",
      "nodeChildrenChanged ",
    ],
    apache: ["nodeDataChanged ", "nodeChildrenChanged "],
    why: "as Apache's from 3.9 on: each kind makes heard what it does by itself, and the lasting ones last",
  },
  "D.7": {
    asked: "the zxid in an event's header",
    corral: "its zxid",
    apache: -1,
    why: "as Apache's from 3.9 on: a client can tell whether what it has read is newer",
  },
  "D.11": {
    asked: "how many events setWatches has sent before a list that is null, and before a path that is",
    corral: [0, 0],
    apache: [1, 1],
    why: "what is answered with MarshallingError has not been begun",
  },
  "D.11 lists": {
    asked: "setWatches with a list whose number of entries is −3",
    corral: "MarshallingError",
    apache: "Ok",
    why: "nobody means such a list; Apache's takes it for an empty one",
  },
  "D.13": {
    asked: "removing the plain data watch where there only is a persistent one",
    corral: "NoWatcher",
    apache: "Ok",
    why: "as Apache's from 3.9 on; before, it took half of the persistent watch away",
  },
  "D.13 types": {
    asked: "checkWatches of the type that only persistent watches have",
    corral: "Ok",
    apache: "MarshallingError",
    why: "as Apache's from 3.9 on",
  },
  "D.13 others": {
    asked: "checkWatches of a watch that only somebody else has",
    corral: "NoWatcher",
    apache: "Ok",
    why: "it is asked of one's own; Apache's removeWatches looks for that one, and its checkWatches for anybody's",
  },
  "D.13 recursive": {
    asked: "checkWatches of the types of the plain watches where there only is a recursive one",
    corral: "NoWatcher",
    apache: "Ok",
    why: "as of a persistent one: what would be removed is not half of it",
  },
  "G.1": {
    asked: "the type of the result of a create2 in a transaction",
    corral: OpCode.create2,
    apache: OpCode.create,
    why: "who asks for create2 wants the Stat; Apache's own client cannot ask for one, and a create is answered as one by both",
  },
  "G.4": {
    asked: "a create, create2 or createContainer in a transaction with the flags of a time to live",
    corral: ErrorCode.BadArguments,
    apache: "MarshallingError",
    why: "as by itself, and it tells which part is to blame; Apache's takes one operation for another and trips over it",
  },
  "G.7": {
    asked: "what stands behind the MarshallingError of a multiRead with a write in it, in hexadecimal digits",
    corral: "",
    apache: "ffffffff01ffffffff",
    why: "a reply with an error has no body; Apache's writes the results that it had until then (with a path that is null, too)",
  },
  "I.3": {
    asked: "an access list with an entry whose id is null",
    corral: "InvalidAcl",
    apache: "MarshallingError",
    why: "as one whose scheme is null, on both: the list is at fault",
  },
  "I.3 schemes": {
    asked: "an access list with identities of sasl and x509 where neither SASL nor TLS is switched on",
    corral: "Ok",
    apache: "InvalidAcl",
    why: "lists are stored, and what is switched on may be another at the next start: it must not decide which lists there can be",
  },
  "I.3 IPv6": {
    asked: "an access list with an address or a network of IPv6",
    corral: "Ok",
    apache: "InvalidAcl",
    why: "clients come by IPv6 too; Apache's knows addresses of IPv4 alone",
  },
  "I.3 colons": {
    asked: "an access list with an id of digest that has two parts and colons behind them",
    corral: "InvalidAcl",
    apache: "Ok",
    why: "nobody can prove to be that; Apache's takes it apart in a way that forgets empty parts at the end",
  },
  "I.3 no digest": {
    asked: "an access list with an id of digest that ends with its only colon",
    corral: "Ok",
    apache: "InvalidAcl",
    why: "nobody can prove to be that either; what was stored once must be stored again when a log is replayed",
  },
  "I.3 spellings": {
    asked: "an access list with an address of which a part begins with 0, or a network whose bits begin with +",
    corral: "InvalidAcl",
    apache: "Ok",
    why: "others read the first as octal digits; nobody writes the second",
  },
  "J.5": {
    asked: "a multi of three creates, of which the first is the last that a quota has room for",
    corral: ["QuotaExceeded", 2],
    apache: ["Ok", 5],
    why: "Apache's looks at each as if the others were not there, so that one multi can make as many nodes as it likes",
  },
  "J.5 unreadable": {
    asked: "a multi with a create that a quota has to do with, while the text of its limits cannot be read",
    corral: "Ok",
    apache: "MarshallingError",
    why: "the multi could be decoded: what it says of its part stands in the results, as for any other part that is refused",
  },
  "K.1": {
    asked: "auth of the scheme digest without a colon: a user and no password",
    corral: "AuthFailed",
    apache: "Ok",
    why: "it proves nothing; who means an empty password writes `user:`",
  },
  "K.1 lists": {
    asked: "setACL with a list whose number of entries is −2",
    corral: "MarshallingError",
    apache: "InvalidAcl",
    why: "nobody means such a list; Apache's takes it for an empty one",
  },
  "S.1": {
    asked: "operation 20, deleteContainer, from a client",
    corral: "Unimplemented",
    apache: "BadArguments",
    why: "it is for servers; from 3.9 on Apache's carries it out for anybody, whatever the access list says",
  },
  "S.2": {
    asked: "operation −10, createSession, in the middle of a session",
    corral: "Unimplemented",
    apache: "a session",
    why: "it is for servers; a client that gets a frame of another kind in the place of a reply is lost",
  },
  "S.3": {
    asked: "whether a session's connection outlives somebody else's attempt with a wrong password",
    corral: "Ok",
    apache: "closed",
    why: "whoever knows an id could disconnect anybody: the password is looked at first",
  },
  "S.4": {
    asked: "whether a session's password can be computed from its id",
    corral: false,
    apache: true,
    why: "ids stand in logs; who reads one must not be able to take the session over",
  },
  "S.5": {
    asked: "what setWatches, and then setWatches2, tells of a node that the caller may not read",
    corral: [],
    apache: [1, 2].flatMap(() => ["nodeDataChanged /x", "nodeCreated /x", "nodeChildrenChanged /x"]),
    why: "it tells that a node is there and when it changed, which events otherwise do not",
  },
  "S.6": {
    asked: "check outside of a transaction",
    corral: "Unimplemented",
    apache: "Ok",
    why: "Apache's 3.8.0 never answers it (the Ok is of the ping behind it); newer ones refuse it as this one does",
  },
  "S.7": {
    asked: "how characters beyond U+FFFF travel",
    corral: "UTF-8",
    apache: "CESU-8",
    why: "CESU-8 is an accident of Java's strings; both are read",
  },
} as const satisfies Readonly<Record<string, Difference>>;

/** The name of one of them. */
export type DifferenceName = keyof typeof differences;
