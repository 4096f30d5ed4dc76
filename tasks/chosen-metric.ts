import type { LearningTask, MetricName, ModelMetrics, RejectionReason } from './shapes.ts'

interface Metric {
  readonly task: LearningTask
  /** As a sentence names it. */
  readonly title: string
  readonly lessIsBetter?: true
}

const metrics: Readonly<Record<MetricName, Metric>> = {
  accuracy: { task: 'classification', title: 'accuracy' },
  balancedAccuracy: { task: 'classification', title: 'balanced accuracy' },
  macroF1: { task: 'classification', title: 'macro F1' },
  logLoss: { task: 'classification', title: 'log loss', lessIsBetter: true },
  rmse: { task: 'regression', title: 'RMSE', lessIsBetter: true },
  mae: { task: 'regression', title: 'MAE', lessIsBetter: true },
  r2: { task: 'regression', title: 'R²' },
  silhouette: { task: 'clustering', title: 'silhouette' },
}

const usual = {
  classification: 'accuracy',
  regression: 'rmse',
  clustering: 'silhouette',
} as const satisfies Record<LearningTask, MetricName>

/** What a training goes by: what was asked for, else the usual one of its task. */
export function metricOf(
  task: LearningTask,
  { metric }: { readonly metric?: MetricName | undefined },
): MetricName {
  return metric ?? usual[task]
}

/** Metrics of a task. */
export function metricsOfTask(task: LearningTask): MetricName[] {
  return (Object.keys(metrics) as MetricName[]).filter((name) => metrics[name].task === task)
}

/** Why a metric is for none of these tasks, if it is not. */
export function metricReason(
  metric: MetricName | undefined,
  possible: readonly LearningTask[],
): RejectionReason | undefined {
  if (metric === undefined || possible.includes(metrics[metric].task)) return undefined
  const known = possible.flatMap(metricsOfTask).join(', ')
  return {
    code: 'MetricUnsupported',
    message: `the metric ${metric} is for ${metrics[metric].task}, not for ${possible.join(' or ')}, for which there are ${known}`,
  }
}

export function titleOf(metric: MetricName): string {
  return metrics[metric].title
}

export function isLessBetter(metric: MetricName): boolean {
  return metrics[metric].lessIsBetter === true
}

/** Negative where `a` is the better score, for sorting. */
export function byMetric(metric: MetricName, a: number, b: number): number {
  return isLessBetter(metric) ? a - b : b - a
}

/** A metric of what was measured on held-out rows; null where it could not be. */
export function valueOf(measured: ModelMetrics, metric: MetricName): number | null {
  const value: unknown = Object.hasOwn(measured, metric)
    ? (measured as Readonly<Record<string, unknown>>)[metric]
    : null
  return typeof value === 'number' ? value : null
}
