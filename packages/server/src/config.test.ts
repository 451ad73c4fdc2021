import { expect, test } from "vitest";
import { parseConfig, type ServerSettings } from "./config.ts";
import { unusedSettings } from "./config-unused.ts";
import { defaultLimits, type Limits, zeroLimits } from "./limits.ts";

const scramUser = `bob:SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$${"A".repeat(43)}=:${"B".repeat(43)}=`;

test("without settings: in memory, a free port of this machine, two to twenty ticks", () => {
  expect(parseConfig({})).toMatchObject({
    host: "127.0.0.1",
    clientPort: 0,
    dataDir: undefined,
    minSessionTimeoutMs: 4_000,
    maxSessionTimeoutMs: 40_000,
    limits: defaultLimits,
  });
});

test("session timeouts follow the tick", () => {
  expect(parseConfig({ tickMs: 100 })).toMatchObject({ minSessionTimeoutMs: 200, maxSessionTimeoutMs: 2_000 });
});

test("time to live is on, and off where Apache's default is imitated; either can be had", () => {
  const { timeToLive, ...own } = parseConfig({ extendedTypesEnabled: false }).behaviour;
  expect([timeToLive, parseConfig({}).behaviour]).toEqual([false, { ...own, timeToLive: true }]);
  expect(parseConfig({ compatibility: "3.8.0" }).behaviour.timeToLive).toBe(false);
  expect(parseConfig({ compatibility: "3.8.0", extendedTypesEnabled: true }).behaviour.timeToLive).toBe(true);
});

test.each([
  [{ clientPort: 70_000 }, "clientPort", "0 … 65535"],
  [{ clientPort: 1.5 }, "clientPort", "whole number"],
  [{ tickMs: 0 }, "tickMs", "at least 1 ms"],
  [{ serverId: 255 }, "serverId", "0 … 254"],
  [{ dataDir: "" }, "dataDir", "path of a directory"],
  [{ superDigest: "bob:secret" }, "superDigest", "by SHA1), as corral-server digest --algorithm SHA1 prints"],
  [
    { superDigest: "bob:fyVmFCwVbTJYrznoSu1koqYEYF0=", digestAlgorithm: "SHA-256" },
    "superDigest",
    "by SHA-256), as corral-server digest --algorithm SHA-256 prints it",
  ],
  [{ digestAlgorithm: "MD5" }, "digestAlgorithm", "one of SHA1, SHA-256"],
  [{ minSessionTimeoutMs: 90_000 }, "minSessionTimeoutMs", "20 ticks unless maxSessionTimeoutMs says otherwise"],
  [{ maxSessionTimeoutMs: 100 }, "maxSessionTimeoutMs", "2 ticks unless minSessionTimeoutMs says otherwise"],
  [{ minSessionTimeoutMs: 9, maxSessionTimeoutMs: 8 }, "maxSessionTimeoutMs", "must not be below"],
  [{ tickMs: 99_999_999_999 }, "tickMs", "at most"],
  [{ maxSessionTimeoutMs: 2 ** 31 }, "maxSessionTimeoutMs", "at most"],
  [{ compatibility: "3.4" }, "compatibility", "one of 3.5, 3.8.0"],
  [{ extendedTypesEnabled: "yes" }, "extendedTypesEnabled", "true or false"],
  [{ limits: { maxFrameBytes: 0 } }, "limits.maxFrameBytes", "at least 1024"],
  [{ limits: { hardUnsentBytes: 1_000 } }, "limits.hardUnsentBytes", "maxResponseBytes"],
  [
    { limits: { maxFrameBytes: 32 << 20, maxResponseBytes: 1 << 20, hardUnsentBytes: 8 << 20 } },
    "limits.hardUnsentBytes",
    "maxFrameBytes",
  ],
  [{ limits: { maxConnections: -1 } }, "limits.maxConnections", "must be at least 1 (the default is 20000)"],
  [{ limits: { minFreeDiskBytes: -1 } }, "limits.minFreeDiskBytes", "negative"],
  [{ adminPort: 0, adminTls: "only" }, "adminTlsCertFile", "or tlsCertFile one for all"],
  [{ adminPort: 0, adminTls: "yes" }, "adminTls", "one of none, both, only"],
  [{ adminTlsKeyFile: "key.pem" }, "adminTlsKeyFile", "together with adminTlsCertFile"],
  [{ adminTlsClientAuth: "want" }, "adminTlsCaFile", "must name the authorities"],
  [{ clientprot: 2181 }, "clientprot", "no such setting; did you mean clientPort?"],
  [{ limits: { maxSession: 1 } }, "limits.maxSession", "no such setting; did you mean limits.maxSessions?"],
  [{ limits: { foo: 1 } }, "limits.foo", /no such setting$/],
  [{ maxSessions: 1 }, "maxSessions", "did you mean limits.maxSessions?"],
  [{ limits: { maxGuests: 1 } }, "limits.maxGuests", "no such setting"],
  [{ limits: 3 }, "limits", "limits by name"],
  [{ clientPort: "2181" }, "clientPort", "whole number"],
  [{ clientPort: Number.NaN }, "clientPort", "whole number"],
  [{ tickMs: 2 ** 60 }, "tickMs", "whole number of milliseconds"],
  [{ host: 1 }, "host", "host name or address"],
  [{ adminToken: "short" }, "adminToken", "at least 16 characters"],
  [{ adminPort: 1, adminHost: "0.0.0.0" }, "adminToken", "127.0.0.1, ::1 or localhost"],
  [{ adminPort: 1, adminHost: "::" }, "adminToken", "an address of this machine alone"],
  [{ adminPort: 1, adminHost: "10.0.0.1" }, "adminToken", "an address of this machine alone"],
  [{ adminPort: 1, adminHost: "127.0.0.1.example.org" }, "adminToken", "an address of this machine alone"],
  [{ adminPort: 1, adminHost: "localhost.example.org" }, "adminToken", "an address of this machine alone"],
  [{ tlsOnClientPort: true }, "tlsCertFile", "TLS is asked for"],
  [{ fourLetterWords: "ruok" }, "fourLetterWords", "must be four-letter words, or *"],
  [{ fourLetterWords: ["ruok", "mnt"] }, "fourLetterWords.1", "must be four-letter words, or *"],
  [{ enforcedAuthSchemes: ["digest", "ip"] }, "enforcedAuthSchemes.1", "some of digest, x509, sasl"],
  [{ saslUsers: ["anna"] }, "saslUsers.0", "user:password"],
  [{ saslMechanisms: [] }, "saslMechanisms", "must be some of"],
  [{ saslUsers: ["bob:one", "ann:two", "bob:three"] }, "saslUsers", "names bob twice"],
  [{ saslUsers: ["bob:one"], saslSuperUser: "ann" }, "saslSuperUser", "ann is none of saslUsers"],
  [{ enforcedAuthSchemes: ["sasl"] }, "enforcedAuthSchemes", "nobody could come in: saslUsers names nobody"],
  [{ enforcedAuthSchemes: ["x509"] }, "enforcedAuthSchemes", "nobody could come in: no port for clients speaks TLS"],
  [
    { enforcedAuthSchemes: ["x509"], adminTls: "only", adminPort: 0, tlsCertFile: "a.pem", tlsCaFile: "ca.pem" },
    "enforcedAuthSchemes",
    "no port for clients speaks TLS",
  ],
  [
    { enforcedAuthSchemes: ["x509"], secureClientPort: 0, tlsCertFile: "a.pem" },
    "enforcedAuthSchemes",
    "nobody could come in: clients are not asked for certificates (tlsCaFile,",
  ],
  [
    { enforcedAuthSchemes: ["x509", "sasl"], tlsOnClientPort: true, tlsCertFile: "a.pem" },
    "enforcedAuthSchemes",
    "with x509 and sasl alone nobody could come in: clients are not asked for certificates (tlsCaFile, and " +
      "tlsClientAuth want or need); saslUsers names nobody",
  ],
  [
    { saslUsers: [scramUser], saslMechanisms: ["DIGEST-MD5"] },
    "saslMechanisms",
    "keep everybody out: DIGEST-MD5 cannot use the SCRAM-SHA-256 verifiers of bob",
  ],
])("%j names the key and what is wrong", (settings, key, text) => {
  const attempt = () => parseConfig(settings as Parameters<typeof parseConfig>[0]);
  expect(attempt).toThrow(key);
  expect(attempt).toThrow(text);
});

test.each([
  { enforcedAuthSchemes: ["x509"], secureClientPort: 0, tlsCertFile: "a.pem", tlsCaFile: "ca.pem" },
  { enforcedAuthSchemes: ["x509", "digest"] },
  { enforcedAuthSchemes: ["x509", "sasl"], saslUsers: [scramUser] },
  { saslUsers: ["ann:one", scramUser], saslMechanisms: ["DIGEST-MD5"] },
] satisfies ServerSettings[])("%j lets somebody in", (settings: ServerSettings) => {
  expect(parseConfig(settings).enforcedAuthSchemes).toEqual(settings.enforcedAuthSchemes ?? []);
});

test("who cannot come in though others can is warned of", () => {
  const of = (saslMechanisms: ServerSettings["saslMechanisms"]) =>
    unusedSettings(parseConfig({ saslUsers: ["ann:one", scramUser], saslMechanisms })).map(({ fields }) => fields);
  expect(of(["DIGEST-MD5"])).toEqual([{ user: "bob" }]);
  expect(of(["DIGEST-MD5", "SCRAM-SHA-256"])).toEqual([]);
});

const onePort = { secureClientPort: 0, tlsCertFile: "a.pem" };
test.each([
  [{ tlsKeyFile: "k.pem", tlsCaFile: "ca.pem" }, ["tlsKeyFile", "tlsCaFile"]],
  [{ tlsCertFile: "a.pem" }, ["tlsCertFile"]],
  [{ tlsCertFile: "a.pem", adminTls: "only" }, ["tlsCertFile"]],
  [{ tlsCertFile: "a.pem", adminTlsCertFile: "b.pem", adminPort: 0, adminTls: "only" }, ["tlsCertFile"]],
  [{ ...onePort, adminTlsCertFile: "b.pem", adminPort: 0 }, ["adminTlsCertFile"]],
  [{ x509SuperUser: "CN=admin" }, ["x509SuperUser"]],
  [{ ...onePort, x509SuperUser: "CN=admin" }, ["x509SuperUser"]],
  [{ ...onePort, x509SuperUser: "CN=admin", tlsCaFile: "ca.pem", tlsClientAuth: "none" }, ["x509SuperUser"]],
  [{ ...onePort, tlsCaFile: "ca.pem", adminPort: 0, adminTlsClientAuth: "need" }, ["adminTlsClientAuth"]],
  [{ adminTlsCertFile: "a.pem", adminTlsCaFile: "ca.pem", adminPort: 0, adminTls: "only" }, ["adminTlsCaFile"]],
] satisfies [ServerSettings, string[]][])("%j is warned of, for nothing uses it", (settings, names) => {
  expect(unusedSettings(parseConfig(settings)).map(({ fields }) => Object.keys(fields))).toEqual([names]);
});

test("an ensemble's files without an admin port are not warned of", () => {
  expect(unusedSettings(parseConfig({ adminTlsCertFile: "b.pem", adminTlsCaFile: "ca.pem" }))).toEqual([]);
});

test("certificates that a port asks for, and the admin server's, are used", () => {
  const files = { tlsCertFile: "a.pem", tlsCaFile: "ca.pem" };
  expect(unusedSettings(parseConfig({ ...files, x509SuperUser: "CN=admin", tlsOnClientPort: true }))).toEqual([]);
  expect(unusedSettings(parseConfig({ ...files, adminPort: 0, adminTls: "only" }))).toEqual([]);
});

test("of several settings that are wrong each is told, once; first those that there are not", () => {
  const limits = { maxFrameBytes: -1, maxGuests: 3, maxSesions: 3 };
  const settings = { clientPort: -1.5, limits, tickMs: -3, colour: "red", dataDirs: "/d" };
  expect(() => parseConfig(settings)).toThrow(
    "Wrong settings: colour: no such setting; dataDirs: no such setting; did you mean dataDir?; " +
      "limits.maxGuests: no such setting; limits.maxSesions: no such setting; did you mean limits.maxSessions?; " +
      "clientPort: must be a whole number; tickMs: must be at least 1 ms; limits.maxFrameBytes: must be at least 1024 bytes",
  );
});

const limitNames = Object.keys(defaultLimits) as (keyof Limits)[];

test.each(limitNames.filter((name) => !zeroLimits.has(name)))(
  "%s of 0 would stop the server: it is refused",
  (name) => {
    expect(() => parseConfig({ limits: { [name]: 0 } })).toThrow(`limits.${name}: must be at least 1`);
  },
);

test.each([...zeroLimits])("%s of 0 has a meaning of its own", (name) => {
  expect(parseConfig({ limits: { [name]: 0 } }).limits[name]).toBe(0);
});
