/** How each part of a group's view is read from the tree, and one look at all of it. */
import type { Client } from "@corral/client";
import { decodeMaster, type Layout, parseAssignmentName } from "@corral/master-worker";
import { type Assignment, type GroupView, settle } from "./group-view.ts";
import { readChildren, readNode } from "./reads.ts";
import type { Read } from "./watched.ts";

/** One read for each part of the view. */
export interface GroupReaders {
  readonly primary: Read<string>;
  readonly epoch: Read<number>;
  readonly workers: Read<string[]>;
  readonly waiting: Read<string[]>;
  /** The workers that have a queue. */
  readonly queueNames: Read<string[]>;
  readonly queue: (worker: string) => Read<Assignment[]>;
  readonly done: Read<string[]>;
}

/** The reads of the group at `layout`, all of which end with the signal's reason when that aborts. */
export function groupReaders(client: Client, layout: Layout, signal: AbortSignal): GroupReaders {
  const children =
    (path: string): Read<string[]> =>
    (watch) =>
      readChildren(client, path, watch, signal);
  return {
    async primary(watch) {
      const node = await readNode(client, layout.master, watch, signal);
      const record = node === undefined ? undefined : decodeMaster(node.data);
      return record?.ok === true ? record.value.id : undefined;
    },
    async epoch(watch) {
      return (await readNode(client, layout.epoch, watch, signal))?.stat.version;
    },
    workers: children(layout.workers),
    waiting: children(layout.tasks),
    queueNames: children(layout.assign),
    queue: (worker) => async (watch) => {
      const names = await readChildren(client, layout.queue(worker), watch, signal);
      return names?.map(parseAssignmentName).filter((name) => name !== undefined);
    },
    done: children(layout.status),
  };
}

/** The parts, read. */
export interface GroupParts {
  readonly primary: string | undefined;
  readonly epoch: number | undefined;
  readonly workers: readonly string[] | undefined;
  readonly waiting: readonly string[] | undefined;
  readonly queues: ReadonlyMap<string, readonly Assignment[]>;
  readonly done: readonly string[] | undefined;
}

/** A view from its parts; what is absent is empty. */
export function assemble({ primary, epoch, workers, waiting, queues, done }: GroupParts): GroupView {
  return settle({
    primary,
    epoch: epoch ?? 0,
    workers: workers ?? [],
    waiting: new Set(waiting),
    queues,
    done: new Set(done),
  });
}

/**
 * A view of which everything is read now, in the order in which a task moves. Leaves no watches. Unlike the views that
 * follow changes, it shows of the queues only what the workers really hold: an assignment older than its worker's
 * registration is about to be taken back.
 */
export async function lookOnce(client: Client, layout: Layout, signal: AbortSignal): Promise<GroupView> {
  const read = groupReaders(client, layout, signal);
  const primary = await read.primary(undefined);
  const epoch = await read.epoch(undefined);
  const workers = await read.workers(undefined);
  const waiting = await read.waiting(undefined);
  const queues = new Map<string, readonly Assignment[]>();
  for (const worker of (await read.queueNames(undefined)) ?? []) {
    queues.set(worker, await holdings(client, layout, worker, signal));
  }
  return assemble({ primary, epoch, workers, waiting, queues, done: await read.done(undefined) });
}

/** The assignments in a worker's queue that were made to it, and not to an earlier process or session of its name. */
async function holdings(client: Client, layout: Layout, worker: string, signal: AbortSignal): Promise<Assignment[]> {
  const registration = await client.exists(layout.worker(worker), { signal });
  if (registration === undefined) {
    return [];
  }
  const held: Assignment[] = [];
  for (const name of (await readChildren(client, layout.queue(worker), undefined, signal)) ?? []) {
    const assignment = parseAssignmentName(name);
    const stat = await client.exists(layout.assignment(worker, name), { signal });
    if (assignment !== undefined && stat !== undefined && stat.czxid > registration.czxid) {
      held.push(assignment);
    }
  }
  return held;
}
