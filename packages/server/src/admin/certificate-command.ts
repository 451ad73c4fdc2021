/** The command that has the server read its certificates again. The server finds new ones by itself; this says at once what came of it. */
import { type AdminCommand, CommandError } from "./admin-command.ts";

/** `reload_certificates`. */
export const certificateCommand: AdminCommand = {
  names: ["reload_certificates"],
  needsToken: true,
  parameters: [],
  method: "POST",
  run: ({ reloadCertificates }) => {
    const outcomes = reloadCertificates();
    if (outcomes.length === 0) throw new CommandError("this server speaks no TLS: there is nothing to read", 409);
    const failures = outcomes.flatMap((one) => ("failure" in one ? [one.failure] : []));
    if (failures.length > 0) {
      const others = failures.length < outcomes.length ? "; others were read" : "";
      throw new CommandError(`the certificates before stay: ${failures.join("; ")}${others}`, 409);
    }
    return {
      certificates: outcomes.flatMap((one) => {
        if ("failure" in one) return [];
        const { subject, expiresMs } = one.certificate;
        return [{ file: one.certFile, subject, not_after: new Date(expiresMs).toISOString() }];
      }),
    };
  },
};
