/** The process's own environment behind the port. */
import type { ListedEnvironment } from "../ports/environment.ts";

/** Looks at the variables when it is asked for them. */
export const nodeEnvironment: ListedEnvironment = {
  get: (name) => process.env[name] || undefined,
  names: () => Object.keys(process.env),
};
