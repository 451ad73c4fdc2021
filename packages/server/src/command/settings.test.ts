import { expect, test } from "vitest";
import { ConfigError, parseConfig } from "../config.ts";
import { defaultLimits } from "../limits.ts";
import { allOptions, serverOptions } from "./options.ts";
import { gatherSettings, inOperatorsWords, type Sources } from "./settings.ts";

interface Given {
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly memory?: boolean;
  readonly variables?: Readonly<Record<string, string>>;
  readonly file?: readonly [path: string, text: string];
}

function sources({ flags = {}, memory = false, variables = {}, file }: Given): Sources {
  return {
    flags: new Map(Object.entries(flags)),
    memoryFlag: memory,
    configFlag: file?.[0],
    environment: { get: (name) => variables[name] || undefined, names: () => Object.keys(variables) },
    readFile: (path) => {
      if (file === undefined || path !== file[0]) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
      return file[1];
    },
  };
}
const gathered = (given: Given) => gatherSettings(sources(given));

/** What is wrong, in the operator's words. */
function complaint(given: Given): string {
  try {
    const { settings, nameOf } = gathered(given);
    try {
      parseConfig(settings);
    } catch (error) {
      return inOperatorsWords(error as ConfigError, nameOf);
    }
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replace("Wrong settings: ", "");
    throw error;
  }
  throw new Error("nothing was wrong");
}

const json = (settings: unknown) => ["c.json", JSON.stringify(settings)] as const;

test("every setting of startServer can be told to the command", () => {
  const settings = Object.keys(parseConfig({ adminPort: 0 })).map((key) =>
    key === "behaviour" ? "compatibility" : key,
  );
  const told = new Set(allOptions.map(({ setting }) => setting));
  // What TLS needs is put together from settings of their own.
  for (const setting of settings) if (setting !== "limits" && setting !== "tls") expect(told).toContain(setting);
  for (const limit of Object.keys(defaultLimits)) expect(told).toContain(`limits.${limit}`);
  expect(new Set(allOptions.map(({ variable }) => variable)).size).toBe(allOptions.length);
  // Secrets would stand in the list of processes.
  expect(serverOptions.filter(({ flag }) => flag === undefined).map(({ setting }) => setting)).toEqual([
    "saslUsers",
    "tlsKeyPassword",
    "adminTlsKeyPassword",
    "adminToken",
    "superDigest",
  ]);
});

test("a flag counts before a variable, a variable before the file, the file before what is usual", () => {
  const file = json({ clientPort: 1, tickMs: 1, serverId: 1, limits: { maxSessions: 1, maxConnections: 1 } });
  const variables = { CORRAL_CLIENT_PORT: "2", CORRAL_TICK_MS: "2", CORRAL_LIMITS_MAX_SESSIONS: "2" };
  expect(gathered({ file, variables, flags: { clientPort: 3 } }).settings).toEqual({
    clientPort: 3,
    tickMs: 2,
    serverId: 1,
    limits: { maxSessions: 2, maxConnections: 1 },
  });
  expect(gathered({}).settings).toEqual({ clientPort: 2_181 });
});

test("variables: numbers, words, yes and no", () => {
  const variables = {
    CORRAL_FOUR_LETTER_WORDS: "stat, mntr",
    CORRAL_EXTENDED_TYPES_ENABLED: "false",
    CORRAL_ADMIN_TOKEN: "0123456789abcdef",
    CORRAL_LOG_LEVEL: "warn",
  };
  const { settings, logLevel } = gathered({ variables });
  expect(settings).toEqual({
    clientPort: 2_181,
    fourLetterWords: ["stat", "mntr"],
    extendedTypesEnabled: false,
    adminToken: "0123456789abcdef",
  });
  expect(logLevel).toBe("warn");
});

test("a variable that is set to nothing is as if not set; to enforce no scheme can be told to a program alone", () => {
  expect(gathered({ variables: { CORRAL_TICK_MS: "", CORRAL_ADMIN_TOKEN: "" } }).settings).toEqual({
    clientPort: 2_181,
  });
  expect(gathered({ file: json({ enforcedAuthSchemes: [] }) }).settings).toMatchObject({ enforcedAuthSchemes: [] });
});

test("the URL that Kubernetes has for a service is no port", () => {
  const { settings, warnings } = gathered({ variables: { CORRAL_ADMIN_PORT: "tcp://10.0.0.1:8080" } });
  expect([settings, warnings.length]).toEqual([{ clientPort: 2_181 }, 1]);
});

test("memory and a data directory: what was said more directly counts", () => {
  const file = json({ dataDir: "/d" });
  expect(gathered({ file, memory: true })).toMatchObject({ memory: true, settings: { clientPort: 2_181 } });
  expect(gathered({ file, variables: { CORRAL_MEMORY: "true" } }).settings.dataDir).toBeUndefined();
  expect(gathered({ flags: { dataDir: "/d" }, variables: { CORRAL_MEMORY: "true" } })).toMatchObject({
    memory: false,
    settings: { dataDir: "/d" },
  });
});

test("a zoo.cfg is read, with its warnings", () => {
  const { settings, warnings } = gathered({ file: ["zoo.cfg", "clientPort=2182\ndataDir=/d\nfoo=1"] });
  expect(settings).toEqual({ host: "*", clientPort: 2_182, dataDir: "/d" });
  expect(warnings).toEqual(["zoo.cfg: foo: no such key in zoo.cfg; it has no effect"]);
});

test("a zoo.cfg may leave the port to a flag or a variable", () => {
  const file = ["zoo.cfg", "dataDir=/d"] as const;
  expect(gathered({ file, flags: { clientPort: 0 } }).settings).toMatchObject({ clientPort: 0, dataDir: "/d" });
  expect(gathered({ file, variables: { CORRAL_CLIENT_PORT: "0" } }).settings).toMatchObject({ clientPort: 0 });
});

test("the port of the only server's line counts as one of the file", () => {
  const file = ["zoo.cfg", "dataDir=/d\nserver.1=a:1:2;2182"] as const;
  expect(gathered({ file }).settings).toEqual({ clientPort: 2_182, host: "*", dataDir: "/d" });
  expect(gathered({ file, flags: { clientPort: 0 } }).settings).toMatchObject({ clientPort: 0 });
  expect(complaint({ file: ["zoo.cfg", "server.1=a:1:2;70000"] })).toBe("server.1 in zoo.cfg: must be 0 … 65535");
});

test("a port for clear text that a flag asks for is opened, though the file has none", () => {
  const file = ["zoo.cfg", "secureClientPort=2281"] as const;
  expect(gathered({ file }).settings).toMatchObject({ clientPortEnabled: false });
  const { settings } = gathered({ file, flags: { clientPort: 2_181 } });
  expect(settings).toMatchObject({ clientPort: 2_181, host: "127.0.0.1" });
  expect(settings).not.toHaveProperty("clientPortEnabled");
  expect(gathered({ file, flags: { clientPort: 1, clientPortEnabled: false } }).settings).toMatchObject({
    clientPortEnabled: false,
  });
});

test("in a zoo.cfg clients that speak TLS must show a certificate unless it says otherwise, as with Apache", () => {
  const ports = ["secureClientPort=1", "clientPort=1\nclient.portUnification=true"];
  const remedy =
    "zoo.cfg: ssl.clientAuth: is need where it is not given, as with Apache ZooKeeper: name the authorities of clients' " +
    "certificates (ssl.trustStore.location in zoo.cfg, or --tls-ca), or say ssl.clientAuth=none";
  for (const port of ports) {
    const text = `${port}\nssl.keyStore.location=s.pem`;
    expect(complaint({ file: ["zoo.cfg", text] })).toBe(remedy);
    expect(complaint({ file: ["zoo.cfg", port], flags: { tlsCertFile: "s.pem" } })).toBe(remedy);
    expect(gathered({ file: ["zoo.cfg", text], flags: { tlsClientAuth: "none" } }).settings.tlsClientAuth).toBe("none");
    expect(gathered({ file: ["zoo.cfg", `${text}\nssl.clientAuth=none`] }).settings.tlsClientAuth).toBe("none");
    for (const given of [{ flags: { tlsCaFile: "ca.pem" } }, { variables: { CORRAL_TLS_CA_FILE: "ca.pem" } }]) {
      const { settings } = gathered({ file: ["zoo.cfg", text], ...given });
      expect(parseConfig(settings).tls).toMatchObject({ clientAuth: "need", caFile: "ca.pem" });
    }
  }
  const flags = { tlsOnClientPort: true };
  expect(complaint({ file: ["zoo.cfg", "clientPort=1\nssl.keyStore.location=s.pem"], flags })).toBe(remedy);
});

test("where no port speaks TLS, or the file does not say it, nobody is asked for authorities", () => {
  const unused = ["zoo.cfg", "clientPort=1\nssl.keyStore.location=s.pem"] as const;
  expect(parseConfig(gathered({ file: unused }).settings).tls).toBeUndefined();
  const flags = { secureClientPort: 1, tlsCertFile: "s.pem" };
  expect(parseConfig(gathered({ file: ["zoo.cfg", "clientPort=1"], flags }).settings).tls?.clientAuth).toBe("none");
  const settings = { secureClientPort: 1, tlsCertFile: "s.pem" };
  expect(parseConfig(gathered({ file: json(settings) }).settings).tls?.clientAuth).toBe("none");
});

test.each<readonly [string, Given]>([
  ["--client-port: must be 0 … 65535", { flags: { clientPort: 70_000 } }],
  ["CORRAL_CLIENT_PORT: must be 0 … 65535", { variables: { CORRAL_CLIENT_PORT: "70000" } }],
  ["CORRAL_CLIENT_PORT: must be a whole number", { variables: { CORRAL_CLIENT_PORT: "x" } }],
  ["CORRAL_EXTENDED_TYPES_ENABLED: must be true or false", { variables: { CORRAL_EXTENDED_TYPES_ENABLED: "1" } }],
  ["clientPort in c.json: must be", { file: json({ clientPort: "x" }) }],
  ["limits.maxFrameBytes in c.json: must be at least 1024 bytes", { file: json({ limits: { maxFrameBytes: 1 } }) }],
  ["--limit maxFrameBytes: must be at least 1024 bytes", { flags: { "limits.maxFrameBytes": 1 } }],
  [
    "--limit maxIdentitiesPerConnection: must be at most 10000",
    { flags: { "limits.maxIdentitiesPerConnection": 10_001 } },
  ],
  [
    "--limit maxIdentityTextPerConnection: must be at most 16777216",
    { flags: { "limits.maxIdentityTextPerConnection": 2 ** 30 } },
  ],
  ["--limit maxPathLength: must be at most 16000", { flags: { "limits.maxPathLength": 16_001 } }],
  [
    "--limit maxIdentitiesPerConnection: must be at least 1 (the",
    { flags: { "limits.maxIdentitiesPerConnection": 0 } },
  ],
  ["jute.maxbuffer in zoo.cfg: must be at least 1024 bytes", { file: ["zoo.cfg", "clientPort=1\njute.maxbuffer=1"] }],
  ['zoo.cfg: clientPort: must be a whole number, not "x"', { file: ["zoo.cfg", "clientPort=x"] }],
  ["zoo.cfg: has neither clientPort nor secureClientPort: give one", { file: ["zoo.cfg", "dataDir=/d\nclientPrt=1"] }],
  ["nor secureClientPort", { file: ["zoo.cfg", "clientPortAddress=10.0.0.1"] }],
  ["clientprot in c.json: no such setting; did you mean clientPort?", { file: json({ clientprot: 1 }) }],
  ["limits.maxGuests in c.json: no such setting", { file: json({ limits: { maxGuests: 1 } }) }],
  ...["", " ", ",", " , "].map((text): [string, Given] => [
    "CORRAL_ENFORCED_AUTH_SCHEMES: names no scheme: name some of digest, x509, sasl, or unset it",
    { variables: { CORRAL_ENFORCED_AUTH_SCHEMES: text } },
  ]),
  [
    "--enforced-auth: names no scheme: name some of digest, x509, sasl, or leave it out",
    { flags: { enforcedAuthSchemes: [] } },
  ],
  ["limits in c.json: must be limits by name", { file: json({ limits: 3 }) }],
  ["--limit maxTurnBytes: must be at least 1 (the default is 8388608)", { flags: { "limits.maxTurnBytes": 0 } }],
  ["CORRAL_TICKMS: no such variable; set CORRAL_TICK_MS", { variables: { CORRAL_TICKMS: "5" } }],
  [
    "4lw.commands.whitelist in zoo.cfg: must be four-letter words",
    { file: ["zoo.cfg", "clientPort=1\n4lw.commands.whitelist=foo"] },
  ],
  [
    "minSessionTimeout in zoo.cfg: must not be above the longest session timeout, which is 20 ticks unless maxSessionTimeoutMs",
    { file: ["zoo.cfg", "clientPort=1\nminSessionTimeout=90000"] },
  ],
  [
    "ssl.keyStore.location in zoo.cfg, or --tls-cert: must name the server's certificate",
    { file: ["zoo.cfg", "secureClientPort=1"] },
  ],
  [
    "CORRAL_SASL_USERS: user 2, where commas and spaces separate users, must be user:password",
    { variables: { CORRAL_SASL_USERS: "bob:p,w" } },
  ],
  ["saslUsers in c.json: must be user:password", { file: json({ saslUsers: ["bob:p,w", "ann"] }) }],
  ["c.json: is not JSON", { file: ["c.json", "{"] }],
  ["c.json: must be an object of settings", { file: json([]) }],
  ["nowhere: cannot be read (ENOENT)", { variables: { CORRAL_CONFIG: "nowhere" } }],
  ["CORRAL_ADMIN_TOKEN: must be set where adminHost is not", { flags: { adminPort: 0, adminHost: "0.0.0.0" } }],
  ["--data-dir and --memory exclude each other", { flags: { dataDir: "/d" }, memory: true }],
  ["CORRAL_MEMORY: must be true or false", { variables: { CORRAL_MEMORY: "yes" } }],
])("%s", (text, given) => {
  expect(complaint(given)).toContain(text);
});
