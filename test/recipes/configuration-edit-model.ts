/**
 * Editors of a configuration as the code runs them: read what is stored, list the history, write the next version and its
 * record in one transaction from the version that was read; and something else that writes without a record.
 */
import { planHistory } from "@corral/configuration";
import type { Model } from "../support/explore.ts";

/** What is stored is the number of edits that it is made of. */
interface Version {
  readonly version: number;
  readonly value: number;
}

interface Editor {
  readonly at: "read" | "list" | "write";
  readonly seen: Version | null;
  readonly kept: readonly number[];
  readonly left: number;
}

export interface EditModelState {
  readonly root: Version;
  /** In the order of versions. */
  readonly history: readonly Version[];
  readonly editors: readonly Editor[];
  readonly outsideLeft: number;
  /** Writes that went through. */
  readonly writes: number;
  readonly broken: string | null;
}

export interface EditRules {
  readonly editors: number;
  readonly edits: number;
  readonly outside?: number;
  readonly keep: number;
  /** Whether an edit is from the version that was read, as shipped. */
  readonly checksVersion?: boolean;
  /** As shipped, or something else to see what the model finds. */
  readonly plans?: typeof planHistory;
}

type Next = { readonly step: string; readonly state: EditModelState };

export function editModel(rules: EditRules): Model<EditModelState> {
  const { checksVersion = true, plans = planHistory, keep } = rules;

  function editorStep(state: EditModelState, e: number): Next | undefined {
    const editor = state.editors[e] as Editor;
    const { root, history } = state;
    const to = (label: string, change: Partial<Editor>, others: Partial<EditModelState> = {}): Next => ({
      step: `editor ${e} ${label}`,
      state: { ...state, ...others, editors: state.editors.map((one, i) => (i === e ? { ...one, ...change } : one)) },
    });
    if (editor.left === 0) return undefined;
    if (editor.at === "read") return to("reads", { at: "list", seen: root });
    if (editor.at === "list") return to("lists", { at: "write", kept: history.map(({ version }) => version) });
    const seen = editor.seen as Version;
    const { addsReplaced, forgotten } = plans({ kept: editor.kept, replaced: seen.version, keep });
    const has = (version: number) => history.some((one) => one.version === version);
    const next: Version = { version: root.version + 1, value: seen.value + 1 };
    const added = addsReplaced ? [seen, next] : [next];
    const isSound =
      (!checksVersion || root.version === seen.version) &&
      added.every(({ version }) => !has(version)) &&
      forgotten.every(has);
    if (!isSound) return to("is refused", { at: "read", seen: null, kept: [] });
    const left = [...history, ...added].filter(({ version }) => !forgotten.includes(version));
    const after = left.sort((a, b) => a.version - b.version);
    const change = { at: "read", seen: null, kept: [], left: editor.left - 1 } as const;
    const broken = wrongWith(after, next);
    return to("writes", change, { root: next, history: after, writes: state.writes + 1, broken });
  }

  /** What is wrong with the history just after the version `made`. */
  function wrongWith(history: readonly Version[], made: Version): string | null {
    const versions = history.map(({ version }) => version);
    if (versions.length > keep) return "too much is kept";
    if (!versions.includes(made.version)) return "a version is not kept";
    return versions.includes(made.version - 1) ? null : "there is no way back";
  }

  return {
    start: {
      root: { version: 0, value: 0 },
      history: [],
      editors: Array.from({ length: rules.editors }, () => ({ at: "read", seen: null, kept: [], left: rules.edits })),
      outsideLeft: rules.outside ?? 0,
      writes: 0,
      broken: null,
    },
    *next(state) {
      for (const e of state.editors.keys()) {
        const next = editorStep(state, e);
        if (next !== undefined) yield next;
      }
      if (state.outsideLeft === 0) return;
      const root = { version: state.root.version + 1, value: state.root.value + 1 };
      const change = { root, outsideLeft: state.outsideLeft - 1, writes: state.writes + 1 };
      yield { step: "something else writes", state: { ...state, ...change } };
    },
    problem({ root, history, writes, broken, editors }, isFinal) {
      if (root.value !== writes) return "an edit is lost";
      // Each write adds one, and makes one version.
      if (history.some(({ version, value }) => version !== value)) return "the history is wrong";
      if (broken !== null) return broken;
      return isFinal && editors.some(({ left }) => left > 0) ? "an edit is never made" : undefined;
    },
  };
}
