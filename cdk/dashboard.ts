import {
  Dashboard,
  GraphWidget,
  SingleValueWidget,
  TextWidget,
  type IMetric,
} from 'aws-cdk-lib/aws-cloudwatch'
import type { Construct } from 'constructs'
import type { TrainingPlatform } from './training-platform.ts'

/** What should be zero, and below it trainings, predictions and the API in graphs. */
export function platformDashboard(
  scope: Construct,
  id: string,
  platform: TrainingPlatform,
): Dashboard {
  const { training, retraining, api } = platform
  const board = new Dashboard(scope, id)
  board.addWidgets(new TextWidget({ markdown: `# ${platform.platformName}`, width: 24, height: 1 }))
  board.addWidgets(
    new SingleValueWidget({
      title: 'Zero when all is well, in the time shown',
      metrics: [
        platform.metricExecutionsFailed({ label: 'Trainings failed' }),
        training.metricTimedOut({ label: 'timed out' }),
        training.metricAborted({ label: 'stopped' }),
        platform.metricDeadLetters({ label: 'Dead letters' }),
        platform.metricUndeliveredEvents({ label: 'Undelivered events' }),
        platform.metricApiServerErrors({ label: 'API 5xx' }),
        platform.metricPredictionsErrors({ label: 'Predictions failed' }),
        platform.metricPredictionsThrottles({ label: 'turned away' }),
        platform.metricDriftDetected({ label: 'Drift' }),
        platform.metricServingDriftDetected({ label: 'while serving' }),
        retraining.metricFailed({ label: 'Retrainings failed' }),
      ],
      setPeriodToTimeRange: true,
      width: 24,
      height: 4,
    }),
  )
  board.addWidgets(
    graph('Trainings', [
      training.metricStarted(),
      training.metricSucceeded(),
      training.metricFailed(),
    ]),
    graph('Duration of a training', [
      training.metricDuration({ statistic: 'p50', label: 'p50' }),
      training.metricDuration({ statistic: 'p99', label: 'p99' }),
    ]),
  )
  board.addWidgets(
    graph('Retrainings', [
      retraining.metricStarted(),
      retraining.metricSucceeded(),
      retraining.metricFailed(),
    ]),
    graph('Drift', [
      platform.metricDriftDetected({ label: 'in uploads' }),
      platform.metricServingDriftDetected({ label: 'while serving' }),
    ]),
  )
  board.addWidgets(
    graph(
      'Predictions',
      [platform.metricPredictions()],
      [platform.metricPredictionsErrors(), platform.metricPredictionsThrottles()],
    ),
    graph('Duration of a prediction', [
      platform.metricPredictionsDuration({ statistic: 'p50', label: 'p50' }),
      platform.metricPredictionsDuration({ label: 'p99' }),
    ]),
  )
  board.addWidgets(
    graph(
      'HTTP API',
      [api.metricCount({ statistic: 'Sum' })],
      [api.metricClientError({ statistic: 'Sum' }), platform.metricApiServerErrors()],
    ),
    graph('Latency of the HTTP API', [
      platform.metricApiLatency({ statistic: 'p50', label: 'p50' }),
      platform.metricApiLatency({ label: 'p99' }),
    ]),
  )
  return board
}

function graph(title: string, left: IMetric[], right: IMetric[] = []): GraphWidget {
  return new GraphWidget({ title, left, right, width: 12 })
}
