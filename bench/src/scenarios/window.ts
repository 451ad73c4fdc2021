/** Counts what happens during the measured part of a run. */
import type { ScenarioSpec } from "./scenarios.ts";

/** The measured part of a run, as those see it that do the work. */
export interface Window {
  /** False when no more work is to begin. */
  readonly open: boolean;
  /** One more is done. */
  count(): void;
}

/** Has `work` done until its time is over; answers how many it counted in a second, without those of the warm-up. */
export async function ratePerSecond(
  { warmUpSeconds, seconds }: Pick<ScenarioSpec, "warmUpSeconds" | "seconds">,
  work: (window: Window) => Promise<unknown>,
): Promise<number> {
  let counted = 0;
  const window = {
    open: true,
    count() {
      counted++;
    },
  };
  const done = work(window);
  await Promise.race([done, sleep(warmUpSeconds)]);
  const [fromMs, before] = [performance.now(), counted];
  await Promise.race([done, sleep(seconds)]);
  const [toMs, after] = [performance.now(), counted];
  window.open = false;
  await done;
  return ((after - before) / (toMs - fromMs)) * 1000;
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
