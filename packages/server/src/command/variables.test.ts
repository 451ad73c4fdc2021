import { expect, test } from "vitest";
import { allOptions } from "./options.ts";
import { checkVariables } from "./variables.ts";

function check(variables: Readonly<Record<string, string>>, given: readonly string[] = []): readonly string[] {
  const environment = { names: () => Object.keys(variables), get: (name: string) => variables[name] || undefined };
  return checkVariables(environment, (setting) => given.includes(setting));
}

test.each([
  ["CORRAL_ENFORCED_AUTH", "for --enforced-auth set CORRAL_ENFORCED_AUTH_SCHEMES"],
  ["CORRAL_enforced_auth", "for --enforced-auth set CORRAL_ENFORCED_AUTH_SCHEMES"],
  ["CORRAL_AUDIT", "for --audit set CORRAL_AUDIT_ENABLED"],
  ["CORRAL_ENFORCE_QUOTA", "for --enforce-quota set CORRAL_ENFORCES_QUOTA"],
  ["CORRAL_ADMIN_TLS_CERT", "for --admin-tls-cert set CORRAL_ADMIN_TLS_CERT_FILE"],
  ["CORRAL_TICK", "for --tick set CORRAL_TICK_MS"],
  ["CORRAL_TICKMS", "set CORRAL_TICK_MS if that is meant"],
  ["CORRAL_LIMITS_MAX_SESSION", "set CORRAL_LIMITS_MAX_SESSIONS if that is meant"],
  ["CORRAL_ADMIN_TOKENS", "set CORRAL_ADMIN_TOKEN if that is meant"],
  ["CORRAL_MAX_SESSIONS", "set CORRAL_LIMITS_MAX_SESSIONS if that is meant, and unset this one"],
  ["CORRAL_max_sessions", "set CORRAL_LIMITS_MAX_SESSIONS if that is meant, and unset this one"],
  ["CORRAL_SESSION_TIMEOUT_MS", "set CORRAL_MIN_SESSION_TIMEOUT_MS or CORRAL_MAX_SESSION_TIMEOUT_MS if that is meant"],
  [
    "CORRAL_PORT",
    "set CORRAL_CLIENT_PORT, CORRAL_ADMIN_PORT, CORRAL_SECURE_CLIENT_PORT or CORRAL_TLS_ON_CLIENT_PORT if",
  ],
  // The end of too many to name them.
  ["CORRAL_BYTES", "unset it"],
  ["CORRAL_ESSIONS", "unset it"],
  ["CORRAL_COLOUR", "unset it"],
])("%s is refused: %s", (name, text) => {
  expect(() => check({ [name]: "1" })).toThrow(`${name}: no such variable; `);
  expect(() => check({ [name]: "1" })).toThrow(text);
  expect(check({ [name]: "", PATH: "/bin" })).toEqual([]);
});

test("of several each is told", () => {
  const attempt = () => check({ CORRAL_TICKMS: "1", CORRAL_AUDIT: "true" });
  expect(attempt).toThrow(/CORRAL_AUDIT: .*; CORRAL_TICKMS: /);
});

test("what one derives from a flag is refused, or warned about where clients have it, with the right name", () => {
  for (const { flag, variable } of allOptions) {
    if (flag === undefined) continue;
    const derived = `CORRAL_${flag.replaceAll("-", "_").toUpperCase()}`;
    if (derived === variable) continue;
    let told: string;
    try {
      told = check({ [derived]: "x" }).join();
    } catch (error) {
      told = (error as Error).message;
    }
    expect(told).toContain(`for --${flag} set ${variable}`);
  }
});

test("clients' variables do no harm, and are warned about where they look like a setting that has no value", () => {
  const variables = {
    CORRAL_CONNECT: "a:1",
    CORRAL_SASL: "bob:pw",
    CORRAL_FROM_TLS_CA: "ca.pem",
    CORRAL_TLS_CERT: "c.pem",
  };
  expect(check(variables)).toEqual([
    "CORRAL_TLS_CERT: is for clients and has no effect here; for --tls-cert set CORRAL_TLS_CERT_FILE",
  ]);
  expect(check(variables, ["tlsCertFile"])).toEqual([]);
});

test("what Kubernetes sets for a service that is called like this server is no setting", () => {
  expect(
    check({
      CORRAL_SERVICE_HOST: "10.0.0.1",
      CORRAL_SERVICE_PORT: "2181",
      CORRAL_SERVICE_PORT_CLIENT: "2181",
      CORRAL_PORT: "tcp://10.0.0.1:2181",
      CORRAL_PORT_2181_TCP: "tcp://10.0.0.1:2181",
      CORRAL_PORT_2181_TCP_ADDR: "10.0.0.1",
      CORRAL_HEADLESS_SERVICE_HOST: "10.0.0.2",
    }),
  ).toEqual([]);
  expect(check({ CORRAL_CLIENT_PORT: "tcp://10.0.0.1:2181" })).toEqual([
    "CORRAL_CLIENT_PORT: is the URL of a service of Kubernetes; it has no effect",
  ]);
});
