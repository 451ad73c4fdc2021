import { describe, expect, test } from "vitest";
import { digestMd5 } from "./digest-md5.ts";

/** The example of RFC 2831, section 4 (with IMAP as its service). */
const cnonce = "OA6MHXh6VqTrRk";
const example = { username: "chris", password: "secret", service: "imap", host: "elwood.innosoft.com" };
const challenge = 'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8';

describe("DIGEST-MD5", () => {
  test("answers as the RFC's example does, and knows the server's proof", () => {
    const exchange = digestMd5(example, cnonce);
    const answer = Buffer.from(exchange.next(Buffer.from(challenge)) as Uint8Array).toString();
    expect(answer).toBe(
      'charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",nc=00000001,' +
        'cnonce="OA6MHXh6VqTrRk",digest-uri="imap/elwood.innosoft.com",maxbuf=65536,' +
        "response=d388dad90d4bbd760a152321f2143af7,qop=auth",
    );
    expect(exchange.next(Buffer.from("rspauth=ea40f60335c427b5527b84dbabcdfffd"))).toBe("done");
  });

  test("by default it speaks to ZooKeeper's servers", () => {
    const exchange = digestMd5({ username: "bob", password: "secret" }, cnonce);
    const answer = Buffer.from(exchange.next(Buffer.from('realm="zk-sasl-md5",nonce="x"')) as Uint8Array).toString();
    expect(answer).toContain('digest-uri="zookeeper/zk-sasl-md5"');
  });

  test("a server that proves nothing is refused", () => {
    const exchange = digestMd5(example, cnonce);
    exchange.next(Buffer.from(challenge));
    expect(() => exchange.next(Buffer.from("rspauth=00000000000000000000000000000000"))).toThrow(/password/);
  });

  test("what is no challenge is refused, with what to look at", () => {
    expect(() => digestMd5(example, cnonce).next(null)).toThrow(/configured/);
    expect(() => digestMd5(example, cnonce).next(Buffer.from("hello"))).toThrow(/DIGEST-MD5/);
    expect(() => digestMd5(example, cnonce).next(Buffer.from('nonce="x",qop="auth-conf"'))).toThrow(/auth-conf/);
  });

  test("quotes and characters beyond ASCII survive", () => {
    const exchange = digestMd5({ username: 'a"b\\c', password: "päß" }, cnonce);
    const answer = Buffer.from(exchange.next(Buffer.from('nonce="q\\"x"')) as Uint8Array).toString();
    expect(answer).toContain('username="a\\"b\\\\c"');
    expect(answer).toContain('nonce="q\\"x"');
  });
});
