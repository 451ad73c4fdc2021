/** Sessions that are opened and closed again, over and over. */
import { RawSession } from "./raw-session.ts";
import type { ScenarioSpec } from "./scenarios.ts";
import { ratePerSecond } from "./window.ts";

/** How many a second were opened and closed, with so many at once as the scenario has connections. */
export function measureSessions(spec: ScenarioSpec): Promise<number> {
  return ratePerSecond(spec, async (window) => {
    const one = async () => {
      while (window.open) {
        const session = await RawSession.open(spec.port);
        await session.close();
        window.count();
      }
    };
    await Promise.all(Array.from({ length: spec.scenario.connections }, one));
  });
}
