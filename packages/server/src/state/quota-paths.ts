/**
 * Which paths have a quota, name by name from the root: so the nearest at or above a path is found by looking at each of its
 * names once at most, and at none where there is no quota. Looked for by path it would take as much text as the path has, again for
 * each name: too long for every write of a node that somebody has put far down.
 */

interface Place {
  /** The name is a copy: one cut out of a path would keep all of that in memory. */
  readonly below: Map<string, Place>;
  hasQuota: boolean;
}

/** See the head of this file. */
export class QuotaPaths {
  readonly #root: Place = newPlace();

  add(path: string): void {
    let place = this.#root;
    for (const name of namesOf(path)) {
      let next = place.below.get(name);
      if (next === undefined) {
        next = newPlace();
        place.below.set(Buffer.from(name, "utf16le").toString("utf16le"), next);
      }
      place = next;
    }
    place.hasQuota = true;
  }

  delete(path: string): void {
    const steps: { readonly from: Place; readonly name: string }[] = [];
    let place = this.#root;
    for (const name of namesOf(path)) {
      const next = place.below.get(name);
      if (next === undefined) return;
      steps.push({ from: place, name });
      place = next;
    }
    place.hasQuota = false;
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
      if (place.hasQuota || place.below.size > 0) return;
      step.from.below.delete(step.name);
      place = step.from;
    }
  }

  /** The nearest path at or above `path` that has a quota. */
  above(path: string): string | undefined {
    let place: Place | undefined = this.#root;
    let length = 0;
    let nearest = 0;
    if (place.below.size === 0) return undefined;
    for (const name of namesOf(path)) {
      place = place.below.get(name);
      if (place === undefined) break;
      length += 1 + name.length;
      if (place.hasQuota) nearest = length;
      if (place.below.size === 0) break;
    }
    return nearest === 0 ? undefined : path.slice(0, nearest);
  }
}

const newPlace = (): Place => ({ below: new Map(), hasQuota: false });

/** The names in a path, which begins with "/", from the first; none for the root. */
function* namesOf(path: string): Generator<string> {
  for (let from = 1; from < path.length; ) {
    const slash = path.indexOf("/", from);
    const end = slash < 0 ? path.length : slash;
    yield path.slice(from, end);
    from = end + 1;
  }
}
