/** Which texts are looked up in maps and sets: what grows with them can be counted, which is surer than to take the time. */

/** The texts that `run` looks up, one after the other. */
export function looksUp(run: () => void): string[] {
  const texts: string[] = [];
  const { get, has } = Map.prototype;
  const hasInSet = Set.prototype.has;
  const note = (key: unknown): void => {
    if (typeof key === "string") texts.push(key);
  };
  Map.prototype.get = function (this: Map<unknown, unknown>, key: unknown) {
    note(key);
    return get.call(this, key);
  };
  Map.prototype.has = function (this: Map<unknown, unknown>, key: unknown) {
    note(key);
    return has.call(this, key);
  };
  Set.prototype.has = function (this: Set<unknown>, key: unknown) {
    note(key);
    return hasInSet.call(this, key);
  };
  try {
    run();
  } finally {
    Object.assign(Map.prototype, { get, has });
    Set.prototype.has = hasInSet;
  }
  return texts;
}
