/**
 * The ports of a server that can be killed. Until then they pass everything through; from then on nothing the server does
 * has any effect any more, as if its process had been killed: its connections are gone, its timers never fire, its files
 * are left as they are, and it says nothing.
 */
import type {
  ByteStream,
  Clock,
  DirectoryClaim,
  Disk,
  DiskFile,
  Listener,
  Listening,
  Logger,
  TimerHandle,
} from "@corral/io";
import { type AnsweredSession, ObservedStream } from "./observed-stream.ts";

/** The ports that really do it, and whom to tell of sessions. */
export interface MortalPortsOptions {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly listener: Listener;
  readonly logger: Logger;
  /** Called when a client is told its session. */
  readonly onSession: (session: AnsweredSession) => void;
}

/** See the head of this file. */
export class MortalPorts {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly listener: Listener;
  readonly logger: Logger;
  readonly #timers = new Set<TimerHandle>();
  readonly #streams = new Set<ByteStream>();
  readonly #listenings = new Set<Listening>();
  readonly #claims = new Set<DirectoryClaim>();
  readonly #underWay = new Set<Promise<unknown>>();
  #isDead = false;

  constructor(options: MortalPortsOptions) {
    this.clock = this.#mortalClock(options.clock);
    this.disk = this.#mortalDisk(options.disk);
    this.listener = this.#mortalListener(options);
    this.logger = this.#mortalLogger(options.logger);
  }

  /** Resolves when everything the server held is free, and nothing it had begun can still change a file. */
  async kill(): Promise<void> {
    this.#isDead = true;
    for (const timer of this.#timers) timer.cancel();
    for (const stream of this.#streams) stream.destroy();
    await Promise.all([...this.#listenings].map((listening) => listening.close()));
    // What the system has been asked to do it does, as it does for a killed process; there is no way to call it back.
    await Promise.allSettled(this.#underWay);
    await Promise.all([...this.#claims].map((claim) => claim.release()));
  }

  #mortalClock(clock: Clock): Clock {
    return {
      wallMs: () => clock.wallMs(),
      elapsedMs: () => clock.elapsedMs(),
      setTimer: (delayMs, callback) => {
        if (this.#isDead) return { cancel() {} };
        const timer = clock.setTimer(delayMs, () => {
          this.#timers.delete(handle);
          callback();
        });
        const handle: TimerHandle = {
          cancel: () => {
            this.#timers.delete(handle);
            timer.cancel();
          },
        };
        this.#timers.add(handle);
        return handle;
      },
    };
  }

  #mortalListener({ listener, onSession }: MortalPortsOptions): Listener {
    return {
      listen: async (address, onStream) => {
        this.#requireAlive();
        const listening = await listener.listen(address, (stream) => {
          if (this.#isDead) return stream.destroy();
          const observed = new ObservedStream(stream, { onSession, onClose: () => this.#streams.delete(observed) });
          this.#streams.add(observed);
          onStream(observed);
        });
        this.#listenings.add(listening);
        return listening;
      },
    };
  }

  #mortalLogger(logger: Logger): Logger {
    const unlessDead =
      (level: keyof Logger): Logger[keyof Logger] =>
      (fields, message) => {
        if (!this.#isDead) logger[level](fields, message);
      };
    return {
      debug: unlessDead("debug"),
      info: unlessDead("info"),
      warn: unlessDead("warn"),
      error: unlessDead("error"),
    };
  }

  #mortalDisk(disk: Disk): Disk {
    const act = <T>(operation: () => Promise<T>): Promise<T> => this.#act(operation);
    return {
      makeDirectory: (path) => act(() => disk.makeDirectory(path)),
      list: (path) => act(() => disk.list(path)),
      open: (path, mode) => act(async () => mortalFile(await disk.open(path, mode), act)),
      rename: (from, to) => act(() => disk.rename(from, to)),
      remove: (path) => act(() => disk.remove(path)),
      syncDirectory: (path) => act(() => disk.syncDirectory(path)),
      claimDirectory: (path) =>
        act(async () => {
          const claim = await disk.claimDirectory(path);
          this.#claims.add(claim);
          return claim;
        }),
    };
  }

  async #act<T>(operation: () => Promise<T>): Promise<T> {
    this.#requireAlive();
    const acting = operation();
    this.#underWay.add(acting);
    try {
      return await acting;
    } finally {
      this.#underWay.delete(acting);
    }
  }

  #requireAlive(): void {
    if (this.#isDead) throw new Error("The server was killed");
  }
}

function mortalFile(file: DiskFile, act: <T>(operation: () => Promise<T>) => Promise<T>): DiskFile {
  return {
    size: () => act(() => file.size()),
    read: (position, length) => act(() => file.read(position, length)),
    write: (position, bytes) => act(() => file.write(position, bytes)),
    truncate: (length) => act(() => file.truncate(length)),
    sync: () => act(() => file.sync()),
    // A killed process's files are closed for it.
    close: () => file.close(),
  };
}
