/** The server put together: ports in, recovery, replica, driver, sockets; an orderly start and an orderly stop. */
import {
  type Address,
  type Clock,
  type Disk,
  digestBase64,
  everyHost,
  formatAddress,
  type HttpServer,
  hmacSha256,
  type Listener,
  type Logger,
  type Machine,
  md5,
  nodeClock,
  nodeDisk,
  nodeListener,
  nodeMachine,
  nodeRandom,
  pbkdf2Sha256,
  type Random,
  sha256,
  silentLogger,
  type TimerHandle,
} from "@corral/io";
import { assert, type ScramHash } from "@corral/protocol";
import { openAdminPort } from "./admin/admin-port.ts";
import { AdminWitness } from "./admin/admin-witness.ts";
import { answerFourLetterWord } from "./admin/four-letter-words.ts";
import type { Phase } from "./admin/health.ts";
import { initialTraceMask, type Subject } from "./admin/subject.ts";
import { AuditLog } from "./audit/audit-log.ts";
import { parseConfig, type ServerConfig, type ServerSettings } from "./config.ts";
import { unusedSettings } from "./config-unused.ts";
import { Driver } from "./driver.ts";
import type { DurableLog } from "./durable-log.ts";
import { Maintenance, type MaintenanceParts } from "./maintenance.ts";
import { Certificates } from "./net/certificates.ts";
import { ClientPort } from "./net/client-port.ts";
import { Door } from "./net/door.ts";
import { boundByFiles } from "./net/file-bounds.ts";
import { type Reloaded, SecureListener } from "./net/secure-listener.ts";
import { type RecoveredDirectory, recoverDirectory, type StartupCost } from "./recover-directory.ts";
import { Histogram } from "./replica/latencies.ts";
import { SaslUsers } from "./replica/sasl-users.ts";
import { Replica } from "./replica.ts";
import { DiskSpace } from "./storage/disk-space.ts";

/** What a server is started with: settings, and the ports through which it touches the outside. */
export interface ServerOptions extends ServerSettings {
  /** Default: silent. */
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  readonly disk?: Disk | undefined;
  readonly listener?: Listener | undefined;
  readonly machine?: Machine | undefined;
}

/**
 * Starts a server in this process and resolves when it serves: in memory, or durable with `dataDir`.
 * Without options: in memory, on a free port of 127.0.0.1.
 * @throws ConfigError when a setting is wrong, StorageError when the data directory cannot be recovered,
 * DirectoryInUseError when another server has it, the operating system's error when the port cannot be had.
 */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const { logger = silentLogger, clock = nodeClock, random = nodeRandom, ...others } = options;
  const { disk = nodeDisk, listener = nodeListener, machine = nodeMachine, ...settings } = others;
  const config = parseConfig(settings);
  const server = new Server(config, {
    logger,
    clock,
    random,
    disk,
    listener,
    machine,
  });
  try {
    await server.start();
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}

const scramHash: ScramHash = { sha256, hmacSha256, pbkdf2Sha256 };

/** How often it is seen whether timers run late, ms. */
const loopWatchMs = 100;

interface ServerPorts {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly listener: Listener;
  readonly machine: Machine;
}

/** A running server. */
export class Server {
  #config: ServerConfig;
  readonly #ports: ServerPorts;
  #log: DurableLog | undefined;
  #replica: Replica | undefined;
  #driver: Driver | undefined;
  #audit: AuditLog | undefined;
  #lostAuditLines = 0;
  #clientPort: ClientPort | undefined;
  #door: Door | undefined;
  #secure: SecureListener | undefined;
  #adminSecure: SecureListener | undefined;
  #certificates: Certificates | undefined;
  #ticker: TimerHandle | undefined;
  #port = 0;
  #securePort: number | undefined;
  #startedMs = 0;
  #phase: Phase = "recovering";
  #subject: Subject | undefined;
  #admin: HttpServer | undefined;
  readonly #adminWitness: AdminWitness;
  #loopWatch: TimerHandle | undefined;
  #diskSpace: DiskSpace | undefined;
  readonly #syncMs = new Histogram();
  #startup: StartupCost | undefined;
  readonly #loopLagMs = new Histogram();
  #closing: Promise<void> | undefined;
  #onFatal: (error: Error) => void = () => {};

  /** Rejects if the server had to stop by itself: its own bug, never a client's doing. Otherwise stays pending. */
  readonly failed: Promise<never>;

  /** Use `startServer`. */
  constructor(config: ServerConfig, ports: ServerPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#adminWitness = new AdminWitness({ ...ports, audit: () => this.#audit });
    this.failed = new Promise((_resolve, reject) => {
      this.#onFatal = reject;
    });
    // Whoever does not look at `failed` learns of a failure from the log; the process must not end for it.
    this.failed.catch((err: unknown) => ports.logger.error({ err }, "the server stopped: this is a bug in Corral"));
  }

  /** Port for clients, as bound; 0 if it is not opened (`clientPortEnabled`). */
  get clientPort(): number {
    return this.#port;
  }

  /** Port for clients that speak TLS, as bound; undefined if there is none. */
  get secureClientPort(): number | undefined {
    return this.#securePort;
  }

  /**
   * Reads the files of TLS again, as the server does by itself soon after they change. Returns whether what is in them is used
   * now; if not, the log says why, and the certificates before stay.
   */
  reloadCertificates(): boolean {
    const outcomes = this.#reload();
    return outcomes.length > 0 && outcomes.every((one) => "certificate" in one);
  }

  #reload(): readonly Reloaded[] {
    return this.#certificates?.reload() ?? [];
  }

  /** Goes on in the file that is called `auditFile` now, after the one before was renamed. */
  reopenAuditLog(): void {
    this.#audit?.reopen();
  }

  /** Where the admin server is, as `http://host:port`, or `https://` where only TLS is spoken; undefined if there is none. */
  get adminUrl(): string | undefined {
    return this.#admin?.url;
  }

  /** Where clients find it: `host:port`. Of the secure port, if that is the only one. */
  get connectString(): string {
    const { host, port } = this.#clientAddress;
    const reachable = host === "0.0.0.0" || host === everyHost ? "127.0.0.1" : host === "::" ? "::1" : host;
    return formatAddress({ host: reachable, port });
  }

  get #clientAddress(): Address {
    const secure = this.#config.tls?.securePort;
    if (this.#config.clientPortEnabled || secure === undefined) return { host: this.#config.host, port: this.#port };
    return { host: secure.host, port: this.#securePort ?? secure.port };
  }

  /**
   * Whether writes are refused because the log failed: the disk is full or broken. Connected clients can still read;
   * nobody can connect, and nothing expires. Mend the disk, then start the server again.
   */
  get writesStopped(): boolean {
    return this.#replica?.writesStopped ?? false;
  }

  /** Lines at the end of `auditFile` that it had not taken when the server had stopped, and of which nothing in it tells. */
  get lostAuditLines(): number {
    return this.#lostAuditLines;
  }

  /** Sessions that exist. */
  get sessionCount(): number {
    return this.#replica?.state.sessions.size ?? 0;
  }

  /** Called by `startServer`. */
  async start(): Promise<void> {
    const { clock, random, logger } = this.#ports;
    await this.#boundByFiles();
    const { tls, adminTls, limits } = this.#config;
    for (const { fields, text } of unusedSettings(this.#config)) logger.warn(fields, text);
    if (tls !== undefined) this.#secure = new SecureListener(tls, limits, { logger, clock });
    if (adminTls !== undefined) this.#adminSecure = new SecureListener(adminTls, limits, { logger, clock });
    if (tls !== undefined || adminTls !== undefined) {
      this.#certificates = new Certificates({ clients: this.#secure, admin: this.#adminSecure }, { logger, clock });
    }
    // Before what follows: a long recovery can then be told from a server that hangs.
    await this.#openAdminPort();
    const audit = await this.#openAudit();
    const { log, startup, ...recovered } = await this.#recover();
    this.#log = log;
    this.#startup = startup;
    const replica = new Replica({
      ...this.#config,
      ...recovered,
      random,
      takesSnapshots: this.#config.dataDir !== undefined,
      isAudited: audit !== undefined,
      authentication: {
        digestBase64: (text) => digestBase64(this.#config.digestAlgorithm, text),
        superDigest: this.#config.superDigest,
        x509SuperUser: this.#config.x509SuperUser,
        sasl: {
          mechanisms: this.#config.saslMechanisms,
          users: new SaslUsers(this.#config.saslUsers, random.bytes(32), scramHash),
          superUser: this.#config.saslSuperUser,
          md5,
          hash: scramHash,
          nonce: () => Buffer.from(random.bytes(24)).toString("base64"),
        },
        requiredSchemes: this.#config.enforcedAuthSchemes,
      },
    });
    this.#replica = replica;
    this.#startedMs = clock.elapsedMs();
    const started = new Promise<void>((resolve, reject) => {
      const onFatal = (error: Error) => {
        this.#fail(error);
        reject(error);
      };
      const onStarted = (failure?: Error) => (failure === undefined ? resolve() : reject(failure));
      const { minFreeDiskBytes: minFreeBytes } = this.#config.limits;
      this.#driver = new Driver({ replica, log, clock, logger, minFreeBytes, audit, onStarted, onFatal });
    });
    // Before an epoch is begun: there are not so many that each failing start may use one up.
    const subject = await this.#listen(replica, log);
    this.#driver?.dispatch({ type: "start" });
    await started;
    await this.#watchDisk();
    this.#subject = subject;
    this.#letIn();
    this.#phase = "serving";
    audit?.tell("serverStart", "success");
    this.#tick();
    if (this.#config.adminPort !== undefined || this.#answersMonitors()) this.#watchLoop();
  }

  /** Takes the ports for clients. Those who come are let in when the server serves. */
  async #listen(replica: Replica, log: DurableLog): Promise<Subject> {
    const { clock, logger } = this.#ports;
    const { host, clientPort: port, clientPortEnabled, tls, limits } = this.#config;
    const driver = this.#driver;
    assert(driver, "the driver is there before the port opens");
    const door = new Door(limits.maxConnections);
    this.#door = door;
    const clientPort = new ClientPort({
      listener: door.before(this.#ports.listener),
      clock,
      logger,
      limits,
      dispatch: (input) => driver.dispatch(input),
      answerWord: (word, argument) => answerFourLetterWord(word, subject, argument),
    });
    const maintenance = new Maintenance({ replica, driver, log, clock, logger, ...this.#room() });
    const subject = this.#makeSubject(replica, clientPort, log, maintenance);
    this.#clientPort = clientPort;
    driver.connect(clientPort);
    if (clientPortEnabled) {
      const both = tls?.onClientPort ? this.#secure?.listener({ orPlain: true }) : undefined;
      const address = await clientPort.listen({ host, port }, both && door.before(both));
      this.#port = address.port;
    }
    if (tls?.securePort !== undefined && this.#secure !== undefined) {
      const secure = door.before(this.#secure.listener({ orPlain: false }));
      this.#securePort = (await clientPort.listen(tls.securePort, secure, { isSecure: true })).port;
    }
    return subject;
  }

  #letIn(): void {
    const { logger } = this.#ports;
    const { host, clientPortEnabled, tls } = this.#config;
    if (clientPortEnabled) {
      logger.info({ host, port: this.#port, tls: tls?.onClientPort === true }, "listening for clients");
    }
    if (tls?.securePort !== undefined) {
      logger.info({ host: tls.securePort.host, port: this.#securePort }, "listening for clients that speak TLS");
    }
    this.#door?.open();
  }

  /** See file-bounds.ts. From here on the limits are what is in force. */
  async #boundByFiles(): Promise<void> {
    const { machine, logger } = this.#ports;
    const { limits: asked, adminPort, tls, adminTls } = this.#config;
    const openFilesMax = (await machine.files())?.limit;
    if (openFilesMax === undefined) return;
    const tlsPorts = [tls, adminTls].filter((port) => port !== undefined).length;
    const limits = boundByFiles(asked, openFilesMax, { hasAdminPort: adminPort !== undefined, tlsPorts });
    this.#config = { ...this.#config, limits };
    const bounds = [
      ["maxConnections", "connections", true],
      ["maxAdminConnections", "connections to the admin port", adminPort !== undefined],
      ["maxHandshakes", "TLS handshakes at once", tls !== undefined || adminTls !== undefined],
    ] as const;
    for (const [name, what, isUsed] of bounds) {
      if (!isUsed || limits[name] === asked[name]) continue;
      logger.warn(
        { openFilesMax, [name]: asked[name], taken: limits[name] },
        `more ${what} are allowed than files can be opened, so only ${limits[name]} are taken: ` +
          `raise the limit of open files (ulimit -n, LimitNOFILE), or lower limits.${name}`,
      );
    }
  }

  async #openAdminPort(): Promise<void> {
    const { adminHost: host, adminPort: port, adminToken: token, adminTls, limits } = this.#config;
    if (port === undefined) return;
    const { logger } = this.#ports;
    const phase = () => this.#phase;
    const subject = () => this.#subject;
    const tls = adminTls && this.#adminSecure?.http(adminTls);
    const { maxAdminConnections: maxConnections } = limits;
    const witness = this.#adminWitness;
    this.#admin = await openAdminPort({ host, port, token, tls, maxConnections, logger, witness, phase, subject });
    logger.info({ host, port: this.#admin.address.port, tls: tls !== undefined }, "listening for administrators");
  }

  async #openAudit(): Promise<AuditLog | undefined> {
    const { auditEnabled, auditFile: path, limits } = this.#config;
    if (!auditEnabled) return undefined;
    const { disk, clock, logger, machine } = this.#ports;
    const { maxAuditBytes: maxWaitingBytes } = limits;
    const serverUser = machine.facts().userName;
    this.#audit = await AuditLog.open({ path, serverUser, maxWaitingBytes, disk, clock, logger });
    return this.#audit;
  }

  #answersMonitors(): boolean {
    const { fourLetterWords } = this.#config;
    return fourLetterWords.includes("*") || fourLetterWords.includes("mntr");
  }

  /** Sees how late a timer runs: what anybody else in this process had to wait as well. */
  #watchLoop(): void {
    const { clock } = this.#ports;
    const dueMs = clock.elapsedMs() + loopWatchMs;
    this.#loopWatch = clock.setTimer(loopWatchMs, () => {
      this.#loopLagMs.add(Math.max(0, clock.elapsedMs() - dueMs));
      this.#watchLoop();
    });
  }

  /** Returns after the first look: a server whose disk is full already takes no writes from the beginning. */
  async #watchDisk(): Promise<void> {
    const { dataDir: directory, limits } = this.#config;
    if (directory === undefined) return;
    const { disk, clock, logger } = this.#ports;
    const onChange = (isLow: boolean) => this.#driver?.dispatch({ type: "diskSpace", isLow });
    const { minFreeDiskBytes: minFreeBytes } = limits;
    this.#diskSpace = new DiskSpace({ disk, directory, clock, logger, minFreeBytes, onChange });
    await this.#diskSpace.start();
  }

  /** What a restore has to leave free, and how much there is. */
  #room(): Pick<MaintenanceParts, "freeBytes" | "minFreeBytes"> {
    const { dataDir, limits } = this.#config;
    const { disk } = this.#ports;
    const freeBytes = dataDir === undefined ? undefined : disk.freeBytes?.bind(disk, dataDir);
    return { freeBytes, minFreeBytes: limits.minFreeDiskBytes };
  }

  #makeSubject(replica: Replica, clientPort: ClientPort, log: DurableLog, maintenance: Maintenance): Subject {
    const server = this;
    return {
      config: this.#config,
      replica,
      clientPort,
      secure: this.#certificates,
      reloadCertificates: () => this.#reload(),
      adminWitness: this.#adminWitness,
      adminConnections: () => server.#admin?.connections ?? 0,
      audit: this.#audit,
      clock: this.#ports.clock,
      machine: this.#ports.machine,
      get boundPort() {
        return server.#config.clientPortEnabled ? server.#port : undefined;
      },
      get boundSecurePort() {
        return server.#securePort;
      },
      startedMs: this.#startedMs,
      maintenance,
      directorySizes: () => log.sizes(),
      diskFreeBytes: () => server.#diskSpace?.freeBytes,
      startup: this.#startup,
      syncMs: this.#syncMs,
      loopLagMs: this.#loopLagMs,
      traceMask: initialTraceMask,
    };
  }

  #tick(): void {
    this.#ticker = this.#ports.clock.setTimer(this.#config.tickMs, () => {
      this.#clientPort?.tick();
      this.#driver?.dispatch({ type: "tick" });
      this.#tick();
    });
  }

  #recover(): Promise<RecoveredDirectory> {
    return recoverDirectory(this.#config.dataDir, {
      ...this.#ports,
      onSync: (tookMs) => this.#syncMs.add(tookMs),
      onOpened: (storage) => {
        this.#log = storage;
      },
    });
  }

  #fail(error: Error): void {
    this.#phase = "failed";
    this.#ticker?.cancel();
    void this.#clientPort?.stopAccepting().then(() => this.#clientPort?.endAll());
    this.#onFatal(error);
  }

  /**
   * Stops: no new connections, writes in flight become durable and are answered, connections end in order. Nobody who is
   * connected can make it wait for more than 2 s. Idempotent.
   * Rejects when the log could not be closed in order; the server has stopped all the same.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#phase === "serving") this.#audit?.tell("serverStop", "invoked");
    if (this.#phase !== "failed") this.#phase = "stopping";
    this.#ticker?.cancel();
    this.#loopWatch?.cancel();
    this.#diskSpace?.stop();
    this.#certificates?.close();
    await this.#clientPort?.stopAccepting();
    this.#door?.turnAway();
    this.#driver?.stop();
    try {
      await this.#log?.close();
    } finally {
      this.#driver?.end();
      // Beside each other: who is slow to go must not keep the audit log from the disk.
      await Promise.all([this.#clientPort?.endAll(), this.#admin?.close(), this.#closeAudit()]);
    }
  }

  /** After the last commands of the admin port, which have lines in it, and before their answers have been taken. */
  async #closeAudit(): Promise<void> {
    await this.#admin?.stop();
    this.#lostAuditLines = (await this.#audit?.close()) ?? 0;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
