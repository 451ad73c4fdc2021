/** What kind of node a create makes: the flags of the wire, by name. */
export const CreateMode = {
  persistent: 0,
  ephemeral: 1,
  persistentSequential: 2,
  ephemeralSequential: 3,
  container: 4,
  persistentWithTtl: 5,
  persistentSequentialWithTtl: 6,
} as const;

/** The name of a create mode. */
export type CreateModeName = keyof typeof CreateMode;
/** The flags of a create mode. */
export type CreateMode = (typeof CreateMode)[CreateModeName];

/** The longest time to live: 2^40 − 1 milliseconds, some 34 years. */
export const maxTtlMs = 2 ** 40 - 1;

/** Whether `flags` is a create mode that any server knows. */
export function isCreateMode(flags: number): flags is CreateMode {
  return Number.isInteger(flags) && flags >= CreateMode.persistent && flags <= CreateMode.persistentSequentialWithTtl;
}

/** Whether the server appends a ten-digit sequence number to the path. */
export function isSequential(mode: CreateMode): boolean {
  return (
    mode === CreateMode.persistentSequential ||
    mode === CreateMode.ephemeralSequential ||
    mode === CreateMode.persistentSequentialWithTtl
  );
}

/** Whether the node goes when its session ends. */
export function isEphemeral(mode: CreateMode): boolean {
  return mode === CreateMode.ephemeral || mode === CreateMode.ephemeralSequential;
}

/** Whether the node carries a time to live. */
export function hasTtl(mode: CreateMode): boolean {
  return mode === CreateMode.persistentWithTtl || mode === CreateMode.persistentSequentialWithTtl;
}
