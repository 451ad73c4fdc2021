/**
 * The subject of a certificate as RFC 2253 writes it, letter for letter as Java's `X500Principal.getName()` does: that is what
 * access lists of the scheme x509 hold. Node's own text has another order and other names.
 */

/** Names of attributes that RFC 2253 has; all others are shown by their number, and their value as it is encoded. */
const names: ReadonlyMap<string, string> = new Map([
  ["2.5.4.3", "CN"],
  ["2.5.4.7", "L"],
  ["2.5.4.8", "ST"],
  ["2.5.4.10", "O"],
  ["2.5.4.11", "OU"],
  ["2.5.4.6", "C"],
  ["2.5.4.9", "STREET"],
  ["0.9.2342.19200300.100.1.25", "DC"],
  ["0.9.2342.19200300.100.1.1", "UID"],
]);

/** One element of DER: `whole` with, `content` without its head. */
interface Element {
  readonly tag: number;
  readonly whole: Buffer;
  readonly content: Buffer;
}

/** The subject of a certificate, which is given in DER. @throws RangeError when that is none */
export function subjectOf(certificate: Buffer): string {
  const [signed] = elements(one(certificate).content);
  const fields = signed === undefined ? [] : elements(signed.content);
  // [version], serial number, algorithm, issuer, validity, subject.
  const subject = fields[fields[0]?.tag === 0xa0 ? 5 : 4];
  if (subject === undefined) throw new RangeError("a certificate without a subject");
  return elements(subject.content)
    .reverse()
    .map((relative) => elements(relative.content).map(attribute).join("+"))
    .join(",");
}

function attribute({ content }: Element): string {
  const [type, value] = elements(content);
  if (type === undefined || value === undefined) throw new RangeError("an attribute without a type or a value");
  const number = objectId(type.content);
  const name = names.get(number);
  const text = name === undefined ? undefined : textOf(value);
  return `${name ?? number}=${text === undefined ? `#${value.whole.toString("hex")}` : escaped(text)}`;
}

function escaped(text: string): string {
  // Spaces at the end are looked for from the first of them only: from each, many in the middle would take very long.
  return text.replace(/[,=+<>#;"\\]/g, "\\$&").replace(/^ +|(?<! ) +$/g, (spaces) => spaces.replaceAll(" ", "\\ "));
}

function textOf({ tag, content }: Element): string | undefined {
  switch (tag) {
    case 0x0c:
      return content.toString("utf8");
    case 0x13:
    case 0x16:
    case 0x14:
      return content.toString("latin1");
    case 0x1e:
      return Buffer.from(content).swap16().toString("utf16le");
    default:
      return undefined;
  }
}

function objectId(bytes: Buffer): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of bytes) {
    number = number * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    if (numbers.length === 0) {
      const first = Math.min(2, Math.floor(number / 40));
      numbers.push(first, number - first * 40);
    } else {
      numbers.push(number);
    }
    number = 0;
  }
  return numbers.join(".");
}

function elements(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const next = one(rest);
    found.push(next);
    rest = rest.subarray(next.whole.length);
  }
  return found;
}

function one(bytes: Buffer): Element {
  const tag = bytes.readUInt8(0);
  const short = bytes.readUInt8(1);
  const lengthBytes = short < 0x80 ? 0 : short & 0x7f;
  const length = lengthBytes === 0 ? short : bytes.readUIntBE(2, lengthBytes);
  const start = 2 + lengthBytes;
  if (start + length > bytes.length) throw new RangeError("an element that is longer than what holds it");
  return { tag, whole: bytes.subarray(0, start + length), content: bytes.subarray(start, start + length) };
}
