/**
 * Values by path, of which those at or above a path are found by going through its text once, from the root. Looked for by path, they
 * would take as much text again for each name: too long for every change of a node that somebody has put far down.
 *
 * Where paths part there is a place, and where one with a value ends; none for each name: somebody may watch a path of half a million.
 */

interface Place<V> {
  /** Without a slash at its end, also that of the root. */
  readonly path: string;
  above: Place<V> | undefined;
  value: V | undefined;
  /** By the next name, with the slash before it. Absent where there are none, as at most places: an empty map is larger than all the rest. */
  below: Map<string, Place<V>> | undefined;
}

/** See the head of this file. */
export class PathMap<V> {
  readonly #root = newPlace<V>("", undefined);
  readonly #places = new Map<string, Place<V>>();

  get size(): number {
    return this.#places.size;
  }

  get(path: string): V | undefined {
    return this.#places.get(path)?.value;
  }

  set(path: string, value: V): void {
    const place = this.#places.get(path) ?? this.#makePlace(path === "/" ? "" : path);
    place.value = value;
    this.#places.set(path, place);
  }

  #makePlace(path: string): Place<V> {
    let place = this.#root;
    while (place.path !== path) {
      const next = nextOf(place, path);
      if (next === undefined) {
        const made = newPlace(path, place);
        putBelow(place, made);
        return made;
      }
      const parting = partingOf(path, next.path, place.path.length);
      if (parting === next.path.length) {
        place = next;
        continue;
      }
      const fork = newPlace(copy(path.slice(0, parting)), place);
      putBelow(place, fork);
      putBelow(fork, next);
      place = fork;
    }
    return place;
  }

  delete(path: string): void {
    let place = this.#places.get(path);
    if (place === undefined) return;
    this.#places.delete(path);
    place.value = undefined;
    while (place.value === undefined && place.above !== undefined) {
      const { above, below = new Map() }: Place<V> = place;
      if (below.size > 1) return;
      const [only] = below.values();
      if (only !== undefined) return putBelow(above, only);
      above.below?.delete(nameAt(path, above.path.length));
      if (above.below?.size === 0) above.below = undefined;
      place = above;
    }
  }

  /** Visits the values at `path` and above it, from the root. */
  visitAbove(path: string, visit: (value: V) => void): void {
    let place: Place<V> | undefined = this.#root;
    while (place !== undefined) {
      if (place.value !== undefined) visit(place.value);
      const next: Place<V> | undefined = place.path.length < path.length ? nextOf(place, path) : undefined;
      if (next !== undefined && partingOf(path, next.path, place.path.length) < next.path.length) return;
      place = next;
    }
  }
}

function newPlace<V>(path: string, above: Place<V> | undefined): Place<V> {
  return { path, above, value: undefined, below: undefined };
}

/** The one below that begins with the next name of `path`. */
function nextOf<V>(place: Place<V>, path: string): Place<V> | undefined {
  return place.below?.get(nameAt(path, place.path.length));
}

/** Instead of another that begins with the same name, if there is one. */
function putBelow<V>(above: Place<V>, place: Place<V>): void {
  place.above = above;
  above.below ??= new Map();
  above.below.set(copy(nameAt(place.path, above.path.length)), place);
}

/** Of a piece of a path, which would keep all of that in memory. */
function copy(text: string): string {
  return Buffer.from(text, "utf16le").toString("utf16le");
}

function nameAt(path: string, from: number): string {
  const slash = path.indexOf("/", from + 1);
  return path.slice(from, slash < 0 ? path.length : slash);
}

/** Up to where two paths have the same names, where they do up to `from`. */
function partingOf(a: string, b: string, from: number): number {
  let at = from;
  while (at < a.length && at < b.length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return isEdge(a, at) && isEdge(b, at) ? at : a.lastIndexOf("/", at - 1);
}

function isEdge(path: string, at: number): boolean {
  return at === path.length || path.charCodeAt(at) === slashCode;
}

const slashCode = 0x2f;
