/** The rules of the recipes in every interleaving of four contenders, each of whom may leave at any moment. */
import { decideByPreference, decideFirstCome, type decideHandOver } from "@corral/leader-election";
import { type decideLease, decideMutex, decideRead, decideWrite } from "@corral/locks";
import { describe, expect, test } from "vitest";
import { explore } from "../support/explore.ts";
import { preferenceModel } from "../support/preference-model.ts";
import { queueModel } from "../support/queue-model.ts";
import { semaphoreModel } from "../support/semaphore-model.ts";

const atMostOne = (granted: readonly number[]) => granted.length <= 1;

test("a mutex has one holder, never loses a wake-up, and a departure wakes at most one", () => {
  const kinds = ["lock-", "lock-", "lock-", "lock-"];
  const { states } = explore(queueModel({ kinds, decide: decideMutex, mayHold: atMostOne, mayWake: 1 }));
  expect(states).toBeGreaterThan(5_000);
});

describe("a read/write lock", () => {
  const kindsOf = (roles: string) => [...roles].map((role) => (role === "w" ? "__WRIT__" : "__READ__"));
  test.each(["rrrr", "wrrr", "wwrr", "wwwr", "wwww"])("%s: no writer holds with anybody else", (roles) => {
    const isWriter = (i: number) => roles[i] === "w";
    explore(
      queueModel({
        kinds: kindsOf(roles),
        decide: (names, own, i) => (isWriter(i) ? decideWrite(names, own) : decideRead(names, own)),
        mayHold: (granted) => granted.length <= 1 || !granted.some(isWriter),
        // Readers that wait for the same writer may all go when it does.
        mayWake: 4,
      }),
    );
  });
});

describe("a read/write lock whose writers may become readers", () => {
  const kindsOf = (roles: string) => [...roles].map((role) => (role === "w" ? "__WRIT__" : "__READ__"));
  test.each(["wwr", "wrrr", "wwrr", "wwwr"])("%s: no writer holds with anybody else", (roles) => {
    const isWriter = (i: number) => roles[i] === "w";
    explore(
      queueModel({
        kinds: kindsOf(roles),
        decide: (names, own, i, known) =>
          isWriter(i) ? decideWrite(names, own) : decideRead(names, own, new Set(known)),
        mayBeContent: isWriter,
        mayHold: (granted, less) => granted.length + less.length <= 1 || !granted.some(isWriter),
        mayWake: 4,
      }),
    );
  });

  test("the model finds another writer beside one that reads, when its node counts for nothing", () => {
    const rules = {
      kinds: kindsOf("ww"),
      decide: (names: readonly string[], own: string, _: number, known: readonly string[]) =>
        decideWrite(
          names.filter((name) => !known.includes(name)),
          own,
        ),
      mayBeContent: () => true,
      mayHold: (granted: readonly number[], less: readonly number[]) => granted.length + less.length <= 1,
      mayWake: 4,
    };
    expect(() => explore(queueModel(rules))).toThrow("1 and 0");
  });
});

describe("a semaphore", () => {
  test.each([
    [4, [2]],
    [4, [1, 2]],
    [4, [2, 0, 1]],
    [3, [0, 3, 1]],
  ] as const)(
    "%i contenders, the limit %j: never more hold, and nobody waits for what is free",
    (contenders, limits) => {
      explore(semaphoreModel(contenders, limits));
    },
  );

  test("the model finds a holder too many, when a node in the list is all that it takes", () => {
    const decide: typeof decideLease = (names, own) => names.includes(own);
    expect(() => explore(semaphoreModel(2, [1], decide))).toThrow("2 hold");
  });
});

describe("an election", () => {
  test("first come: one leads, no wake-up is lost, a departure wakes at most one", () => {
    const kinds = ["latch-", "latch-", "latch-", "latch-"];
    explore(queueModel({ kinds, decide: decideFirstCome, mayHold: atMostOne, mayWake: 1 }));
  });

  test.each([[[1, 1, 1]], [[1, 2, 3]], [[3, 2, 1]], [[2, 1, 2]], [[1, 1, 1, 1]], [[1, 2, 3, 4]], [[2, 1, 2, 1]]])(
    "with priorities %j: one leads, also when it hands over, and no wake-up is lost",
    (priorities) => {
      explore(preferenceModel(priorities));
    },
  );

  const none = undefined;
  test.each([[[none, 1, 2]], [[none, none, 1]], [[1, 2, 2, none]], [[none, 1, 2, none]]])(
    "some with a priority and some without, %j: the same",
    (priorities) => {
      explore(preferenceModel(priorities));
    },
  );
});

describe("the model finds", () => {
  test("two holders, when somebody who is not in the queue takes itself for the first", () => {
    const kinds = ["lock-", "lock-"];
    const decide = () => ({ kind: "granted" }) as const;
    expect(() => explore(queueModel({ kinds, decide, mayHold: atMostOne, mayWake: 1 }))).toThrow("0 and 1");
  });

  test("two leaders, when who has a priority does not look at who came before without one", () => {
    const decide: typeof decideByPreference = (names, own, leader) =>
      decideByPreference(
        names.filter((name) => name.includes("-p")),
        own,
        leader,
      );
    expect(() => explore(preferenceModel([1, 2, undefined], { decide }))).toThrow("lead");
  });

  test("two leaders, when leadership is handed past who came without a priority", () => {
    const handOver: typeof decideHandOver = () => "record";
    expect(() => explore(preferenceModel([1, 2, undefined], { handOver }))).toThrow("lead");
  });

  test("a herd, when everybody waits for the first", () => {
    const decide = (names: readonly string[], own: string) =>
      names[0] === own ? ({ kind: "granted" } as const) : ({ kind: "wait", on: names[0] ?? "" } as const);
    const kinds = ["lock-", "lock-", "lock-"];
    expect(() => explore(queueModel({ kinds, decide, mayHold: atMostOne, mayWake: 1 }))).toThrow("woke 2");
  });

  test("a lost wake-up, when the last is waited for", () => {
    const decide = (names: readonly string[], own: string) =>
      names.length === 1 && names[0] === own
        ? ({ kind: "granted" } as const)
        : ({ kind: "wait", on: names.findLast((name) => name !== own) ?? "" } as const);
    const kinds = ["lock-", "lock-"];
    expect(() => explore(queueModel({ kinds, decide, mayHold: atMostOne, mayWake: 1 }))).toThrow("everybody waits");
  });
});
