/** The table of metrics as Prometheus reads it. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { type HistogramMetric, type Metric, metrics, type NumberMetric, type Reading } from "./metrics.ts";
import type { Subject } from "./subject.ts";

/** A registry of its own, which reads everything from the server at the moment at which it is asked. */
export function registryOf(subject: Subject): Registry {
  const registry = new Registry();
  for (const metric of metrics) register(registry, metric, subject);
  return registry;
}

function register(registry: Registry, metric: Metric, subject: Subject): void {
  if (metric.kind === "histogram") registry.registerMetric(new ReadHistogram(metric, subject));
  else if (metric.kind === "gauge") registerGauge(registry, metric, subject);
  else registerCounter(registry, metric, subject);
}

const labelNames = ({ label }: Metric): string[] => (label === undefined ? [] : [label]);

function registerGauge(registry: Registry, metric: NumberMetric, subject: Subject): void {
  const { name, help, label, read } = metric;
  const target = new Gauge({
    name,
    help,
    labelNames: labelNames(metric),
    registers: [registry],
    async collect() {
      // A gauge without labels would be 0 after its reset, and is nothing where there is nothing to read.
      target.reset();
      if (label === undefined) target.remove();
      for (const [value, number] of pairs(await read(subject)))
        target.set(label === undefined ? {} : { [label]: value }, number);
    },
  });
}

function registerCounter(registry: Registry, metric: NumberMetric, subject: Subject): void {
  const { name, help, read } = metric;
  const target = new Counter({
    name,
    help,
    registers: [registry],
    async collect() {
      target.reset();
      for (const [, number] of pairs(await read(subject))) target.inc(number);
    },
  });
}

function pairs(reading: Reading): Iterable<readonly [string, number]> {
  return typeof reading === "number" ? [["", reading]] : reading;
}

/** A histogram that was counted elsewhere. */
class ReadHistogram extends Histogram {
  readonly #metric: HistogramMetric;
  readonly #subject: Subject;

  constructor(metric: HistogramMetric, subject: Subject) {
    const { name, help } = metric;
    super({ name, help, labelNames: labelNames(metric), registers: [] });
    this.#metric = metric;
    this.#subject = subject;
  }

  /** What the registry asks, rather than `get`. */
  async getForPromString(): Promise<{ name: string; help: string; type: "histogram"; values: readonly object[] }> {
    const { name, help, label, scale, read } = this.#metric;
    const values: object[] = [];
    for (const [labelValue, { bounds, counts, sum, count }] of read(this.#subject)) {
      const labels = label === undefined ? {} : { [label]: labelValue };
      let below = 0;
      for (const [i, bound] of [...bounds, Number.POSITIVE_INFINITY].entries()) {
        below += counts[i] ?? 0;
        const le = bound === Number.POSITIVE_INFINITY ? "+Inf" : Number((bound * scale).toPrecision(12));
        values.push({ metricName: `${name}_bucket`, labels: { le, ...labels }, value: below });
      }
      values.push({ metricName: `${name}_sum`, labels, value: sum * scale });
      values.push({ metricName: `${name}_count`, labels, value: count });
    }
    return { name, help, type: "histogram", values };
  }
}
