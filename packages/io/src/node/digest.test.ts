import { expect, test } from "vitest";
import { type DigestAlgorithm, digestBase64, digestLengths, sha1Base64 } from "./digest.ts";

/** As Apache ZooKeeper's DigestAuthenticationProvider prints them for `bob:secret`. */
test.each([
  ["SHA1", "fyVmFCwVbTJYrznoSu1koqYEYF0="],
  ["SHA-256", "huAluaVu3uER4LIpielGv9Qqk5x3YVDr6I2R/mXf2wE="],
  ["SHA3-256", "ukO6WgYOvbjGYGRnCevsZ2T9tQ3ynirMDLl7Q45X6Rc="],
  ["SHA-512", "MON49O1q1UU4gzHRH8XFfdstQyTRtQRoDT+8dvk+qrZdXJegJxeoYDJfch4LeWUjXjSWIiqnKXpFYZi7tC1AZw=="],
] as const)("%s", (algorithm, digest) => {
  expect(digestBase64(algorithm, "bob:secret")).toBe(digest);
});

test("every algorithm is there, and gives as many bytes as it is said to", () => {
  for (const [algorithm, bytes] of Object.entries(digestLengths)) {
    expect(Buffer.from(digestBase64(algorithm as DigestAlgorithm, "ä"), "base64")).toHaveLength(bytes);
  }
  expect(digestBase64("SHA1", "päß")).toBe(sha1Base64("päß"));
});
