/** Reasons for which a run ends early. The message is for the person at the terminal. */

/** The demo could not prove what it is there to prove. */
export class DemoError extends Error {
  override readonly name = "DemoError";
}

/** The person, or the system, asked the demo to stop. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
  constructor(signal: string) {
    super(`Interrupted (${signal}): every process that was started is ended.`);
  }
}
