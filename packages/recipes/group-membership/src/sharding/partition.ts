/** Who gets which shard. Pure. */

/** To whom each shard belongs. A shard without an entry belongs to nobody. */
export type Owners = ReadonlyMap<string, string>;

/** Divides shards among members; see `partition`, which is one. */
export type PartitionFunction = (shards: readonly string[], members: readonly string[], previous: Owners) => Owners;

/**
 * Divides `shards` among `members`: each shard to exactly one, nobody more than one shard more than another. Of what
 * `previous` says as much stays as can: when somebody joins, only what is its share moves, and to nobody else; when
 * somebody leaves, only what was its own. The order of the arguments' elements does not matter, nor do repetitions.
 * Without members nobody gets anything.
 */
export function partition(
  shards: readonly string[],
  members: readonly string[],
  previous: Owners = new Map(),
): Map<string, string> {
  const owners = new Map<string, string>();
  const shares = sharesOf(unique(shards), unique(members), previous);
  const free: string[] = unique(shards).filter((shard) => !shares.some(({ held }) => held.includes(shard)));
  for (const { member, held, quota } of shares) {
    for (const shard of held.slice(0, quota)) owners.set(shard, member);
    free.push(...held.slice(quota));
  }
  free.sort();
  for (const { member, held, quota } of shares) {
    for (const shard of free.splice(0, Math.max(0, quota - held.length))) owners.set(shard, member);
  }
  return owners;
}

interface Share {
  readonly member: string;
  /** What it has already. */
  readonly held: readonly string[];
  /** How many it shall have. */
  readonly quota: number;
}

/** Where the shards cannot be divided evenly, those get one more that have the most: then the least must move. */
function sharesOf(shards: readonly string[], members: readonly string[], previous: Owners): Share[] {
  const held = new Map<string, string[]>(members.map((member) => [member, []]));
  for (const shard of shards) held.get(previous.get(shard) ?? "")?.push(shard);
  const even = Math.floor(shards.length / members.length);
  const over = shards.length % members.length;
  return [...held]
    .sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1))
    .map(([member, own], place) => ({ member, held: own, quota: place < over ? even + 1 : even }));
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
