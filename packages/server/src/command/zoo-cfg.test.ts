import { expect, test } from "vitest";
import { parseConfig, type ServerSettings } from "../config.ts";
import { allOptions } from "./options.ts";
import { readZooCfg } from "./zoo-cfg.ts";
import { zooCfgKeys } from "./zoo-cfg-keys.ts";

const values = (text: string) =>
  Object.fromEntries([...readZooCfg(text).settings].map(([setting, { value }]) => [setting, value]));

test("the sample that Apache ships", () => {
  const sample = `# The number of milliseconds of each tick
tickTime=2000
initLimit=10
syncLimit=5
dataDir=/tmp/zookeeper
clientPort=2181
#maxClientCnxns=60
#autopurge.snapRetainCount=3
`;
  expect(values(sample)).toEqual({ host: "*", tickMs: 2_000, dataDir: "/tmp/zookeeper", clientPort: 2_181 });
  expect(readZooCfg(sample).warnings).toEqual([]);
});

test("what is a setting here", () => {
  const text = `
clientPortAddress=10.0.0.1
minSessionTimeout=-1
maxSessionTimeout=90000
maxClientCnxns=60
maxCnxns=0
jute.maxbuffer=0x1fffff
snapCount=5000
snapSizeLimitInKb=1024
4lw.commands.whitelist=stat, ruok,mntr
admin.serverPort=8080
extendedTypesEnabled=TRUE
reconfigEnabled=true
zookeeper.globalOutstandingLimit=500
znode.container.checkIntervalMs=1000
dataLogDir=/d
dataDir=/d
`;
  expect(values(text)).toEqual({
    host: "10.0.0.1",
    maxSessionTimeoutMs: 90_000,
    "limits.maxConnectionsPerAddress": 60,
    "limits.maxFrameBytes": 0x1f_ff_ff,
    "limits.snapshotEntries": 5_000,
    "limits.snapshotLogBytes": 1 << 20,
    fourLetterWords: ["stat", "ruok", "mntr"],
    adminPort: 8_080,
    extendedTypesEnabled: true,
    reconfigEnabled: true,
    "limits.maxProposedEntries": 500,
    reaperIntervalMs: 1_000,
    dataDir: "/d",
  });
  expect(readZooCfg(text).warnings).toEqual([]);
});

test("enforced authentication: the schemes count where it is on", () => {
  expect(values("enforce.auth.enabled=true\nenforce.auth.schemes=digest")).toMatchObject({
    enforcedAuthSchemes: ["digest"],
  });
  expect(values("enforce.auth.schemes=digest")).not.toHaveProperty("enforcedAuthSchemes");
  expect(() => readZooCfg("enforce.auth.enabled=true")).toThrow("enforce.auth.enabled: needs enforce.auth.schemes");
  expect(values("enforceQuota=true")).toMatchObject({ enforcesQuota: true });
});

test.each(["", ",", " , "])("enforced authentication by no scheme, %j, would let everybody in", (schemes) => {
  const on = `enforce.auth.enabled=true\nenforce.auth.schemes=${schemes}`;
  const remedy =
    "enforce.auth.schemes: names no scheme: name some of digest, x509, sasl, or leave out enforce.auth.enabled";
  expect(() => readZooCfg(on)).toThrow(remedy);
  expect(values(`enforce.auth.enabled=false\nenforce.auth.schemes=${schemes}`)).toEqual({ host: "*" });
});

test("schemes of authentication that are not enforced, since nothing says so, are warned about", () => {
  const said = (text: string) => readZooCfg(text).warnings;
  expect(said("enforce.auth.schemes=sasl")).toEqual([
    "enforce.auth.schemes: nobody has to authenticate without enforce.auth.enabled=true; it has no effect",
  ]);
  expect(said("enforce.auth.enabled=false\nenforce.auth.schemes=sasl")).toEqual([]);
  expect(said("enforce.auth.enabled=true\nenforce.auth.schemes=sasl")).toEqual([]);
});

test("a frame longer than any here: the longest, and a warning", () => {
  const text = "jute.maxbuffer=99999999";
  expect(values(text)).toMatchObject({ "limits.maxFrameBytes": 32 << 20 });
  expect(readZooCfg(text).warnings).toEqual(["jute.maxbuffer: 33554432 is the most that can be had; it is taken"]);
});

test.each(["0", "-1"])("a bucket that is never filled again (%s) is filled as usual, with a warning", (value) => {
  for (const key of ["connection_throttle_fill_time", "connection_throttle_fill_count"]) {
    const off = `${key}=${value}`;
    expect([values(off), readZooCfg(off).warnings]).toEqual([{ host: "*" }, []]);
    const on = `connection_throttle_tokens=5\n${off}`;
    expect(values(on)).toEqual({ host: "*", "limits.connectionBurst": 5 });
    expect(readZooCfg(on).warnings).toEqual([`${key}: must be at least 1 to let anybody in again; it has no effect`]);
  }
});

test.each(["0.0.0.0", "::", "0:0:0:0:0:0:0:0"])("%s is every address, of the other family as well", (any) => {
  const keys = ["clientPortAddress", "secureClientPortAddress", "admin.serverAddress"];
  const text = keys.map((key) => `${key}=${any}\n`).join("");
  expect(values(`clientPort=1\nsecureClientPort=2\n${text}`)).toMatchObject({
    host: "*",
    secureHost: "*",
    adminHost: "*",
  });
});

test("TLS", () => {
  const text = `secureClientPort=2281
client.portUnification=true
ssl.keyStore.location=/etc/server.pem
ssl.keyStore.type=PEM
ssl.trustStore.location=/etc/ca.pem
ssl.trustStore.type=pem
ssl.clientAuth=WANT
zookeeper.X509AuthenticationProvider.superUser=CN=admin
netty.server.outstandingHandshake.limit=50
`;
  expect(values(text)).toEqual({
    host: "127.0.0.1",
    clientPortEnabled: false,
    secureHost: "*",
    secureClientPort: 2_281,
    tlsCertFile: "/etc/server.pem",
    tlsCaFile: "/etc/ca.pem",
    tlsClientAuth: "want",
    x509SuperUser: "CN=admin",
    "limits.maxHandshakes": 50,
  });
  expect(readZooCfg(text).warnings).toEqual([
    "clientPort: not given, so no port for clear text is opened unless --client-port asks for one",
    "client.portUnification: there is no clientPort to speak TLS on; it has no effect",
  ]);
});

test("versions of TLS: the oldest of those that are allowed and spoken", () => {
  const read = (text: string) => [values(text).tlsMinVersion, readZooCfg(text).warnings];
  const also13 = (key: string) => `${key}: TLSv1.3 is spoken as well; TLSv1.2 alone cannot be had`;
  const old = (key: string, names: string) => `${key}: ${names} is not spoken; TLS begins with TLSv1.2 here`;
  const [enabled, protocol] = ["ssl.enabledProtocols", "ssl.protocol"];
  expect(read(`${enabled}=TLSv1.3`)).toEqual(["TLSv1.3", []]);
  expect(read(`${enabled}=TLSv1.2, TLSv1.3`)).toEqual(["TLSv1.2", []]);
  expect(read(`${enabled}=tlsv1.3,TLSv1.2`)).toEqual(["TLSv1.2", []]);
  expect(read(`${enabled}=TLSv1.2`)).toEqual(["TLSv1.2", [also13(enabled)]]);
  expect(read(`zookeeper.${protocol}=TLSv1.2`)).toEqual(["TLSv1.2", [also13(`zookeeper.${protocol}`)]]);
  expect(read(`${protocol}=TLSv1.3`)).toEqual(["TLSv1.3", []]);
  // What is enabled counts, whatever the order.
  expect(read(`${enabled}=TLSv1.3\n${protocol}=TLSv1.2`)).toEqual(["TLSv1.3", []]);
  expect(read(`${protocol}=TLSv1.3\n${enabled}=TLSv1.2,TLSv1.3`)).toEqual(["TLSv1.2", []]);
  expect(read(`${enabled}=TLSv1.1,TLSv1.2,TLSv1.3`)).toEqual(["TLSv1.2", [old(enabled, "TLSv1.1")]]);
  expect(read(`${enabled}=TLSv1,TLSv1.1,TLSv1.3`)).toEqual(["TLSv1.3", [old(enabled, "TLSv1, TLSv1.1")]]);
  expect(read(`${enabled}=TLSv1.1,TLSv1.2`)).toEqual(["TLSv1.2", [old(enabled, "TLSv1.1"), also13(enabled)]]);
});

test("portUnification is of the ports of an ensemble", () => {
  const text = "clientPort=2181\nportUnification=true";
  expect(values(text)).not.toHaveProperty("tlsOnClientPort");
  expect(readZooCfg(text).warnings).toEqual([]);
  expect(values("clientPort=2181\nclient.portUnification=true")).toHaveProperty("tlsOnClientPort", true);
});

test.each([
  ["localhost:2888:3888;2181", "*", 2_181],
  ["localhost:2888:3888:participant;2181", "*", 2_181],
  ["localhost:2888:3888;0.0.0.0:2181", "*", 2_181],
  ["localhost:2888:3888:PARTICIPANT; 127.0.0.1:2181", "127.0.0.1", 2_181],
  ["[::1]:2888:3888|b:2888:3888;[::1]:2181", "::1", 2_181],
])("the only server's line has the port for clients: %s", (line, host, clientPort) => {
  const text = `standaloneEnabled=true\nserver.1=${line}`;
  expect(values(text)).toEqual({ host, clientPort });
  expect(readZooCfg(text).settings.get("clientPort")?.key).toBe("server.1");
  expect(values(`clientPort=2181\n${text}`)).toEqual({ host, clientPort });
  expect(values(`secureClientPort=2281\n${text}`)).toMatchObject({ clientPort, secureHost: "*" });
  expect(values(`clientPort=2181\nclientPortAddress=0.0.0.0\n${text}`)).toEqual({ host, clientPort });
  expect(readZooCfg(text).warnings).toEqual([]);
});

test("a server's line without the clients' part leaves port and address to the others", () => {
  for (const line of ["server.1=a:1:2", "server.1=a:1:2;", "server.1=a:1:2:participant"])
    expect(values(`clientPort=2181\nclientPortAddress=10.0.0.1\n${line}`)).toEqual({
      host: "10.0.0.1",
      clientPort: 2_181,
    });
  expect(values("clientPortAddress=10.0.0.1\nserver.1=a:1:2;2181")).toEqual({ host: "10.0.0.1", clientPort: 2_181 });
});

test("no port for clear text where only the secure one is asked for", () => {
  expect(values("secureClientPort=2281")).toMatchObject({ clientPortEnabled: false, secureHost: "*" });
  const both = "clientPort=2181\nsecureClientPort=2281\nsecureClientPortAddress=10.0.0.1";
  expect(values(both)).toMatchObject({ host: "*", secureHost: "10.0.0.1" });
  expect(values(both).clientPortEnabled).toBeUndefined();
  expect(readZooCfg(both).warnings).toEqual([]);
});

test("TLS on the admin port, with what Apache's admin server shows", () => {
  const text = [
    "admin.portUnification=true",
    "admin.forceHttps=true",
    "admin.needClientAuth=true",
    "ssl.quorum.keyStore.location=/etc/admin.pem",
    "ssl.quorum.trustStore.location=/etc/ca.pem",
  ].join("\n");
  expect(values(text)).toEqual({
    host: "*",
    adminTls: "only",
    adminTlsClientAuth: "need",
    adminTlsCertFile: "/etc/admin.pem",
    adminTlsCaFile: "/etc/ca.pem",
  });
  expect(values("admin.portUnification=true\nadmin.forceHttps=false")).toMatchObject({ adminTls: "both" });
  expect(values("admin.portUnification=FALSE")).not.toHaveProperty("adminTls");
  expect(readZooCfg(text).warnings).toEqual([]);
});

test("the admin server can be switched off", () => {
  expect(values("admin.enableServer=false\nadmin.serverPort=8080")).not.toHaveProperty("adminPort");
});

test("the names of system properties count wherever the others do", () => {
  const off = "zookeeper.admin.enableServer=false\nzookeeper.admin.serverPort=8080";
  expect(values(off)).not.toHaveProperty("adminPort");
  const forced = "zookeeper.admin.forceHttps=true\nzookeeper.admin.portUnification=true";
  expect(values(forced)).toMatchObject({ adminTls: "only" });
  const enforced = "zookeeper.enforce.auth.enabled=true\nzookeeper.enforce.auth.schemes=digest";
  expect(values(enforced)).toMatchObject({ enforcedAuthSchemes: ["digest"] });
  expect(() => readZooCfg("zookeeper.enforce.auth.enabled=true")).toThrow("needs enforce.auth.schemes");
  expect(values("zookeeper.secureClientPort=2281")).toMatchObject({ clientPortEnabled: false });
  expect(readZooCfg("zookeeper.frobnicate=1").warnings).toEqual([
    "zookeeper.frobnicate: no such key in zoo.cfg; it has no effect",
  ]);
});

test.each([
  ["frobnicate=1", "frobnicate: no such key in zoo.cfg; it has no effect"],
  ["forceSync=no", "forceSync: every write is synced before it is answered; it has no effect"],
  ["dataDir=/a\ndataLogDir=/b", "dataLogDir: log and snapshots stand together in dataDir; it has no effect"],
  ["authProvider.1=x", "authProvider.1: authentication providers cannot be plugged in; it has no effect"],
  [
    "ssl.context.supplier.class=x",
    "ssl.context.supplier.class: there is no such setting of TLS here; it has no effect",
  ],
])("%j: a warning, without the value", (text, warning) => {
  expect(readZooCfg(text).warnings).toEqual([warning]);
});

test.each([
  ["clientPort=x", 'clientPort: must be a whole number, not "x"'],
  ["enforce.auth.enabled=yes\nenforce.auth.schemes=sasl", "enforce.auth.enabled: must be true or false"],
  ["zookeeper.enforce.auth.enabled=", "zookeeper.enforce.auth.enabled: must be true or false"],
  ["extendedTypesEnabled=yes", "extendedTypesEnabled: must be true or false"],
  ["ssl.keyStore.type=JKS", "ssl.keyStore.type: only PEM files are read"],
  ["ssl.enabledProtocols=TLSv1.1,SSLv3", "ssl.enabledProtocols: TLSv1.1, SSLv3 is not spoken: name TLSv1.2 or TLSv1.3"],
  ["ssl.protocol=TLSv1", "ssl.protocol: TLSv1 is not spoken: name TLSv1.2 or TLSv1.3"],
  ["ssl.enabledProtocols=TLSv1.3,TLS1.2", 'must be versions of TLS such as TLSv1.2,TLSv1.3, not "TLS1.2"'],
  ["ssl.enabledProtocols=", 'ssl.enabledProtocols: must be versions of TLS such as TLSv1.2,TLSv1.3, not ""'],
  ["ssl.crl=true", "ssl.crl: revocation is not looked up"],
  ["skipACL=yes", "skipACL: access lists are always kept"],
  ["peerType=observer", "peerType: there are no observers yet"],
  ["clientPort=2182\nserver.3=a:1:2;2181", "clientPort: 2182 is not 2181, as server.3 has it: leave out one of them"],
  [
    "clientPort=2181\nclientPortAddress=10.0.0.1\nserver.3=a:1:2;10.0.0.2:2181",
    "clientPortAddress: 10.0.0.1 is not 10.0.0.2, as server.3 has it: leave out one of them",
  ],
  ["server.1=a:1:2;b", 'server.1: must end with ;port or ;address:port, not ";b"'],
  ["server.1=a:1:2;b:c:3", 'server.1: must end with ;port or ;address:port, not ";b:c:3"'],
  ["server.1=a:1:2;3;4", 'server.1: must end with ;port or ;address:port, not ";3;4"'],
  ["server.1=a:1:2:observer;2181", "server.1: there are no observers yet"],
  ["server.1=a:1:2\nserver.2=b:1:2", "server.1: there is no ensemble yet"],
  ["sessionRequireClientSASLAuth=true", "sessionRequireClientSASLAuth: say enforce.auth.enabled=true"],
])("%j: the server would not be what was asked for, so it does not start", (text, reason) => {
  expect(() => readZooCfg(text)).toThrow(reason);
});

test.each(["X509", "SASL", "Digest", "IP"])("Apache's own provider of %s needs no line, and does no harm", (scheme) => {
  const provider = `org.apache.zookeeper.server.auth.${scheme}AuthenticationProvider`;
  for (const key of ["authProvider.1", "zookeeper.authProvider.x509", "authProvider.sasl"])
    expect(readZooCfg(`${key}=${provider}`)).toMatchObject({ warnings: [] });
  for (const other of [`org.example.${scheme}AuthenticationProvider`, `${provider}2`, `x.${provider}`])
    expect(readZooCfg(`authProvider.1=${other}`).warnings).toHaveLength(1);
});

test.each(["server.1=a:1:2", "peerType=participant", "skipACL=no", "enforce.auth.enabled=false"])(
  "%j is so anyway",
  (text) => {
    expect(readZooCfg(text).warnings).toEqual([]);
  },
);

test("every key that is a setting names one that there is", () => {
  const settings = new Set(allOptions.map(({ setting }) => setting));
  for (const key of Object.values(zooCfgKeys)) if ("setting" in key) expect(settings).toContain(key.setting);
});

test("what is read is what startServer takes", () => {
  const { host, clientPort, dataDir } = values("clientPort=0\ndataDir=/d") as ServerSettings;
  expect(parseConfig({ host, clientPort, dataDir })).toMatchObject({ host: "*", clientPort: 0, dataDir: "/d" });
});

test.each(["0", "-1", "0x0"])(
  "bounds of %s mean what they mean to Apache: none, one at a time, or as if not given",
  (value) => {
    const bounds = {
      maxClientCnxns: { "limits.maxConnectionsPerAddress": 0 },
      globalOutstandingLimit: { "limits.maxProposedEntries": 1 },
      snapCount: { "limits.snapshotEntries": 2 },
      snapSizeLimitInKb: { "limits.snapshotLogBytes": 0 },
      throttled_op_wait_time: { "limits.writeWaitMs": 0 },
      maxCnxns: {},
      largeRequestMaxBytes: {},
      largeRequestThreshold: {},
      request_throttle_max_requests: {},
      "netty.server.outstandingHandshake.limit": {},
      "ssl.handshakeDetectionTimeoutMillis": {},
    };
    for (const [key, meant] of Object.entries(bounds)) {
      expect(values(`${key}=${value}`), key).toEqual({ host: "*", ...meant });
    }
  },
);
