/** What the surroundings of a process tell it. */
export interface Environment {
  /** The value of an environment variable; `undefined` if it is not set, or empty. */
  get(name: string): string | undefined;
}

/** An environment that also tells what is in it. */
export interface ListedEnvironment extends Environment {
  /** The names of all variables that are set. */
  names(): readonly string[];
}
