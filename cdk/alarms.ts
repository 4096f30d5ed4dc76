import { Duration } from 'aws-cdk-lib'
import {
  ComparisonOperator,
  TreatMissingData,
  type Alarm,
  type Metric,
  type MetricOptions,
} from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import type { ITopic } from 'aws-cdk-lib/aws-sns'
import type { Construct } from 'constructs'

/** The metrics of a workflow that tell of executions which did not succeed. */
export interface ExecutionMetrics {
  readonly name: string
  metricFailed(options?: MetricOptions): Metric
  metricTimedOut(options?: MetricOptions): Metric
  metricAborted(options?: MetricOptions): Metric
}

export function executionAlarms(scope: Construct, topic: ITopic, workflow: ExecutionMetrics): void {
  const { name } = workflow
  const once = { topic, threshold: 1 }
  alarm(scope, 'ExecutionsFailed', workflow.metricFailed(fiveMinutes), {
    ...once,
    description: `Executions of ${name} failed. Look at one, mend the cause, and redrive it.`,
  })
  alarm(scope, 'ExecutionsTimedOut', workflow.metricTimedOut(fiveMinutes), {
    ...once,
    description: `Executions of ${name} took too long and were ended.`,
  })
  alarm(scope, 'ExecutionsAborted', workflow.metricAborted(fiveMinutes), {
    ...once,
    description: `Executions of ${name} were stopped.`,
  })
}

/** The metrics of a platform that tell whether it serves. */
export interface ServiceMetrics {
  metricDeadLetters(options?: MetricOptions): Metric
  metricUndeliveredEvents(options?: MetricOptions): Metric
  metricApiServerErrors(options?: MetricOptions): Metric
  metricPredictionsDuration(options?: MetricOptions): Metric
  metricPredictionsErrors(options?: MetricOptions): Metric
  metricPredictionsThrottles(options?: MetricOptions): Metric
}

/** The alarms of what serves: the API, the predictions and the queues. */
export function serviceAlarms(
  scope: Construct,
  topic: ITopic,
  metrics: ServiceMetrics,
  p99: Duration,
): void {
  const once = { topic, threshold: 1 }
  alarm(scope, 'DeadLetters', metrics.metricDeadLetters(fiveMinutes), {
    ...once,
    description: 'Messages failed five times. Look at one, mend the cause, and replay them.',
  })
  alarm(scope, 'UndeliveredEvents', metrics.metricUndeliveredEvents(fiveMinutes), {
    ...once,
    description: 'Events could not be handed to their target within a day.',
  })
  alarm(scope, 'ApiServerErrors', metrics.metricApiServerErrors(fiveMinutes), {
    ...once,
    description: 'The HTTP API answered with 5xx.',
  })
  alarm(scope, 'PredictionsSlow', metrics.metricPredictionsDuration(fiveMinutes), {
    topic,
    threshold: p99.toMilliseconds(),
    periods: 3,
    description: `One prediction in a hundred takes longer than ${p99.toMilliseconds()} ms.`,
  })
  alarm(scope, 'PredictionsErrors', metrics.metricPredictionsErrors(fiveMinutes), {
    ...once,
    description: 'The predictions function failed.',
  })
  alarm(scope, 'PredictionsThrottled', metrics.metricPredictionsThrottles(fiveMinutes), {
    ...once,
    description:
      'Predictions were turned away: raise the concurrency set aside for them, or the account quota.',
  })
}

const fiveMinutes = { period: Duration.minutes(5) }

function alarm(
  scope: Construct,
  id: string,
  metric: Metric,
  options: { topic: ITopic; threshold: number; description: string; periods?: number },
): Alarm {
  const made = metric.createAlarm(scope, `${id}Alarm`, {
    alarmDescription: options.description,
    threshold: options.threshold,
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    evaluationPeriods: options.periods ?? 1,
    treatMissingData: TreatMissingData.NOT_BREACHING,
  })
  made.addAlarmAction(new SnsAction(options.topic))
  return made
}
