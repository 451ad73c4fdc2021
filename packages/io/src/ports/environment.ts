/** What the surroundings of a process tell it. */
export interface Environment {
  /** The value of an environment variable; `undefined` if it is not set, or empty. */
  get(name: string): string | undefined;
}
