/**
 * A proposal among subscribers who come, answer, change their minds and leave, and a driver that looks and activates:
 * looks and writes are steps of their own, so that anybody can come in between.
 */
import { type Answer, judge, type Subscriber } from "@corral/configuration";
import type { Model } from "../support/explore.ts";

/** `created`: its node is there, and not everybody can know it yet. `joined`: it has moved the version of the parent. */
type Presence = "out" | "created" | "joined" | "left";

interface Member {
  readonly presence: Presence;
  readonly answer: "none" | "accepts" | "refuses";
  /** Version of its node. */
  readonly version: number;
}

/** What the driver has read: the parent's version, then the nodes. */
interface Seen {
  readonly joins: number;
  readonly nodes?: readonly { readonly i: number; readonly answer: Member["answer"]; readonly version: number }[];
}

export interface ProposalModelState {
  readonly members: readonly Member[];
  /** Version of their parent. */
  readonly joins: number;
  readonly driver: "look" | "write" | "activated" | "refused";
  readonly seen: Seen | null;
  readonly broken: string | null;
}

export interface ProposalRules {
  readonly members: number;
  /** Whether the activation checks that nobody has joined, as shipped. */
  readonly checksJoins?: boolean;
  /** Whether it checks that everybody's node is as it was read, as shipped. */
  readonly checksNodes?: boolean;
  /** Whether who joins moves the parent's version after it has made its node, as shipped, or before. */
  readonly joinsLast?: boolean;
}

const proposal = { id: "p", canaries: undefined };

export function proposalModel(rules: ProposalRules): Model<ProposalModelState> {
  const { checksJoins = true, checksNodes = true, joinsLast = true } = rules;
  const isThere = ({ presence }: Member) => presence === "created" || presence === "joined";

  function toSubscriber(i: number, answer: Member["answer"]): Subscriber {
    const answers: Record<Member["answer"], Answer | undefined> = {
      none: undefined,
      accepts: { kind: "accepts", proposal: "p" },
      refuses: { kind: "refuses", proposal: "p", issues: [] },
    };
    return { name: `${i}`, identity: `${i}`, version: 0, tries: undefined, answer: answers[answer] };
  }

  type Next = { readonly step: string; readonly state: ProposalModelState };

  function* memberSteps(state: ProposalModelState, i: number): Generator<Next> {
    const member = state.members[i] as Member;
    const to = (label: string, change: Partial<Member>, joins = state.joins): Next => ({
      step: `${i} ${label}`,
      state: { ...state, joins, members: state.members.map((m, j) => (j === i ? { ...m, ...change } : m)) },
    });
    if (member.presence === "out") {
      // The wrong way round, the version tells of a node that is not there yet.
      yield to("comes", { presence: "created" }, joinsLast ? state.joins : state.joins + 1);
      return;
    }
    if (!isThere(member)) return;
    yield to("leaves", { presence: "left" });
    if (member.presence === "created") {
      yield to("joins", { presence: "joined" }, joinsLast ? state.joins + 1 : state.joins);
    }
    const { version } = member;
    if (member.answer === "none") yield to("accepts", { answer: "accepts", version: version + 1 });
    if (member.answer !== "refuses") yield to("refuses", { answer: "refuses", version: version + 1 });
  }

  function* driverSteps(state: ProposalModelState): Generator<Next> {
    const { driver, seen, members, joins } = state;
    const to = (label: string, change: Partial<ProposalModelState>): Next => ({
      step: `driver ${label}`,
      state: { ...state, ...change },
    });
    if (driver === "look" && seen === null) yield to("reads the parent", { seen: { joins } });
    else if (driver === "look" && seen !== null) {
      const nodes = members.flatMap((m, i) => (isThere(m) ? [{ i, answer: m.answer, version: m.version }] : []));
      const { verdict } = judge(
        proposal,
        nodes.map(({ i, answer }) => toSubscriber(i, answer)),
      );
      if (verdict === "accepted") yield to("sees consent", { driver: "write", seen: { ...seen, nodes } });
      else if (verdict === "refused") yield to("sees a refusal", { driver: "refused", seen: null });
      else yield to("sees that it must wait", { seen: null });
    } else if (driver === "write" && seen !== null) {
      const isAsRead = ({ i, version }: { readonly i: number; readonly version: number }) => {
        const member = members[i] as Member;
        return isThere(member) && member.version === version;
      };
      const joinsHold = !checksJoins || joins === seen.joins;
      const nodesHold = !checksNodes || (seen.nodes ?? []).every(isAsRead);
      if (!joinsHold || !nodesHold) {
        yield to("is refused by the tree", { driver: "look", seen: null });
        return;
      }
      const against = members.findIndex(({ presence, answer }) => presence === "joined" && answer !== "accepts");
      const broken = against < 0 ? null : `activated without the consent of ${against}`;
      yield to("activates", { driver: "activated", seen: null, broken });
    }
  }

  return {
    start: {
      members: Array.from({ length: rules.members }, () => ({ presence: "out", answer: "none", version: 0 })),
      joins: 0,
      driver: "look",
      seen: null,
      broken: null,
    },
    *next(state) {
      for (const i of state.members.keys()) yield* memberSteps(state, i);
      yield* driverSteps(state);
    },
    problem(state) {
      return state.broken ?? undefined;
    },
  };
}
