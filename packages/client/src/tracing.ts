/**
 * What a client tells those who trace it, on channels of `node:diagnostics_channel`. Messages are made only while somebody
 * listens.
 */
import type { Diagnostics, DiagnosticsChannel } from "@corral/io";
import type { ClientOperation } from "@corral/protocol";

/** On `corral.client.request.start`. The same object comes again on `corral.client.request.end`, with how it ended. */
export interface RequestTrace {
  readonly operation: ClientOperation;
  /** The server's name of the node; empty for requests that are about none. */
  readonly path: string;
  readonly sessionId: bigint;
  /** At the end: `ok`, the code of the error, `aborted`, or why there is no answer (`connectionLoss`, …). */
  outcome?: string;
  /** At the end. From the call on, waiting for a connection included. */
  durationMs?: number;
}

/** On `corral.client.connection`. */
export interface ConnectionTrace {
  readonly type: "dialing" | "failed" | "established" | "broken";
  /** `host:port`. */
  readonly host: string;
  /** With `failed` and `broken`: why. */
  readonly reason?: string;
}

/** The channels. On `corral.client.state` every `StateEvent` comes. */
export class Tracing {
  readonly requestStart: DiagnosticsChannel;
  readonly requestEnd: DiagnosticsChannel;
  readonly state: DiagnosticsChannel;
  readonly connection: DiagnosticsChannel;

  constructor(diagnostics: Diagnostics) {
    this.requestStart = diagnostics.channel("corral.client.request.start");
    this.requestEnd = diagnostics.channel("corral.client.request.end");
    this.state = diagnostics.channel("corral.client.state");
    this.connection = diagnostics.channel("corral.client.connection");
  }
}
