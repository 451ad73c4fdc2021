/** The process's own environment behind the port. */
import type { Environment } from "../ports/environment.ts";

/** Looks at the variable when it is asked for. */
export const nodeEnvironment: Environment = {
  get: (name) => process.env[name] || undefined,
};
