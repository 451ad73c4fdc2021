/** One HTTP request and its answer. Node's `fetch` takes no authorities of one's own, and no certificate to show. */
import { request as requestInClear } from "node:http";
import { request as requestWithTls } from "node:https";
import type { TlsOptions } from "./tls-dialer.ts";
import { explainTls } from "./tls-errors.ts";

/** What to ask for. */
export interface HttpRequestOptions {
  /** Default GET. */
  readonly method?: "GET" | "POST" | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
  /** For `https:`. Default: whom Node trusts. */
  readonly tls?: TlsOptions | undefined;
  /** Longest answer, bytes. Default 1 MiB. */
  readonly maxBytes?: number | undefined;
}

/** What was answered. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** Rejects with the operating system's error, with what TLS says in words, or when the answer is too long. */
export function httpRequest(url: URL | string, options: HttpRequestOptions = {}): Promise<HttpAnswer> {
  const { method = "GET", headers = {}, body, tls: { ca, ...tls } = {}, maxBytes = 1 << 20 } = options;
  const target = new URL(url);
  const authorities = ca === undefined ? {} : { ca: typeof ca === "string" || Buffer.isBuffer(ca) ? ca : [...ca] };
  const common = { method, headers, agent: false } as const;
  return new Promise((resolve, reject) => {
    const outgoing =
      target.protocol === "https:"
        ? requestWithTls(target, { ...common, minVersion: "TLSv1.2", ...tls, ...authorities })
        : requestInClear(target, common);
    outgoing.on("error", (error) => reject(explainTls(error, { stage: "stream", isOneOfSeveral: false })));
    outgoing.on("response", (incoming) => {
      const chunks: Buffer[] = [];
      let length = 0;
      incoming.on("error", reject);
      incoming.on("data", (chunk: Buffer) => {
        length += chunk.length;
        if (length > maxBytes) incoming.destroy(new Error(`the answer has more than ${maxBytes} bytes`));
        else chunks.push(chunk);
      });
      incoming.on("end", () =>
        resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }),
      );
    });
    outgoing.end(body);
  });
}
