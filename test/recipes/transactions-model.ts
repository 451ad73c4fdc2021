/**
 * A two-phase commit as the code runs it: everybody looks, decides by what was seen, and writes what follows from that if
 * it still does. Looks and writes are steps of their own, so that anybody can come in between; a prepare takes its time;
 * and coordinator and participants may die at any step, with or without coming back.
 *
 * A reply that is lost is no case of its own: after every write its writer looks again, whatever it was told.
 */
import {
  blank,
  type Decision,
  decideOutcome,
  decideStep,
  type Memory,
  type TransactionView,
  type Vote,
} from "@corral/transactions";
import type { Model } from "../support/explore.ts";

/** Where a participant stands. `votes`: has read that nothing is decided yet, and must read the votes. */
type Phase = "look" | "votes" | "waiting" | `vote ${Vote}` | `decide ${Decision}` | "over" | "down";

/** A participant: its node in the tree, what it knows, and what has become of its part. */
interface Party {
  readonly vote: Vote | "none";
  readonly phase: Phase;
  readonly memory: Memory;
  /** Survives everything. */
  readonly effect: "none" | "prepared" | Decision;
}

/** The coordinator knows no more than any onlooker, once it has begun. */
type Coordinator = "begin" | "look" | "votes" | "waiting" | `decide ${Decision}` | "over" | "down";

export interface TransactionState {
  readonly decision: Decision | "undecided" | "not begun";
  readonly coordinator: Coordinator;
  readonly coordinatorIsOverdue: boolean;
  /** Each a Party as JSON, in the order of the texts: who is who makes no difference. */
  readonly parties: readonly string[];
  /** What the last step broke. */
  readonly broken?: string;
}

export interface TransactionRules {
  readonly participants: number;
  /** Whether anybody may die, at any step and as often as it comes back. */
  readonly mayDie: boolean;
  /** Whether who has crashed comes back, without its memory. */
  readonly comeBack: boolean;
  /** Whether the decision and the votes are read in two steps, as shipped, or, to have fewer states, in one. */
  readonly isLookSplit: boolean;
  /** As shipped, or something else to see what the model finds. */
  readonly step?: typeof decideStep;
  /** Whether a decision is written only where there is none, as shipped. */
  readonly once?: boolean;
  /** Whether there is an end to waiting, as shipped. */
  readonly isTimed?: boolean;
}

interface Next {
  readonly step: string;
  readonly state: TransactionState;
}

const parsed = new Map<string, Party>();

function party(text: string): Party {
  const known = parsed.get(text) ?? (JSON.parse(text) as Party);
  parsed.set(text, known);
  return known;
}

const numbers = new Map<string, number>();

/** Each text has a number: short keys are what it takes to have many states. */
function numberOf(text: string): number {
  const known = numbers.get(text) ?? numbers.size;
  numbers.set(text, known);
  return known;
}

const isDecided = ({ decision }: TransactionState) => decision === "commit" || decision === "abort";
const decisionIn = (phase: `decide ${Decision}`) => phase.slice("decide ".length) as Decision;

export function transactionModel(rules: TransactionRules): Model<TransactionState> {
  const { participants: count, step = decideStep, once = true, isTimed = true } = rules;
  const names = Array.from({ length: count }, (_, i) => `p${i}`);

  const withParty = (state: TransactionState, i: number, changed: Party): TransactionState => ({
    ...state,
    parties: state.parties.map((text, j) => (j === i ? JSON.stringify(changed) : text)).sort(),
  });

  function viewOf({ parties }: TransactionState, decision?: Decision): TransactionView {
    const votes: Record<string, Vote> = {};
    for (const [i, text] of parties.entries()) {
      const { vote } = party(text);
      if (vote !== "none") votes[names[i] as string] = vote;
    }
    return { participants: names, decision, votes };
  }

  /** Everybody who waits is woken. */
  function decided(state: TransactionState, decision: Decision): TransactionState {
    if (once && state.decision !== "undecided") return state;
    const parties = state.parties.map(party);
    let broken: string | undefined;
    if (decision === "commit" && parties.some(({ vote }) => vote !== "commit")) broken = "commit without all votes";
    else if (state.decision !== "undecided" && state.decision !== decision) broken = "the decision was changed";
    return {
      ...state,
      decision,
      ...(broken !== undefined && { broken }),
      coordinator: state.coordinator === "waiting" ? "look" : state.coordinator,
      parties: parties.map((p) => JSON.stringify(p.phase === "waiting" ? { ...p, phase: "look" } : p)).sort(),
    };
  }

  function* partySteps(state: TransactionState, i: number): Generator<Next> {
    const own = party(state.parties[i] as string);
    const { phase, memory } = own;
    const to = (label: string, change: Partial<Omit<Party, "memory">>, remembered: Partial<Memory> = {}): Next => ({
      step: `${names[i]} ${label}`,
      state: withParty(state, i, { ...own, ...change, memory: { ...memory, ...remembered } }),
    });
    const breaks = (next: Next, broken: string): Next => ({ ...next, state: { ...next.state, broken } });
    /** Who waits has left a watch with what it read: what was decided since has fired it. */
    const waits = (read: Decision | undefined): Phase => (read === undefined && isDecided(state) ? "look" : "waiting");

    if (phase === "over") return;
    if (phase === "down") {
      if (rules.comeBack) yield to("comes back", { phase: "look" });
      return;
    }
    if (rules.mayDie && state.decision !== "not begun") yield to("dies", { phase: "down" }, blank);
    if (memory.prepared === "running") {
      const woken = phase === "waiting" ? "look" : phase;
      const effect = own.effect === "none" ? "prepared" : own.effect;
      yield to("can commit", { phase: woken, effect }, { prepared: "commit" });
      yield to("cannot commit", { phase: woken }, { prepared: "abort" });
    }
    switch (phase) {
      case "waiting":
        if (isTimed && !memory.isOverdue && !isDecided(state)) {
          yield to("has waited enough", { phase: "look" }, { isOverdue: true });
        }
        return;
      case "look":
        if (state.decision === "not begun") return;
        if (!isDecided(state) && rules.isLookSplit) {
          yield to("reads that it is undecided", { phase: "votes" });
          return;
        }
        break;
      case "votes":
        break;
      case "vote commit":
      case "vote abort": {
        // One transaction with a check that nothing is decided; a vote to abort decides in the same one.
        const vote = phase === "vote commit" ? "commit" : "abort";
        const fits = state.decision === "undecided" && own.vote === "none";
        const voted = to(`votes ${vote}`, fits ? { vote, phase: "look" } : { phase: "look" });
        yield fits && vote === "abort" ? { ...voted, state: decided(voted.state, vote) } : voted;
        return;
      }
      default: {
        const moved = to(`writes ${phase}`, { phase: "look" });
        yield { ...moved, state: decided(moved.state, decisionIn(phase)) };
        return;
      }
    }
    const read = phase === "look" && isDecided(state) ? (state.decision as Decision) : undefined;
    const next = step(viewOf(state, read), names[i] as string, memory);
    switch (next.kind) {
      case "prepare":
        yield to("begins to prepare", { phase: waits(read) }, { prepared: "running" });
        return;
      case "vote":
        yield to(`will vote ${next.vote}`, { phase: `vote ${next.vote}` });
        return;
      case "decide":
        yield to(`will decide ${next.decision}`, { phase: `decide ${next.decision}` });
        return;
      case "wait":
        yield to("waits", { phase: waits(read) });
        return;
      case "carry out": {
        const { decision } = next;
        const done = to(`carries out ${decision}`, { effect: decision, phase: "look" }, { isCarriedOut: true });
        if (decision === "commit" && own.effect === "none") yield breaks(done, "it was not prepared");
        else if (own.effect !== "none" && own.effect !== "prepared" && own.effect !== decision) {
          yield breaks(done, "it was carried out both ways");
        } else yield done;
        return;
      }
      case "acknowledge":
        yield to("acknowledges", { phase: "over" });
    }
  }

  function* coordinatorSteps(state: TransactionState): Generator<Next> {
    const { coordinator } = state;
    const to = (label: string, change: Partial<TransactionState>): Next => ({
      step: `coordinator ${label}`,
      state: { ...state, ...change },
    });
    const look = (): Next => {
      const outcome = decideOutcome(viewOf(state), state.coordinatorIsOverdue);
      const stale: Coordinator = isDecided(state) ? "look" : "waiting";
      return to("reads the votes", { coordinator: outcome === undefined ? stale : `decide ${outcome}` });
    };
    if (coordinator === "over" || coordinator === "down") return;
    if (rules.mayDie) yield to("dies", { coordinator: "down" });
    switch (coordinator) {
      case "begin":
        yield to("begins", { coordinator: "look", decision: "undecided" });
        return;
      case "look":
        if (isDecided(state)) yield to("reads the decision", { coordinator: "over" });
        else if (rules.isLookSplit) yield to("reads that it is undecided", { coordinator: "votes" });
        else yield look();
        return;
      case "votes":
        yield look();
        return;
      case "waiting":
        if (isTimed && !state.coordinatorIsOverdue && !isDecided(state)) {
          yield to("has waited enough", { coordinator: "look", coordinatorIsOverdue: true });
        }
        return;
      default: {
        const moved = to(`writes ${coordinator}`, { coordinator: "look" });
        yield { ...moved, state: decided(moved.state, decisionIn(coordinator)) };
      }
    }
  }

  function* steps(state: TransactionState): Generator<Next> {
    const seen = new Set<string>();
    for (const [i, text] of state.parties.entries()) {
      // Two who are alike can do alike.
      if (!seen.has(text)) yield* partySteps(state, i);
      seen.add(text);
    }
    yield* coordinatorSteps(state);
  }

  const outsider: Party = { vote: "none", phase: "look", memory: blank, effect: "none" };
  return {
    start: {
      decision: "not begun",
      coordinator: "begin",
      coordinatorIsOverdue: false,
      parties: names.map(() => JSON.stringify(outsider)),
    },
    next: steps,
    key: ({ decision, coordinator, coordinatorIsOverdue, parties, broken = "" }) =>
      `${decision},${coordinator},${coordinatorIsOverdue},${parties.map(numberOf).join()},${broken}`,
    problem(state, _isFinal, labels) {
      if (state.broken !== undefined) return state.broken;
      const parties = state.parties.map(party);
      const has = (effect: Decision) => parties.some((p) => p.effect === effect);
      if (has("commit") && has("abort")) return "one committed and another aborted";
      if (state.decision === "not begun" || parties.every(({ phase }) => phase === "over")) return undefined;
      const isOpen = parties.some(({ phase }) => phase !== "over" && phase !== "down");
      // Nothing happens any more unless somebody dies or comes back.
      const isQuiet = labels.every((label) => / (dies|comes back)$/.test(label));
      return isOpen && isQuiet ? "somebody alive is stuck" : undefined;
    },
  };
}
