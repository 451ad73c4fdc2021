/** Texts of addresses and ranges for property tests: right ones in all their forms, some near each other, and nearly right ones. */
import fc from "fast-check";

const v4Text = (bits: bigint) => [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join(".");

const group = (bits: bigint, at: number) => ((bits >> BigInt(112 - 16 * at)) & 0xffffn).toString(16);

/** 128 bits with some groups left out that are 0, or not. */
function v6Text(bits: bigint, gap: { from: number; to: number } | null, endsAsV4: boolean, isUpper: boolean): string {
  const groups = Array.from({ length: endsAsV4 ? 6 : 8 }, (_, at) => group(bits, at));
  if (endsAsV4) groups.push(v4Text(bits & 0xffff_ffffn));
  const text =
    gap === null ? groups.join(":") : `${groups.slice(0, gap.from).join(":")}::${groups.slice(gap.to).join(":")}`;
  return isUpper ? text.toUpperCase() : text;
}

/** Few bits, so that many lie near each other, and mapped ones. */
const bits128 = fc.oneof(
  fc.constantFrom(0n, 1n, 0xffff_0a00_0001n, 0xffff_0a00_0002n, 0xffff_7f00_0001n, 0xfe80n << 112n, (1n << 128n) - 1n),
  fc
    .tuple(fc.bigInt({ min: 0n, max: 0xffff_ffffn }), fc.boolean())
    .map(([low, isMapped]) => (isMapped ? 0xffff_0000_0000n | low : low)),
  fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
);
const flipped = fc
  .tuple(bits128, fc.option(fc.integer({ min: 0, max: 127 })))
  .map(([bits, at]) => (at === null ? bits : bits ^ (1n << BigInt(at))));

const gap = fc.option(fc.tuple(fc.nat(8), fc.nat(8)).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) })));

const zone = fc.constantFrom("", "", "", "%", "%eth0", "%:", "%a%b");
const prefix = fc.oneof(
  fc.constant(""),
  fc.nat(130).map((bits) => `/${bits}`),
  fc.constantFrom("/", "/-1", "/08", "/008", "/0008", "/8/8", "/ 8", "/8 ", "/1e1", "/８"),
);

/** An address in one of its forms. */
const right = fc
  .tuple(
    fc.oneof(
      flipped.map((bits) => v4Text(bits & 0xffff_ffffn)),
      fc.tuple(flipped, gap, fc.boolean(), fc.boolean()).map((parts) => v6Text(...parts)),
    ),
    zone,
  )
  .map((parts) => parts.join(""));

/** Pieces of addresses, put together as it comes. */
const odd = fc
  .array(
    fc.constantFrom(
      ":",
      ":",
      "::",
      ".",
      ".",
      "/",
      "%",
      "0",
      "1",
      "255",
      "256",
      "00",
      "fFff",
      "12345",
      "g",
      "-",
      " ",
      "\n",
      "٣",
      "1.2.3.4",
      "::ffff:",
      "a:b:c",
    ),
    { maxLength: 14 },
  )
  .map((pieces) => pieces.join(""));

/** A right one with a character taken out or put in. */
const nearly = fc
  .tuple(right, fc.nat(46), fc.nat(2), fc.constantFrom("", ":", ".", "0", "f", "%", "/", "x"))
  .map(([text, at, out, more]) => `${text.slice(0, at)}${more}${text.slice(at + out)}`);

export const addressText = fc.oneof({ weight: 4, arbitrary: right }, nearly, odd);

export const rangeText = fc.tuple(addressText, prefix).map((parts) => parts.join(""));
