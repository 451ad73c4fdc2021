import { describe, expect, test } from "vitest";
import { subjectOf } from "./distinguished-name.ts";

function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const head = Buffer.from([tag, 0x84, 0, 0, 0, 0]);
  head.writeUInt32BE(content.length, 2);
  return Buffer.concat([head, content]);
}

/** As far as a subject is looked for in it: one of a common name alone, behind five other fields. */
function certificateFor(commonName: string): Buffer {
  const attribute = der(0x30, der(0x06, Buffer.from([0x55, 0x04, 0x03])), der(0x0c, Buffer.from(commonName)));
  const others = [0xa0, 0x02, 0x30, 0x30, 0x30].map((tag) => der(tag));
  return der(0x30, der(0x30, ...others, der(0x30, der(0x31, attribute))));
}

describe("the subject of a certificate", () => {
  /** Made by OpenSSL: /C=DE/O=Müller, Söhne & "Co" <x>; a=b\\c/DC=example/OU=one+UID=two/emailAddress=a@b.c/CN=#hash d */
  const certificate = Buffer.from(
    "MIICkjCCAjegAwIBAgIUdHBGEt2Acc3COZK8tK+A+PY4rZQwCgYIKoZIzj0EAwIwgZwxCzAJBgNVBAYTAkRFMSowKAYDVQQKDCFN" +
      "w7xsbGVyLCBTw7ZobmUgJiAiQ28iIDx4PjsgYT1iXGMxFzAVBgoJkiaJk/IsZAEZFgdleGFtcGxlMR8wCgYDVQQLDANvbmUwEQYK" +
      "CZImiZPyLGQBAQwDdHdvMRQwEgYJKoZIhvcNAQkBFgVhQGIuYzERMA8GA1UEAwwII2hhc2ggZCAwIBcNMjYxMTI4MjM1MjE2WhgP" +
      "MjEyNjExMDQyMzUyMTZaMIGcMQswCQYDVQQGEwJERTEqMCgGA1UECgwhTcO8bGxlciwgU8O2aG5lICYgIkNvIiA8eD47IGE9Ylxj" +
      "MRcwFQYKCZImiZPyLGQBGRYHZXhhbXBsZTEfMAoGA1UECwwDb25lMBEGCgmSJomT8ixkAQEMA3R3bzEUMBIGCSqGSIb3DQEJARYF" +
      "YUBiLmMxETAPBgNVBAMMCCNoYXNoIGQgMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE3hRcUvKiQ14mK6IKXXyqE1ofRjZ+lzcz" +
      "FkD1tu9T1H7deoKwxLNgYqWe0/Wx/XqjD3X6INU6WPUKjdFikk9j06NTMFEwHQYDVR0OBBYEFOJ4ydAShunR0Fyl093kOD0MKr1x" +
      "MB8GA1UdIwQYMBaAFOJ4ydAShunR0Fyl093kOD0MKr1xMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAIh/D1b3" +
      "PAePh3faubOgzrJr6Ayxq6D9ODrR3EmA4vmnAiEA35Y5VqTv6V1Gzxfl+U73V6hj+EcLmYgFW+PdMG+xo5E=",
    "base64",
  );

  test("as Java writes it", () => {
    // What X500Principal.getName() of OpenJDK says of this certificate.
    expect(subjectOf(certificate)).toBe(
      'CN=\\#hash d\\ ,1.2.840.113549.1.9.1=#16056140622e63,OU=one+UID=two,DC=example,O=Müller\\, Söhne & \\"Co\\" \\<x\\>\\; a\\=b\\\\c,C=DE',
    );
  });

  test("spaces are escaped at both ends of a value, and there alone", () => {
    expect(subjectOf(certificateFor("  one  two  "))).toBe("CN=\\ \\ one  two\\ \\ ");
    expect(subjectOf(certificateFor("   "))).toBe("CN=\\ \\ \\ ");
    expect(subjectOf(certificateFor(""))).toBe("CN=");
    // The end looked for from each of them, they took minutes.
    const between = `a${" ".repeat(300_000)}b`;
    expect(subjectOf(certificateFor(between)) === `CN=${between}`).toBe(true);
  }, 5_000);

  test("what is no certificate is refused, wherever it ends", () => {
    for (const length of [0, 1, 5, 20, 100])
      expect(() => subjectOf(certificate.subarray(0, length))).toThrow(RangeError);
  });
});
