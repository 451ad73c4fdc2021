/** Two-phase commit: several participants all carry something out, or none does. */
export * from "./decide.ts";
