/**
 * The commands that hand out the whole state, or put another in its place. Apache has the first two under the same names.
 * They look at no access list, so they are there only for who shows the admin token, on this machine too.
 */
import { formatZxid, makeZxid, zxidEpoch, zxidEpochSize } from "@corral/protocol";
import { NeverError } from "../driver.ts";
import { MaintenanceError, NoRoomError } from "../maintenance.ts";
import { lastEpoch } from "../storage/epochs.ts";
import type { OpenSnapshot } from "../storage/storage.ts";
import { type AdminCommand, CommandError } from "./admin-command.ts";
import { readBody } from "./request-body.ts";

/** `snapshot`, `restore` and `raise_epoch`. */
export const stateCommands: readonly AdminCommand[] = [
  {
    names: ["snapshot", "snap"],
    needsToken: true,
    isAudited: true,
    parameters: ["streaming"],
    run: async (subject, query) => {
      const isStreaming = yesOrNo("streaming", query.get("streaming") ?? "true");
      const snapshot = await orRefused(subject.maintenance.takeSnapshot());
      const { zxid, bytes } = snapshot;
      if (!isStreaming) {
        await snapshot.close();
        return { last_zxid: formatZxid(zxid), snapshot_size: bytes };
      }
      return new Response(streamOf(snapshot), {
        headers: {
          "content-type": "application/octet-stream",
          "content-length": String(bytes),
          "content-disposition": `attachment; filename="snapshot.${zxid.toString(16)}"`,
          last_zxid: formatZxid(zxid),
          snapshot_size: String(bytes),
        },
      });
    },
  },
  {
    names: ["restore", "rest"],
    needsToken: true,
    isAudited: true,
    parameters: ["above"],
    method: "POST",
    run: async (subject, query, request) => {
      const above = zxidOf(query.get("above") ?? "0");
      const bytes = await readBody(request, subject.config.limits.maxRestoreBytes);
      if (bytes.length === 0) throw new CommandError("send the snapshot as the body of the request", 400);
      return { last_zxid: formatZxid(await orRefused(subject.maintenance.restore(bytes, above))) };
    },
  },
  {
    names: ["raise_epoch"],
    needsToken: true,
    isAudited: true,
    parameters: ["above"],
    method: "POST",
    run: async (subject, query) => {
      const above = query.get("above");
      if (above === null) throw new CommandError("say above which zxid: ?above=0x500000003", 400);
      const epoch = await orRefused(subject.maintenance.raiseEpoch(zxidEpoch(zxidOf(above)) + 1));
      return { epoch, next_zxid: formatZxid(Math.max(makeZxid(epoch, 1), subject.replica.state.lastZxid + 1)) };
    },
  },
];

function yesOrNo(name: string, text: string): boolean {
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === "true";
  throw new CommandError(`${name}=${text} is neither true nor false`, 400);
}

function zxidOf(text: string): number {
  const zxid = /^(0x[\da-f]{1,16}|\d{1,19})$/i.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(zxid)) return zxid;
  if (!Number.isNaN(zxid)) {
    const epoch = BigInt(text) / BigInt(zxidEpochSize);
    throw new CommandError(`above=${text} is of epoch ${epoch}, which is beyond the last one here, ${lastEpoch}`, 400);
  }
  throw new CommandError(`above=${text} is not a zxid: write it as 0x500000003 or as a number`, 400);
}

async function orRefused<T>(done: Promise<T>): Promise<T> {
  try {
    return await done;
  } catch (error) {
    if (error instanceof NoRoomError) throw new CommandError(error.message, 507);
    if (error instanceof MaintenanceError) throw new CommandError(error.message, 409);
    if (error instanceof NeverError) throw new CommandError(error.message, 503);
    throw error;
  }
}

/** Reads the file at the pace of whoever takes it. */
function streamOf(snapshot: OpenSnapshot): ReadableStream<Uint8Array> {
  let position = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const bytes = await snapshot.read(position);
        position += bytes.length;
        if (bytes.length > 0) return controller.enqueue(bytes);
        await snapshot.close();
        controller.close();
      },
      cancel: () => snapshot.close(),
    },
    { highWaterMark: 1 },
  );
}

/** Why nobody may use them where no `token` is set. */
export function tokenRefusal(token: string | undefined): string | undefined {
  if (token !== undefined) return undefined;
  return "this command is only for who shows the admin token: start the server with CORRAL_ADMIN_TOKEN, and show that token";
}
