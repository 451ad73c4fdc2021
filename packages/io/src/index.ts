/** The ports, and Node's implementation of them. */
export { Fifo } from "./fifo.ts";
export {
  type BatchPlace,
  batchesAtOnce,
  blockFrom,
  diskBlockBytes,
  GroupSyncFile,
  type GroupSyncOptions,
} from "./group-sync-file.ts";
export { nodeClock } from "./node/clock.ts";
export { gzipCompression } from "./node/compression.ts";
export { crc32, crc32StartOf } from "./node/crc32.ts";
export { nodeDiagnostics } from "./node/diagnostics.ts";
export {
  type DigestAlgorithm,
  digestBase64,
  digestLengths,
  hmacSha256,
  md5,
  pbkdf2Sha256,
  sha1Base64,
  sha256,
} from "./node/digest.ts";
export { nodeDisk } from "./node/disk.ts";
export { nodeEnvironment } from "./node/environment.ts";
export { readSmallFile, watchFiles } from "./node/file-watch.ts";
export type { Surplus as HttpSurplus } from "./node/http-connections.ts";
export { type HttpAnswer, type HttpRequestOptions, httpRequest } from "./node/http-request.ts";
export { type HttpHandler, type HttpServer, type HttpServerOptions, serveHttp } from "./node/http-server.ts";
export { nodeLocalAddress } from "./node/local-address.ts";
export { nodeMachine } from "./node/machine.ts";
export { nodeDialer, nodeListener } from "./node/network.ts";
export { nodeProcessEnd } from "./node/process-end.ts";
export { nodeRandom } from "./node/random.ts";
export { nodeResolver } from "./node/resolver.ts";
export { readThroughSharedBuffer } from "./node/shared-read-buffer.ts";
export {
  type CertificateFacts,
  type CredentialsProblem,
  certificateFacts,
  credentialsProblem,
  type TlsCredentials,
} from "./node/tls-credentials.ts";
export { nodeTlsDialer, type TlsOptions } from "./node/tls-dialer.ts";
export { NodeTlsListener, type TlsListenerOptions } from "./node/tls-listener.ts";
export { takeSecondThreadFailure, writeSoon, writeToMany } from "./node/write-to-many.ts";
export type { Clock, TimerHandle } from "./ports/clock.ts";
export type { Compression } from "./ports/compression.ts";
export type { Diagnostics, DiagnosticsChannel } from "./ports/diagnostics.ts";
export {
  type DirectoryClaim,
  DirectoryInUseError,
  type Disk,
  type DiskFile,
  isDirectoryInUseError,
} from "./ports/disk.ts";
export type { Environment, ListedEnvironment } from "./ports/environment.ts";
export { type LogFields, type Logger, silentLogger } from "./ports/log.ts";
export type { Machine, MachineFacts } from "./ports/machine.ts";
export {
  type Address,
  type ByteStream,
  CertificateError,
  type Dialer,
  everyHost,
  formatAddress,
  isCertificateError,
  type Listener,
  type Listening,
  type StreamHandler,
  type StreamWrite,
} from "./ports/network.ts";
export type { ProcessEnd, SignalName } from "./ports/process-end.ts";
export type { Random } from "./ports/random.ts";
export type { Resolver, ServiceRecord } from "./ports/resolver.ts";
export { settleAll } from "./settle-all.ts";
