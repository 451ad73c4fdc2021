import { describe, expect, test } from "vitest";
import { subjectOf } from "./distinguished-name.ts";

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

  test("what is no certificate is refused, wherever it ends", () => {
    for (const length of [0, 1, 5, 20, 100])
      expect(() => subjectOf(certificate.subarray(0, length))).toThrow(RangeError);
  });
});
