import { expect, test } from "vitest";
import { sameSecret } from "./session-table.ts";

test("secrets are the same when every byte is", () => {
  const secret = Buffer.from("0123456789abcdef");
  expect(sameSecret(secret, Buffer.from(secret))).toBe(true);
  expect(sameSecret(Buffer.alloc(0), Buffer.alloc(0))).toBe(true);
  for (let i = 0; i < secret.length; i++) {
    const other = Buffer.from(secret);
    other.writeUInt8((secret[i] ?? 0) ^ 0x80, i);
    expect(sameSecret(secret, other)).toBe(false);
  }
  expect(sameSecret(secret, secret.subarray(0, 15))).toBe(false);
  expect(sameSecret(secret, Buffer.alloc(0))).toBe(false);
});

test("every byte is looked at, wherever the first difference is", () => {
  const looked: number[] = [];
  const watched = new Proxy(new Uint8Array(16), {
    get(target, key) {
      if (typeof key === "string" && /^\d+$/.test(key)) looked.push(Number(key));
      return Reflect.get(target, key, target);
    },
  });
  sameSecret(watched, new Uint8Array(16).fill(1));
  expect(looked).toEqual(Array.from({ length: 16 }, (_, i) => i));
});
