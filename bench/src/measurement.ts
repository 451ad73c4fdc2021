/** What one run of a load driver found, and how several runs become one figure. */

/** One run. */
export interface Measurement {
  readonly operationsPerSecond: number;
  /** From sending a request to reading its reply; with a depth above 1 that includes waiting in the connection's queue. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** CPU time of the server's process, in microseconds an operation; absent where it cannot be had. */
  readonly serverCpuUs: number | undefined;
  /** Share of one core that the driver itself used, in percent; near 100 the driver is what was measured. */
  readonly driverCpuPercent: number | undefined;
}

/** The middle one, or the mean of the two middle ones; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}

/** The median of each part over several runs. */
export function summary(runs: readonly Measurement[]): Measurement {
  const of = (part: (run: Measurement) => number) => median(runs.map(part));
  const cpu = runs.flatMap(({ serverCpuUs }) => serverCpuUs ?? []);
  const driver = runs.flatMap(({ driverCpuPercent }) => driverCpuPercent ?? []);
  return {
    operationsPerSecond: of((run) => run.operationsPerSecond),
    latencyMs: {
      p50: of((run) => run.latencyMs.p50),
      p99: of((run) => run.latencyMs.p99),
      max: of((run) => run.latencyMs.max),
    },
    serverCpuUs: cpu.length === 0 ? undefined : median(cpu),
    driverCpuPercent: driver.length === 0 ? undefined : median(driver),
  };
}

/**
 * How many times as fast `ours` was: the median of the ratios of runs made one right after the other, so that a
 * machine that is slower for a while is slower for both. Undefined without a pair.
 */
export function ratio<Run>(
  ours: readonly Run[],
  theirs: readonly Run[],
  part: (run: Run) => number | undefined,
): number | undefined {
  const ratios = ours.flatMap((run, i) => {
    const [a, b] = [part(run), theirs[i] && part(theirs[i])];
    return a === undefined || b === undefined || b === 0 ? [] : [a / b];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}
