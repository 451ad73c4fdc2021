/** What somebody may have meant who wrote a name that there is not. */

/**
 * The one of `names` that is written most like `name`, whatever the case; undefined if none is like it. `names` of equal
 * likeness: the first.
 */
export function nearestName(name: string, names: Iterable<string>): string | undefined {
  // A third of the letters may be wrong.
  let best: { readonly name: string; readonly distance: number } = {
    name: "",
    distance: Math.ceil(name.length / 3) + 1,
  };
  for (const candidate of names) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < best.distance) best = { name: candidate, distance };
  }
  return best.name || undefined;
}

/** How many letters must be added, taken out or changed to make `b` of `a`. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(changed, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    above = row;
  }
  return above[b.length] ?? 0;
}
