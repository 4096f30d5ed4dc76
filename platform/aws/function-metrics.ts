import { Metrics as PowertoolsMetrics } from '@aws-lambda-powertools/metrics'
import type { Logger, Metrics } from '../ports/observability.ts'

/** The namespace of the metrics, unless POWERTOOLS_METRICS_NAMESPACE says another. */
const metricsNamespace = 'Millrace'

/** CloudWatch takes at most 100 values of a metric, and 100 metrics, in one line of the log. */
const maxMeasurements = 99

/** Measurements that are kept until they are flushed. */
export interface FunctionMetrics extends Metrics {
  /** Hands all measurements over. Never throws: they are told, and the work is done. */
  flush(): void
}

type Measurement = Parameters<Metrics['record']>

/** Measurements by Powertools, as lines of the log in CloudWatch's embedded metric format. */
export function powertoolsMetrics(logger: Logger): FunctionMetrics {
  const namespace = process.env['POWERTOOLS_METRICS_NAMESPACE'] ?? metricsNamespace
  const metrics = new PowertoolsMetrics({ namespace })
  let recorded: Measurement[] = []
  const publish = (dimensions: Readonly<Record<string, string>>, group: Measurement[]) => {
    if (Object.keys(dimensions).length > 0) metrics.addDimensions({ ...dimensions })
    for (const [name, value, unit] of group) metrics.addMetric(name, unit, value)
    metrics.publishStoredMetrics()
  }
  return {
    record: (...measurement) => void recorded.push(measurement),
    flush() {
      const groups = Map.groupBy(recorded, ([, , , dimensions = {}]) =>
        JSON.stringify(Object.entries(dimensions).sort()),
      )
      recorded = []
      for (const group of groups.values()) {
        for (let at = 0; at < group.length; at += maxMeasurements) {
          try {
            publish(group[0]![3] ?? {}, group.slice(at, at + maxMeasurements))
          } catch (error) {
            metrics.clearMetrics()
            metrics.clearDimensions()
            logger.warn('measurements were lost', { error: String(error) })
          }
        }
      }
    },
  }
}
