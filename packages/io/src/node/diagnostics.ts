/** `node:diagnostics_channel` behind the `Diagnostics` port. */
import { channel } from "node:diagnostics_channel";
import type { Diagnostics } from "../ports/diagnostics.ts";

/** The process-wide channels, to which tracing tools subscribe by name. */
export const nodeDiagnostics: Diagnostics = { channel };
