/** Corral's coordination server. */
export { DirectoryInUseError, isDirectoryInUseError } from "@corral/io";
export type { CompatibleVersion } from "./compatibility.ts";
export { ConfigError, isConfigError, type ServerSettings } from "./config.ts";
export { defaultLimits, type Limits } from "./limits.ts";
export { type Server, type ServerOptions, startServer } from "./server.ts";
export { isStorageError, StorageError } from "./storage/storage-error.ts";
