/**
 * Reliable byte streams between processes: TCP in production, a seeded network in the simulator.
 * Callbacks, not promises, on the way in: they run in the order in which things happened.
 */
export interface Dialer {
  /**
   * Opens a stream to `host:port`. Rejects with the operating system's error (ECONNREFUSED, ENOTFOUND, …), with a
   * `CertificateError`, or with the signal's reason when that aborts first; nothing stays open then.
   */
  dial(address: Address, options: { readonly signal: AbortSignal }): Promise<ByteStream>;
}

const certificateMark = Symbol.for("corral.io.certificate");

/**
 * One side does not trust the other's certificate, which trying the same server again does not mend: somebody has to
 * change a file or a setting. A dial rejects with it, or a stream ends with it, since a refusal may come after the handshake (TLS 1.3).
 */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
  /** As Node and OpenSSL call it: `CERT_HAS_EXPIRED`, `ERR_TLS_CERT_ALTNAME_INVALID`, … */
  readonly code: string;
  /** What to do about it. */
  readonly remedy: string;
  /** As of a stream: the next dial may reach a server that is trusted. */
  readonly isOneOfSeveral: boolean;

  constructor(
    message: string,
    more: { readonly code: string; readonly remedy: string; readonly cause: Error; readonly isOneOfSeveral?: boolean },
  ) {
    super(message, { cause: more.cause });
    this.code = more.code;
    this.remedy = more.remedy;
    this.isOneOfSeveral = more.isOneOfSeveral ?? false;
    Object.defineProperty(this, certificateMark, { value: true });
  }
}

/** Whether `error` is a CertificateError, of whatever copy of this package. */
export function isCertificateError(error: unknown): error is CertificateError {
  return typeof error === "object" && error !== null && Reflect.get(error, certificateMark) === true;
}

/** Where one listens who listens on every address that there is, of IPv6 as well. */
export const everyHost = "*";

/** Where a server listens. */
export interface Address {
  /** Host name or literal address, without brackets; when listening, `everyHost` as well. */
  readonly host: string;
  /** TCP port, 1 … 65535 (0 when listening: any free one). */
  readonly port: number;
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Accepts streams. */
export interface Listener {
  /**
   * Listens on `address` and hands each new stream to `onStream`. Rejects when the address cannot be had (EADDRINUSE, EACCES, …).
   */
  listen(address: Address, onStream: (stream: ByteStream) => void): Promise<Listening>;
}

/** A listening socket. */
export interface Listening {
  /** The address really bound: the port is known even if 0 was asked for. */
  readonly address: Address;
  /** Stops accepting; streams already accepted live on. Idempotent. */
  close(): Promise<void>;
}

/** One connected stream. */
export interface ByteStream {
  /** The other side, for logs and for the `ip` ACL scheme. */
  readonly remote: Address;
  /** The other side's name by the certificate that it has shown and that was found good, as RFC 2253 writes it; if it has. */
  readonly subject?: string | undefined;
  /**
   * Of a dialed stream: the name had several addresses of one family, of which each dial draws one. They may be those of
   * several servers, so what this one says need not hold for the next. Absent: no, or it cannot be known.
   */
  readonly isOneOfSeveral?: boolean | undefined;
  /** Called once, before anything else can arrive. */
  attach(handler: StreamHandler): void;
  /** Queues bytes; they leave in order. The stream keeps the buffer: do not write into it afterwards. */
  write(bytes: Uint8Array): void;
  /** Hands what is queued to the operating system at once, not at the end of this turn. For the last words of a process. */
  flush?(): void;
  /** Bytes queued here which the operating system has not taken yet. */
  readonly unsentBytes: number;
  /**
   * A number that changes whenever the operating system has taken some of them: who reads slowly can be told from who does
   * not read. Undefined where that cannot be seen.
   */
  readonly outputMark?: number | undefined;
  /** Stops (`true`) or resumes (`false`) reading from the other side, which feels it as back-pressure. */
  pauseReading(paused: boolean): void;
  /**
   * Sends what is queued, then ends the stream in order: when the other side has ended it too, or has had its time to.
   * `isMutual`: the other side has nothing more to say, so that its end need not be waited for.
   */
  end(isMutual?: boolean): void;
  /** Ends the stream at once and drops what is queued. */
  destroy(): void;
}

/** Bytes for one stream; see `ByteStream.write`. */
export interface StreamWrite {
  readonly stream: ByteStream;
  readonly bytes: Uint8Array;
}

/** What a stream tells its owner. */
export interface StreamHandler {
  onData(chunk: Buffer): void;
  /** All queued bytes have been taken by the operating system, after `unsentBytes` was above zero. */
  onDrain(): void;
  /** Bytes that seemed to have been taken wait after all: `unsentBytes` is above zero, though nothing was written since it was not. */
  onTakenBack?(): void;
  /** The stream is over; nothing is called after this. `error` is absent when it ended in order. */
  onClose(error?: Error): void;
}
