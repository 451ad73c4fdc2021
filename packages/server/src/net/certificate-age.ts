/** What is to be said of the time for which a certificate is good: soon enough to replace it, and not while it is young. */
import type { CertificateFacts } from "@corral/io";

/** How long before its end a certificate that is good for long should have been replaced, ms: 14 days. */
const replaceMs = 14 * 24 * 3_600_000;

/** The same for one that is good for a short time: those who renew by themselves have had their chance by then. */
const replaceShare = 0.1;

/** Words that follow its name, such as `expired at …`; undefined while there is nothing to say. `nowMs`: since 1970. */
export function agedness(
  { beginsMs, expiresMs }: Pick<CertificateFacts, "beginsMs" | "expiresMs">,
  nowMs: number,
): string | undefined {
  const iso = (ms: number): string => new Date(ms).toISOString();
  if (nowMs >= expiresMs) return `expired at ${iso(expiresMs)}: put a new one in its place`;
  if (nowMs < beginsMs) return `is not good before ${iso(beginsMs)}: is the clock of this machine right?`;
  const left = expiresMs - nowMs;
  const isYoung = left > Math.min(replaceMs, replaceShare * (expiresMs - beginsMs));
  return isYoung ? undefined : `expires at ${iso(expiresMs)}: put a new one in its place before`;
}
