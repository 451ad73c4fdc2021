/** Section K: authentication, errors, and when the connection ends. */
import { CreateMode, type MultiOperation, multiHeaderCodec, OpCode, operations, Writer } from "@corral/protocol";
import { expect } from "vitest";
import { fourLetterWord } from "../../support/four-letter-word.ts";
import { node, onBoth } from "../servers/on-both.ts";

/** Bytes of a number. */
function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** A body that has null for its path, and then a number or a flag. */
function none(then?: number | boolean): Buffer {
  const rest = then === undefined ? [] : [typeof then === "number" ? int(then) : Buffer.from([then ? 1 : 0])];
  return Buffer.concat([int(-1), ...rest]);
}

/** No path, no data, an open list, no flags. */
const createOfNone = ((): Buffer => {
  const w = new Writer();
  operations.create.request.write(w, node("", CreateMode.persistent, null));
  const bytes = w.take();
  bytes.writeInt32BE(-1, 0);
  return bytes;
})();

/** A transaction that ends with a part of these bytes. */
function transaction(before: readonly MultiOperation[], type: number, body: Uint8Array): Buffer {
  const end = new Writer();
  multiHeaderCodec.write(end, { type: -1, done: true, err: -1 });
  const w = new Writer();
  operations.multi.request.write(w, before);
  const parts = w.take();
  const header = new Writer();
  multiHeaderCodec.write(header, { type, done: false, err: -1 });
  return Buffer.concat([parts.subarray(0, parts.length - 9), header.take(), body, end.take()]);
}

onBoth("K. What ends a connection", (server) => {
  server.test("K.1 a scheme that is unknown: AuthFailed, on the xid of auth, and the end", async ({ caller }) => {
    const a = await caller();
    const frame = a.connection.encode("auth", { type: 0, scheme: "none", auth: Buffer.from("x") }, -4);
    a.connection.socket.write(frame);
    const { header } = await a.connection.reply();
    expect(header).toEqual({ xid: -4, zxid: 0, err: -115 });
    await a.untilClosed();
  });

  server.test("K.1 a user without a password", async (visit) => {
    const a = await visit.caller();
    expect(await a.authenticate("bob")).toBe(visit.differing("K.1"));
  });

  server.test("K.1 an unknown operation, and operation 0: Unimplemented and the end", async ({ caller }) => {
    for (const opcode of [4_711, OpCode.notification, 23]) {
      const a = await caller();
      expect(await a.raw(opcode), String(opcode)).toBe("Unimplemented");
      await a.untilClosed();
    }
  });

  server.test("K.1 a body that cannot be decoded: MarshallingError, and the connection stays", async ({ caller }) => {
    const a = await caller();
    for (const operation of ["create", "create2", "delete", "setData", "getData", "exists", "getChildren"] as const) {
      expect(await a.raw(OpCode[operation], Buffer.from([0, 0, 0, 9, 1])), operation).toBe("MarshallingError");
    }
    expect(await a.error("ping", {})).toBe("Ok");
  });

  server.test("K.1 a list of fewer than no entries, which is not none at all either", async (visit) => {
    const a = await visit.caller();
    const path = Buffer.from(visit.path);
    const body = Buffer.concat([int(path.length), path, int(-2), int(-1)]);
    expect(await a.raw(OpCode.setACL, body)).toBe(visit.differing("K.1 lists"));
    expect(await a.error("ping", {})).toBe("Ok");
  });

  server.test("K.1 no path at all: what can do nothing without one is not decoded", async ({ caller, path }) => {
    const a = await caller();
    const asked = {
      getData: none(false),
      exists: none(true),
      getChildren: none(false),
      getChildren2: none(true),
      getACL: none(),
      getAllChildrenNumber: none(),
      checkWatches: none(3),
      create: createOfNone,
      create2: createOfNone,
      createContainer: createOfNone,
      createTTL: Buffer.concat([createOfNone.subarray(0, -4), int(CreateMode.persistentWithTtl), int(0), int(5_000)]),
      delete: none(-1),
    } as const;
    for (const [operation, body] of Object.entries(asked)) {
      const opcode = OpCode[operation as keyof typeof asked];
      expect(await a.raw(opcode, body), operation).toBe("MarshallingError");
    }
    const parts = [
      [OpCode.create, createOfNone],
      [OpCode.delete, none(-1)],
      [OpCode.setData, Buffer.concat([none(-1), int(-1)])],
      [OpCode.check, none(-1)],
    ] as const;
    for (const [type, body] of parts) {
      // Whatever had failed before it.
      const before: MultiOperation = { type: OpCode.delete, path: `${path}/missing`, version: -1 };
      expect(await a.raw(OpCode.multi, transaction([before], type, body)), String(type)).toBe("MarshallingError");
    }
    for (const type of [OpCode.getData, OpCode.getChildren]) {
      expect(await a.raw(OpCode.multiRead, transaction([], type, none(false))), String(type)).toBe("MarshallingError");
    }
    expect(await a.error("ping", {})).toBe("Ok");
  });

  server.test("K.1 no path at all: the others take it for one that names nothing", async ({ caller, path }) => {
    const a = await caller();
    const noAcl = Buffer.concat([none(), int(-1), int(-1)]);
    expect(await a.raw(OpCode.setData, Buffer.concat([none(-1), int(-1)]))).toBe("BadArguments");
    expect(await a.raw(OpCode.setACL, noAcl)).toBe("BadArguments");
    expect(await a.raw(OpCode.removeWatches, none(3))).toBe("NoWatcher");
    // So does addWatch, but Apache ZooKeeper then never closes the connection, not even when the session is.
    await a.value("create", node(`${path}/e`, CreateMode.ephemeral));
    expect(await a.value("sync", { path: null })).toEqual({ path: null });
    expect(await a.raw(OpCode.getEphemerals, none())).toBe("Ok");
  });

  server.test("K.1 an auth or sasl that cannot be decoded ends the connection without a word", async ({ caller }) => {
    for (const [opcode, body] of [
      [OpCode.auth, int(9)],
      [OpCode.auth, Buffer.concat([int(0), int(9), int(1)])],
      [OpCode.auth, Buffer.alloc(0)],
      [OpCode.sasl, int(9)],
      [OpCode.sasl, Buffer.alloc(0)],
    ] as const) {
      const a = await caller();
      expect(await a.raw(opcode, body)).toBe("closed");
    }
  });

  server.test(
    "K.1 reconfig, which is off unless it is switched on, is ReconfigDisabled, and the connection stays",
    async ({ caller }) => {
      const a = await caller();
      const request = { joiningServers: null, leavingServers: null, newMembers: "x", curConfigId: -1 };
      expect(await a.error("reconfig", request)).toBe("ReconfigDisabled");
      expect(await a.error("ping", {})).toBe("Ok");
    },
  );

  server.test("K.1 a frame of a length that cannot be ends the connection without a word", async ({ caller }) => {
    for (const length of [-1, 0x100000, 0x7fffffff]) {
      const a = await caller();
      const prefix = Buffer.alloc(4);
      prefix.writeInt32BE(length);
      a.connection.socket.write(prefix);
      await a.untilClosed();
      expect(a.takeHeard()).toEqual([]);
    }
  });

  server.test("K.1 what follows the end of a session is not answered", async ({ caller, path }) => {
    const a = await caller();
    a.connection.send("closeSession", {});
    a.connection.send("create", node(`${path}/late`));
    expect((await a.answer("closeSession")).err).toBe("Ok");
    expect((await a.answer("create")).err).toBe("closed");
    const b = await caller();
    expect(await b.error("exists", { path: `${path}/late`, watch: false })).toBe("NoNode");
  });

  server.test("K.1 an error of an operation leaves the connection as it is", async ({ caller, path }) => {
    const a = await caller();
    const errors = [
      await a.error("create", node(path)),
      await a.error("delete", { path: "/", version: -1 }),
      await a.error("getData", { path: `${path}/missing`, watch: false }),
      await a.error("create", { ...node(`${path}/x`), acl: null }),
      await a.error("create", node(`${path}/x`, CreateMode.persistentWithTtl)),
      await a.error("removeWatches", { path, type: 1 }),
      await a.error("ping", {}),
    ];
    expect(errors).toEqual(["NodeExists", "BadArguments", "NoNode", "InvalidAcl", "BadArguments", "NoWatcher", "Ok"]);
  });
});

onBoth(
  "K. Words",
  (server) => {
    server.test("K.1 telnet's interrupt is a word, and not among those that are allowed", async ({ caller, port }) => {
      const sentence = "telnet close is not executed because it is not in the whitelist.\n";
      expect(await fourLetterWord(port, Buffer.from("fff4fffd06", "hex"))).toBe(sentence);
      // In the middle of a session it is a length that cannot be.
      const a = await caller();
      a.connection.socket.write(Buffer.from("fff4fffd06", "hex"));
      await a.untilClosed();
      expect(a.takeHeard()).toEqual([]);
    });
  },
  "fresh",
);

onBoth(
  "M. Reconfig, switched on",
  (server) => {
    server.test(
      "M.1 alone, a server has nothing to reconfigure: Unimplemented, and the connection stays",
      async (v) => {
        const a = await v.caller();
        const nothing = { joiningServers: null, leavingServers: null, newMembers: null, curConfigId: -1 };
        for (const request of [nothing, { ...nothing, newMembers: "server.1=127.0.0.1:1:2;3" }]) {
          expect(await a.error("reconfig", request)).toBe("Unimplemented");
          expect(await a.error("ping", {})).toBe("Ok");
        }
      },
    );
  },
  "fresh",
);
