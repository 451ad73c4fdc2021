/** Corral's coordination server. */
export type { CompatibleVersion } from "./compatibility.ts";
export { ConfigError, type ServerSettings } from "./config.ts";
export { defaultLimits, type Limits } from "./limits.ts";
export { type Server, type ServerOptions, startServer } from "./server.ts";
