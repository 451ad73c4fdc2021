/**
 * Registers again and again under a name that one at a time may hold, and each time acts on it: by writes that are guarded
 * by the registration. `by`: `name`, each with an id of its own, holding the name alone; `id`, all with the same id, of
 * which each waits until the one before has gone. Journals what it holds, what it did and what it was refused, each with
 * the token; it goes on through everything.
 */
import { connect, isCoordinationError } from "@corral/client";
import { isGrantLostError, ServiceRegistry } from "@corral/service-registry";
import { config, journal, onStop } from "./child.mjs";

const { connectString, by, sessionTimeoutMs, acts } = config;
const client = await connect(connectString, { sessionTimeoutMs });
const stopping = new AbortController();
onStop(async () => {
  stopping.abort();
  await client.close();
});

const registry = new ServiceRegistry(client);
const spec = { name: "contended", id: by === "name" ? config.id : "the-one", address: "127.0.0.1" };
const options = { whenTaken: "wait", exclusive: by === "name", takeOver: false, signal: stopping.signal };

/** The node that all of them write to, each write under its writer's registration. */
async function act(registration) {
  const token = registration.fencingToken;
  try {
    const [, { stat }] = await client.transaction().guard(registration).set("/resource", String(token)).commit();
    journal("acted", { token, zxid: stat.mzxid });
  } catch (error) {
    if (isGrantLostError(error)) journal("refused", { token });
    else if (isCoordinationError(error, "ConnectionLoss")) journal("unknown", { token });
    else throw error;
  }
}

while (!stopping.signal.aborted) {
  const registration = await registry.register(spec, options);
  const token = registration.fencingToken;
  journal("granted", { token });
  registration.signal.addEventListener("abort", () =>
    journal("over", { token, why: String(registration.signal.reason) }),
  );
  for (let i = 0; i < acts && registration.held; i++) await act(registration);
  // Whatever it believes by now: the tree must refuse it if it is wrong.
  await act(registration);
  await registration.release();
  journal("released", { token });
}
