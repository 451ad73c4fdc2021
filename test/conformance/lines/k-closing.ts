/** Section K: authentication, errors, and when the connection ends. */
import { CreateMode, OpCode } from "@corral/protocol";
import { expect } from "vitest";
import { node, onBoth } from "../servers/on-both.ts";

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
