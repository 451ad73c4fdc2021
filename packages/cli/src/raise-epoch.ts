/** The one thing that a copy asks of a Corral server's admin port: to go on in a later epoch. */
import { httpRequest, type TlsOptions } from "@corral/io";

/** Where the admin port is, and what it wants to be shown. */
export interface AdminPort {
  /** `http://127.0.0.1:8080`, or `https://…` */
  readonly url: string;
  readonly token: string | undefined;
  /** For `https://`: whom to trust and what to show. Default: whom Node trusts. */
  readonly tls?: TlsOptions | undefined;
}

/** Has the server begin an epoch above that of `aboveZxid`. Rejects with what the server says. */
export async function raiseEpoch({ url, token, tls }: AdminPort, aboveZxid: bigint): Promise<void> {
  const target = `${url.replace(/\/+$/, "")}/commands/raise_epoch?above=0x${aboveZxid.toString(16)}`;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  let answer: unknown;
  try {
    answer = JSON.parse((await httpRequest(target, { method: "POST", headers, tls })).body);
  } catch (error) {
    throw new Error(
      `The admin port at ${url} does not answer as one of Corral's: is the URL right? (${messageOf(error)})`,
      {
        cause: error,
      },
    );
  }
  const said = typeof answer === "object" && answer !== null && "error" in answer ? answer.error : "no answer";
  if (said !== null) throw new Error(`The admin port at ${url} refuses to begin a later epoch: ${String(said)}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
