/** The machine and the process, for those who look after a server. */
export interface Machine {
  facts(): MachineFacts;
  /** Files, sockets included, that the process has open, and how many it may have. Undefined where the system does not tell. */
  files(): Promise<{ readonly open: number; readonly limit: number | undefined } | undefined>;
}

/** What there is to know of a machine and a process. Memory in bytes. */
export interface MachineFacts {
  readonly hostName: string;
  /** The runtime and its version. */
  readonly runtime: string;
  readonly osName: string;
  readonly osVersion: string;
  readonly architecture: string;
  readonly userName: string;
  readonly homeDirectory: string;
  readonly workingDirectory: string;
  readonly processId: number;
  /** Resident memory of the process. */
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly heapLimitBytes: number;
}
