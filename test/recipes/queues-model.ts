/**
 * Consumers of a queue as the code runs them: list the claims, list the items, read one, claim it; when there is none stand
 * in line, and watch both lists as the first. Reads and writes are steps of their own, so that anybody can come in between;
 * a consumer may die at any step, and somebody may delete a claim by hand.
 */
import { chooseItems, decideTurn, isSpent, type QueueView, waitingItems } from "@corral/queues";
import type { Model } from "../support/explore.ts";

interface Entry {
  readonly name: string;
  /** Which of the items that were put it is, however often it was put back. */
  readonly item: number;
  readonly version: number;
  /** Deliveries under earlier names. */
  readonly earlier: number;
}

/** Where a consumer stands. `lead`: it is the first in line; then `rung` says that what it has listed has changed. */
type Phase =
  | { readonly at: "idle" }
  | { readonly at: "line" }
  | { readonly at: "line watch" | "line waiting"; readonly on: string }
  | { readonly at: "look"; readonly lead: boolean }
  | { readonly at: "listed"; readonly lead: boolean; readonly taken: readonly string[]; readonly rung: boolean }
  | { readonly at: "try"; readonly lead: boolean; readonly names: readonly string[]; readonly rung: boolean }
  | {
      readonly at: "read";
      readonly lead: boolean;
      readonly names: readonly string[];
      readonly rung: boolean;
      readonly entry: Entry;
    }
  | { readonly at: "waiting" }
  | { readonly at: "working"; readonly entry: Entry }
  | { readonly at: "dead" };

export interface QueueState {
  readonly entries: readonly Entry[];
  /** The claimed item's name, and whose claim it is. */
  readonly claims: readonly { readonly name: string; readonly by: number }[];
  readonly tickets: readonly string[];
  readonly phases: readonly Phase[];
  readonly nextItem: number;
  readonly nextName: number;
  readonly nextTicket: number;
  readonly done: readonly number[];
  readonly dead: readonly number[];
  readonly deliveries: readonly number[];
  readonly deaths: number;
  readonly thefts: number;
  /** What the last step broke. */
  readonly broken: string | null;
}

export interface QueueRules {
  readonly consumers: number;
  readonly items: number;
  readonly maxDeliveries: number;
  /** How many consumers may die, and how many claims may be deleted by hand. */
  readonly deaths: number;
  readonly thefts: number;
  /** What a consumer does with an item besides acknowledging it. */
  readonly ends?: readonly ("release" | "requeue")[];
  /** As shipped, or something else to see what the model finds. */
  readonly acknowledgesByVersion?: boolean;
  readonly watchesClaims?: boolean;
  readonly standsInLine?: boolean;
  readonly countsOn?: boolean;
}

const choose = (view: Pick<QueueView, "entries" | "taken">) =>
  chooseItems(waitingItems(view), "fifo", 0).ready.map(({ name }) => name);

export function queueModel(rules: QueueRules): Model<QueueState> {
  const { acknowledgesByVersion = true, watchesClaims = true, standsInLine = true, countsOn = true } = rules;
  const { ends = ["release"] } = rules;
  const ids = Array.from({ length: rules.consumers }, (_, i) => i);

  const to = (state: QueueState, c: number, phase: Phase): QueueState => ({
    ...state,
    phases: state.phases.map((p, i) => (i === c ? phase : p)),
  });
  const ring = (state: QueueState): QueueState => ({
    ...state,
    phases: state.phases.map((p): Phase => {
      if (p.at === "waiting") return { at: "look", lead: true };
      return "rung" in p && p.lead ? { ...p, rung: true } : p;
    }),
  });
  const withEntries = (state: QueueState, entries: readonly Entry[]): QueueState => {
    const names = (list: readonly Entry[]) => list.map(({ name }) => name).join();
    const changed = names(entries) !== names(state.entries);
    return changed ? ring({ ...state, entries }) : { ...state, entries };
  };
  const withClaims = (state: QueueState, claims: QueueState["claims"]): QueueState =>
    watchesClaims ? ring({ ...state, claims }) : { ...state, claims };
  const ticketOf = (c: number) => `_c_${c}-turn-`;
  const withoutTicket = (state: QueueState, c: number): QueueState => {
    const own = state.tickets.find((name) => name.startsWith(ticketOf(c)));
    if (own === undefined) return state;
    return {
      ...state,
      tickets: state.tickets.filter((name) => name !== own),
      phases: state.phases.map((p): Phase => (p.at === "line waiting" && p.on === own ? { at: "line" } : p)),
    };
  };
  const nameOf = (n: number) => `queue-${String(n).padStart(10, "0")}`;

  /** The transaction that ends a delivery; `undefined`: it is refused. */
  function end(state: QueueState, { name, version }: Entry): QueueState | undefined {
    const there = state.entries.find((entry) => entry.name === name);
    if (there === undefined || (acknowledgesByVersion && there.version !== version)) return undefined;
    if (!state.claims.some((claim) => claim.name === name)) return undefined;
    const broken = there.version !== version ? `item ${there.item} was ended by an earlier delivery` : state.broken;
    return {
      ...withClaims(
        state,
        state.claims.filter((claim) => claim.name !== name),
      ),
      broken,
    };
  }

  function* work(state: QueueState, c: number, entry: Entry): Generator<{ step: string; state: QueueState }> {
    const idle = to(state, c, { at: "idle" });
    const ended = end(idle, entry);
    const rest = idle.entries.filter(({ name }) => name !== entry.name);
    const said = ended === undefined ? "in vain" : "";
    const done = ended && { ...withEntries(ended, rest), done: [...ended.done, entry.item].sort() };
    yield { step: `${c} acknowledges ${entry.name} ${said}`, state: done ?? idle };
    const deliveries = entry.earlier + entry.version;
    const isLast = isSpent(deliveries, rules.maxDeliveries);
    const dead = ended && { ...withEntries(ended, rest), dead: [...ended.dead, entry.item].sort() };
    if (ends.includes("release")) {
      yield { step: `${c} gives back ${entry.name} ${said}`, state: (isLast ? dead : ended) ?? idle };
    }
    if (ends.includes("requeue")) {
      const again: Entry = {
        name: nameOf(idle.nextName),
        item: entry.item,
        version: 0,
        earlier: countsOn ? deliveries : 0,
      };
      const requeued = ended && { ...withEntries(ended, [...rest, again]), nextName: idle.nextName + 1 };
      yield { step: `${c} puts back ${entry.name} ${said}`, state: (isLast ? dead : requeued) ?? idle };
    }
  }

  function* stepsOf(state: QueueState, c: number): Generator<{ step: string; state: QueueState }> {
    const phase = state.phases[c] as Phase;
    switch (phase.at) {
      case "dead":
      case "waiting":
      case "line waiting":
        return;
      case "idle":
        yield { step: `${c} begins to take`, state: to(state, c, { at: "look", lead: false }) };
        return;
      case "line": {
        const own = state.tickets.find((name) => name.startsWith(ticketOf(c))) ?? "";
        const decision = decideTurn(state.tickets, own);
        const then: Phase =
          decision.kind === "granted" ? { at: "look", lead: true } : { at: "line watch", on: decision.on };
        yield { step: `${c} looks at the line: ${then.at}`, state: to(state, c, then) };
        return;
      }
      case "line watch": {
        const then: Phase = state.tickets.includes(phase.on) ? { at: "line waiting", on: phase.on } : { at: "line" };
        yield { step: `${c} watches ${phase.on}`, state: to(state, c, then) };
        return;
      }
      case "look": {
        const taken = state.claims.map(({ name }) => name);
        const listed: Phase = { at: "listed", lead: phase.lead, taken, rung: false };
        yield { step: `${c} lists the claims`, state: to(state, c, listed) };
        return;
      }
      case "listed": {
        const entries = state.entries.map(({ name }) => name);
        const names = choose({ entries, taken: phase.taken });
        yield { step: `${c} lists the items: ${names}`, state: to(state, c, { ...phase, at: "try", names }) };
        return;
      }
      case "try": {
        const [name, ...names] = phase.names;
        if (name !== undefined) {
          const entry = state.entries.find((one) => one.name === name);
          const then: Phase = entry === undefined ? { ...phase, names } : { ...phase, at: "read", names, entry };
          yield { step: `${c} reads ${name}`, state: to(state, c, then) };
        } else if (phase.lead) {
          const then: Phase = phase.rung ? { at: "look", lead: true } : { at: "waiting" };
          yield { step: `${c} waits`, state: to(state, c, then) };
        } else if (!standsInLine) {
          yield { step: `${c} waits`, state: to(state, c, { at: "waiting" }) };
        } else {
          const ticket = `${ticketOf(c)}${String(state.nextTicket).padStart(10, "0")}`;
          const inLine = { ...to(state, c, { at: "line" }), tickets: [...state.tickets, ticket] };
          yield { step: `${c} stands in line`, state: { ...inLine, nextTicket: state.nextTicket + 1 } };
        }
        return;
      }
      case "read": {
        const { entry } = phase;
        const { lead, names, rung } = phase;
        const there = state.entries.find(({ name }) => name === entry.name);
        const isFree = !state.claims.some(({ name }) => name === entry.name);
        const next: Phase = { at: "try", lead, names, rung };
        if (there?.version !== entry.version || !isFree) {
          yield { step: `${c} claims ${entry.name} in vain`, state: to(state, c, next) };
          return;
        }
        const rest = state.entries.filter(({ name }) => name !== entry.name);
        if (isSpent(entry.earlier + entry.version, rules.maxDeliveries)) {
          const buried = withEntries(to(state, c, next), rest);
          yield {
            step: `${c} gives up ${entry.name}`,
            state: { ...buried, dead: [...buried.dead, entry.item].sort() },
          };
          return;
        }
        const claimed: Entry = { ...entry, version: entry.version + 1 };
        const working = withoutTicket(to(state, c, { at: "working", entry: claimed }), c);
        const entries = state.entries.map((one) => (one.name === entry.name ? claimed : one));
        const claims = [...state.claims, { name: entry.name, by: c }];
        const deliveries = state.deliveries.map((n, item) => (item === entry.item ? n + 1 : n));
        yield {
          step: `${c} claims ${entry.name}`,
          state: { ...withClaims({ ...working, entries }, claims), deliveries },
        };
        return;
      }
      case "working":
        yield* work(state, c, phase.entry);
    }
  }

  return {
    start: {
      entries: [],
      claims: [],
      tickets: [],
      phases: ids.map(() => ({ at: "idle" })),
      nextItem: 0,
      nextName: 0,
      nextTicket: 0,
      done: [],
      dead: [],
      deliveries: Array.from({ length: rules.items }, () => 0),
      deaths: 0,
      thefts: 0,
      broken: null,
    },
    *next(state) {
      if (state.nextItem < rules.items) {
        const entry: Entry = { name: nameOf(state.nextName), item: state.nextItem, version: 0, earlier: 0 };
        const put = withEntries(state, [...state.entries, entry]);
        yield {
          step: `item ${entry.item} is put`,
          state: { ...put, nextItem: put.nextItem + 1, nextName: put.nextName + 1 },
        };
      }
      for (const c of ids) {
        yield* stepsOf(state, c);
        if (state.phases[c]?.at === "dead" || state.deaths === rules.deaths) continue;
        const gone = withoutTicket(to(state, c, { at: "dead" }), c);
        const left = gone.claims.filter(({ by }) => by !== c);
        const dead = left.length < gone.claims.length ? withClaims(gone, left) : gone;
        yield { step: `${c} dies`, state: { ...dead, deaths: state.deaths + 1 } };
      }
      if (state.thefts < rules.thefts) {
        for (const { name } of state.claims) {
          const stolen = withClaims(
            state,
            state.claims.filter((claim) => claim.name !== name),
          );
          yield { step: `the claim of ${name} is deleted`, state: { ...stolen, thefts: state.thefts + 1 } };
        }
      }
    },
    problem(state, isFinal) {
      if (state.broken !== null) return state.broken;
      const places = [...state.entries.map(({ item }) => item), ...state.done, ...state.dead];
      if (new Set(places).size !== places.length) return "an item is in two places";
      if (places.length !== state.nextItem) return "an item is nowhere";
      const tooOften = state.deliveries.findIndex((n) => n > rules.maxDeliveries);
      if (tooOften >= 0) return `item ${tooOften} was delivered too often`;
      const early = state.dead.find((item) => (state.deliveries[item] ?? 0) < rules.maxDeliveries);
      if (early !== undefined) return `item ${early} was given up too early`;
      const leaders = state.phases.filter((p) => p.at === "waiting" || ("lead" in p && p.lead)).length;
      if (leaders > 1) return `${leaders} watch the queue`;
      const living = state.phases.some((p) => p.at !== "dead");
      if (isFinal && living && state.entries.length > 0) return "everybody waits, and there is something";
      return undefined;
    },
  };
}
