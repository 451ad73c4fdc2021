/** Names that stand for servers elsewhere. */
export interface Resolver {
  /** The SRV records of `name`, in no order. Rejects with the resolver's error (ENOTFOUND, ENODATA, …) if there is none. */
  services(name: string): Promise<readonly ServiceRecord[]>;
}

/** One SRV record (RFC 2782). */
export interface ServiceRecord {
  readonly host: string;
  readonly port: number;
  /** The lowest is to be tried first. */
  readonly priority: number;
  /** Among equals, the share of those who should try it first. */
  readonly weight: number;
}
