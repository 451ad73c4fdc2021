/** The versions of TLS that a `zoo.cfg` allows, as Java calls them, and the oldest of those that are spoken here. */

/** What is made of them. */
export interface TlsVersions {
  /** The oldest one; undefined if none can be had. */
  readonly oldest: "TLSv1.2" | "TLSv1.3" | undefined;
  /** What to warn of, or, where there is no oldest one, what is wrong. */
  readonly said: readonly string[];
}

const older = ["SSLv2Hello", "SSLv3", "TLSv1", "TLSv1.1"];
const all = [...older, "TLSv1.2", "TLSv1.3"];

/** Reads the value of `ssl.enabledProtocols` or `ssl.protocol`. */
export function readTlsVersions(value: string): TlsVersions {
  const names = value.split(",").map((text) => text.trim());
  const versions = names.map((name) => all.find((known) => known.toLowerCase() === name.toLowerCase()));
  const unknown = names.find((_, i) => versions[i] === undefined);
  if (unknown !== undefined) {
    const said = `must be versions of TLS such as TLSv1.2,TLSv1.3, not ${JSON.stringify(unknown)}`;
    return { oldest: undefined, said: [said] };
  }
  const unspoken = versions.filter((version) => version !== undefined && older.includes(version)).join(", ");
  const has12 = versions.includes("TLSv1.2");
  const has13 = versions.includes("TLSv1.3");
  if (!has12 && !has13) return { oldest: undefined, said: [`${unspoken} is not spoken: name TLSv1.2 or TLSv1.3`] };
  const said: string[] = [];
  if (unspoken !== "") said.push(`${unspoken} is not spoken; TLS begins with TLSv1.2 here`);
  if (!has13) said.push("TLSv1.3 is spoken as well; TLSv1.2 alone cannot be had");
  return { oldest: has12 ? "TLSv1.2" : "TLSv1.3", said };
}
