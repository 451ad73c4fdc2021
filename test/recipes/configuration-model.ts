/**
 * A proposal among subscribers who come, answer, change their minds, lose their sessions, come again and leave, drivers
 * that look and activate, one that withdraws, and somebody who edits beside it. Reads and writes are steps of their own, so
 * that anybody can come in between; and whoever takes no step any more has died there.
 *
 * A reply that is lost is no case of its own: what was written is found by looking again.
 */
import { type Answer, judge, type Subscriber } from "@corral/configuration";
import type { Model } from "../support/explore.ts";

/**
 * Of a subscriber's node and its announcement. `lost`: the node went with the session, and the process lives.
 * `half`: the first of two writes is done. `left`: for good.
 */
type Presence = "out" | "half" | "joined" | "lost" | "left";

interface Member {
  readonly presence: Presence;
  readonly answer: "none" | "accepts" | "refuses";
  /** Of its node. */
  readonly version: number;
  /** Which of its nodes it is. */
  readonly life: number;
  readonly tries: boolean;
  /** Kept by itself only where the answer may be forgotten. */
  readonly hasRefused: boolean;
}

/** A subscriber's node as a driver has read it. */
interface SeenNode {
  readonly i: number;
  readonly life: number;
  readonly version: number;
  readonly answer: Member["answer"];
  readonly tries: boolean;
}

/** What a driver has read, in the order in which it reads. */
interface Seen {
  readonly slot: number;
  readonly canaries: readonly string[] | null;
  readonly root: number;
  readonly joins?: number;
  /** Names that are still to be read. */
  readonly names?: readonly number[];
  readonly nodes: readonly SeenNode[];
}

interface Driver {
  readonly at: "look" | "waiting" | "activate" | "try out" | "over";
  readonly seen: Seen | null;
  /** Something has moved since the look began. */
  readonly isRung: boolean;
}

export interface ProposalModelState {
  readonly members: readonly Member[];
  /** Version of their parent. */
  readonly joins: number;
  readonly root: number;
  /** Version of the place for proposals, whether ours is there, and who is to try it out. */
  readonly slot: number;
  readonly isPending: boolean;
  readonly canaries: readonly string[] | null;
  readonly drivers: readonly Driver[];
  readonly editsLeft: number;
  readonly withdrawalsLeft: number;
  readonly broken: string | null;
}

export interface ProposalRules {
  readonly members: number;
  readonly drivers?: number;
  /** How often sessions are lost, in all. */
  readonly losses?: number;
  readonly edits?: number;
  readonly withdrawals?: number;
  /** Whether a look reads each node in a step of its own, as shipped, or, to have fewer states, all in one. */
  readonly isLookSplit?: boolean;
  /** Whether it is tried out by one of them before it is activated. */
  readonly isTried?: boolean;
  /** What the activation checks, all of it as shipped: */
  readonly checksJoins?: boolean;
  readonly checksNodes?: boolean;
  readonly checksSlot?: boolean;
  readonly checksRoot?: boolean;
  /** Whether who joins announces it after its node is there, as shipped, or before. */
  readonly announcesLast?: boolean;
  /** Whether an opinion outlives the session, as shipped. */
  readonly remembers?: boolean;
  /** Whether a driver is told of what moves while it looks, as shipped. */
  readonly watchesFirst?: boolean;
  readonly judges?: typeof judge;
}

type Next = { readonly step: string; readonly state: ProposalModelState };

const base = 0;
/** By no look. */
const nothingSeen: Seen = { slot: -1, canaries: null, root: -1, joins: -1, nodes: [] };
const nameOf = ({ i, life }: { readonly i: number; readonly life: number }) => `${i}.${life}`;

export function proposalModel(rules: ProposalRules): Model<ProposalModelState> {
  const { checksJoins = true, checksNodes = true, checksSlot = true, checksRoot = true } = rules;
  const { announcesLast = true, remembers = true, watchesFirst = true, isTried = false, judges = judge } = rules;
  const { isLookSplit = true } = rules;
  /** Whether its node is there. */
  const isThere = ({ presence }: Member) => presence === "joined" || (presence === "half" && announcesLast);
  const standing = (seen: Seen) =>
    judges({ id: "p", canaries: seen.canaries ?? undefined }, seen.nodes.map(toSubscriber));

  /** A step that moves something that drivers watch. */
  function moved(step: string, state: ProposalModelState, change: Partial<ProposalModelState>): Next {
    const ring = (driver: Driver): Driver => {
      if (driver.at === "waiting") return { ...driver, at: "look", isRung: false };
      return watchesFirst && driver.at === "look" && driver.seen !== null ? { ...driver, isRung: true } : driver;
    };
    const next = { ...state, ...change };
    return { step, state: { ...next, drivers: next.drivers.map(ring) } };
  }

  function* memberSteps(state: ProposalModelState, i: number, lossesLeft: number): Generator<Next> {
    const member = state.members[i] as Member;
    const to = (label: string, change: Partial<Member>, isAnnounced = false): Next =>
      moved(`${i} ${label}`, state, {
        members: state.members.map((m, j) => (j === i ? { ...m, ...change } : m)),
        joins: state.joins + (isAnnounced ? 1 : 0),
      });
    const { presence, answer, version, life } = member;
    if (presence === "left") return;
    // Who is who makes no difference: they first come in one order.
    if (presence === "out" && state.members[i - 1]?.presence === "out") return;
    if (presence === "out" || presence === "lost") {
      const again: Partial<Member> = presence === "out" ? {} : { life: life + 1, version: 0, tries: false };
      yield to("comes", { presence: "half", ...again, ...(remembers ? {} : { answer: "none" }) }, !announcesLast);
      if (presence === "lost") yield to("leaves", { presence: "left" });
      return;
    }
    if (presence === "half") yield to("joins", { presence: "joined" }, announcesLast);
    if (!isThere(member)) return;
    yield to("leaves", { presence: "left" });
    if (lossesLeft > 0) yield to("loses its session", { presence: "lost", tries: false });
    if (!state.isPending) return;
    if (answer === "none") yield to("accepts", { answer: "accepts", version: version + 1 });
    if (answer !== "refuses") {
      yield to("refuses", { answer: "refuses", version: version + 1, hasRefused: !remembers, tries: false });
    }
    const isCanary = state.canaries?.includes(nameOf({ i, life })) === true;
    if (isCanary && answer === "accepts" && !member.tries) yield to("tries", { tries: true, version: version + 1 });
  }

  function* driverSteps(state: ProposalModelState, d: number): Generator<Next> {
    const driver = state.drivers[d] as Driver;
    const at = (change: Partial<Driver>) => state.drivers.map((one, j) => (j === d ? { ...one, ...change } : one));
    const to = (label: string, change: Partial<Driver>): Next => ({
      step: `driver ${d} ${label}`,
      state: { ...state, drivers: at(change) },
    });
    const { seen } = driver;
    if (driver.at === "look") {
      if (seen === null) {
        const { slot, canaries, root, isPending } = state;
        if (!isPending) yield to("sees that it is closed", { at: "over" });
        else if (root !== base) yield to("sees that it is outdated", { at: "over" });
        else yield to("reads the proposal", { seen: { slot, canaries, root, nodes: [] }, isRung: false });
      } else if (seen.joins === undefined) {
        yield to("reads the parent", { seen: { ...seen, joins: state.joins } });
      } else if (seen.names === undefined) {
        const names = state.members.flatMap((member, i) => (isThere(member) ? [i] : []));
        yield to("lists", { seen: { ...seen, names } });
      } else if (seen.names.length > 0) {
        const now = isLookSplit ? seen.names.slice(0, 1) : seen.names;
        const nodes = now.flatMap((i) => {
          const { life, version, answer, tries } = state.members[i] as Member;
          return isThere(state.members[i] as Member) ? [{ i, life, version, answer, tries }] : [];
        });
        const names = seen.names.slice(now.length);
        yield to(`reads ${now}`, { seen: { ...seen, names, nodes: [...seen.nodes, ...nodes] } });
      } else {
        yield to("decides", decide(seen, driver.isRung));
      }
    } else if (driver.at === "try out" && seen !== null) {
      const again: Partial<Driver> = { at: "look", seen: null, isRung: false };
      if (state.slot !== seen.slot) yield to("cannot have it tried out", again);
      else {
        const canaries = seen.nodes.slice(0, 1).map(nameOf);
        yield moved(
          `driver ${d} has it tried out`,
          { ...state, drivers: at(again) },
          { canaries, slot: state.slot + 1 },
        );
      }
    } else if (driver.at === "activate" && seen !== null) {
      if (!holds(state, seen)) yield to("is refused by the tree", { at: "look", seen: null, isRung: false });
      else {
        const change = { isPending: false, canaries: null, slot: state.slot + 1, root: state.root + 1 };
        const drivers = at({ at: "over", seen: null });
        yield moved(`driver ${d} activates`, { ...state, drivers }, { ...change, broken: wrongWith(state) });
      }
    }
  }

  function decide(seen: Seen, isRung: boolean): Partial<Driver> {
    const { verdict, notTrying } = standing(seen);
    if (verdict === "refused") return { at: "over", seen: null };
    if (verdict === "accepted" && isTried && seen.canaries === null) return { at: "try out", seen };
    if (verdict === "accepted" && notTrying.length === 0) return { at: "activate", seen };
    return { at: isRung ? "look" : "waiting", seen: null, isRung: false };
  }

  /** Whether the transaction of an activation goes through. */
  function holds(state: ProposalModelState, seen: Seen): boolean {
    if (seen.slot === nothingSeen.slot) return false;
    const isAsRead = ({ i, life, version }: SeenNode) => {
      const member = state.members[i] as Member;
      return isThere(member) && member.life === life && member.version === version;
    };
    return (
      (!checksRoot || state.root === seen.root) &&
      (!checksSlot || state.slot === seen.slot) &&
      (!checksJoins || state.joins === seen.joins) &&
      (!checksNodes || seen.nodes.every(isAsRead))
    );
  }

  /** What an activation in this state breaks. */
  function wrongWith({ members, root, isPending, canaries }: ProposalModelState): string | null {
    if (root !== base) return "an edit is lost";
    if (!isPending) return "activated although it was withdrawn";
    const isAlive = (name: string) => members.some((m, i) => isThere(m) && nameOf({ i, life: m.life }) === name);
    if (canaries?.some((name) => !isAlive(name))) return "activated although a canary has left";
    const against = members.findIndex(({ presence, answer }) => presence === "joined" && answer !== "accepts");
    if (against >= 0) return `activated without the consent of ${against}`;
    const refused = members.findIndex((member) => member.presence === "joined" && member.hasRefused);
    return refused < 0 ? null : `activated although ${refused} had refused`;
  }

  return {
    start: {
      members: Array.from({ length: rules.members }, () => ({
        presence: "out",
        answer: "none",
        version: 0,
        life: 0,
        tries: false,
        hasRefused: false,
      })),
      joins: 0,
      root: base,
      slot: 0,
      isPending: true,
      canaries: null,
      drivers: Array.from({ length: rules.drivers ?? 1 }, () => ({ at: "look", seen: null, isRung: false })),
      editsLeft: rules.edits ?? 0,
      withdrawalsLeft: rules.withdrawals ?? 0,
      broken: null,
    },
    *next(state) {
      for (const { step, state: next } of steps(state)) yield { step, state: canonical(withoutHope(next)) };
    },
    problem({ broken, drivers, members, isPending, root }, isFinal) {
      if (broken !== null) return broken;
      if (members.some(({ answer, tries }) => tries && answer !== "accepts")) return "tried out against its will";
      if (!isFinal || !isPending || root !== base) return undefined;
      return drivers.some(({ at }) => at === "waiting") ? "a driver waits for ever" : undefined;
    },
  };

  /** Of an activation that the tree will refuse nothing else matters. */
  function withoutHope(state: ProposalModelState): ProposalModelState {
    const isHopeless = ({ at, seen }: Driver) => at === "activate" && seen !== null && !holds(state, seen);
    const hopeless: Driver = { at: "activate", seen: nothingSeen, isRung: false };
    return { ...state, drivers: state.drivers.map((driver) => (isHopeless(driver) ? hopeless : driver)) };
  }

  function* steps(state: ProposalModelState): Generator<Next> {
    const losses = state.members.reduce((sum, { life, presence }) => sum + life + (presence === "lost" ? 1 : 0), 0);
    for (const i of state.members.keys()) yield* memberSteps(state, i, (rules.losses ?? 0) - losses);
    for (const d of state.drivers.keys()) yield* driverSteps(state, d);
    const { editsLeft, withdrawalsLeft, root, slot } = state;
    if (editsLeft > 0) yield moved("somebody edits", state, { root: root + 1, editsLeft: editsLeft - 1 });
    if (withdrawalsLeft > 0 && state.isPending) {
      const change = { isPending: false, canaries: null, slot: slot + 1, withdrawalsLeft: withdrawalsLeft - 1 };
      yield moved("somebody withdraws it", state, change);
    }
  }
}

/** Versions are compared with what was seen, and nothing else: of many states that differ in nothing else, one. */
function canonical(state: ProposalModelState): ProposalModelState {
  const seen = state.drivers.flatMap(({ seen: one }) => (one === null || one.slot < 0 ? [] : [one]));
  const lowest = (versions: readonly number[], now: number) =>
    versions.length === 0 ? now : Math.min(...versions, now);
  const joins = lowest(
    seen.flatMap((one) => one.joins ?? []),
    state.joins,
  );
  const slot = lowest(
    seen.map((one) => one.slot),
    state.slot,
  );
  const isGone = ({ presence }: Member) => presence === "left";
  const versions = state.members.map((member, i) => {
    const seenOfIt = seen.flatMap(({ nodes }) => nodes.filter((node) => node.i === i && node.life === member.life));
    return lowest(
      seenOfIt.map(({ version }) => version),
      member.version,
    );
  });
  const rebased = (node: SeenNode): SeenNode => {
    const isOfNow = state.members[node.i]?.life === node.life;
    return { ...node, version: isOfNow ? node.version - (versions[node.i] ?? 0) : 0 };
  };
  return {
    ...state,
    joins: state.joins - joins,
    slot: state.slot - slot,
    members: state.members.map((member, i) => {
      const version = member.version - (versions[i] ?? 0);
      return isGone(member)
        ? { ...member, answer: "none", tries: false, hasRefused: false, version }
        : { ...member, version };
    }),
    drivers: state.drivers.map((driver) => {
      if (driver.seen === null || driver.seen.slot < 0) return driver;
      const { joins: joinsSeen, slot: slotSeen, nodes } = driver.seen;
      return {
        ...driver,
        seen: {
          ...driver.seen,
          ...(joinsSeen === undefined ? {} : { joins: joinsSeen - joins }),
          slot: slotSeen - slot,
          nodes: nodes.map(rebased),
        },
      };
    }),
  };
}

function toSubscriber({ i, life, answer, tries }: SeenNode): Subscriber {
  const answers: Record<Member["answer"], Answer | undefined> = {
    none: undefined,
    accepts: { kind: "accepts", proposal: "p" },
    refuses: { kind: "refuses", proposal: "p", issues: [] },
  };
  return {
    name: nameOf({ i, life }),
    identity: `${i}`,
    version: 0,
    tries: tries ? "p" : undefined,
    answer: answers[answer],
  };
}
