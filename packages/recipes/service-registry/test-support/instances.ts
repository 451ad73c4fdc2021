/** Instances for tests that need some. */
import type { ServiceInstance } from "../src/instance.ts";

/** An instance of the service `/s`, passing, with whatever is said otherwise. */
export function anInstance(id: string, of: Partial<ServiceInstance> = {}): ServiceInstance {
  return {
    name: "s",
    id,
    address: "10.0.0.1",
    port: 8080,
    sslPort: undefined,
    registrationTimeMs: 0,
    serviceType: "DYNAMIC",
    uriSpec: undefined,
    enabled: true,
    tags: [],
    weight: 1,
    zone: undefined,
    metadata: {},
    health: "passing",
    healthNote: undefined,
    payload: undefined,
    path: `/s/${id}`,
    czxid: 1n,
    sessionId: 1n,
    ...of,
  };
}
