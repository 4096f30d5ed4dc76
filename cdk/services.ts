import { Duration } from 'aws-cdk-lib'
import { RuleTargetInput, Rule, Schedule, EventField } from 'aws-cdk-lib/aws-events'
import { LambdaFunction as LambdaTarget, SnsTopic, SqsQueue } from 'aws-cdk-lib/aws-events-targets'
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources'
import type { Function as LambdaFunction, IFunction } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import { executionEndedPattern } from '../events/index.ts'
import { platformFunction, prebuiltFunction } from './functions.ts'
import { outcomesTimeout } from './messaging.ts'
import type { PlatformResources } from './platform-resources.ts'
import { busOf, eventRule, untilDelivered } from './rules.ts'
import type { TrainingPlatformProps } from './training-platform-props.ts'
import { serviceUses } from './uses.ts'
import type { Workflow } from './workflow.ts'

/** Records how executions ended: a rule puts their ends on the queue, from where they come in batches. */
export function outcomesFunction(
  scope: Construct,
  platform: PlatformResources,
  functions: string,
  training: Workflow,
): void {
  const pattern = executionEndedPattern(training.stateMachine.stateMachineArn)
  eventRule(scope, 'TrainingEnds', {
    pattern,
    bus: busOf(scope, 'TrainingEndsBus', pattern, platform),
    description: `Ends of ${platform.platformName}'s training executions, to be recorded`,
    target: new SqsQueue(platform.queue, untilDelivered(platform)),
  })
  const outcomes = platformFunction(scope, 'Outcomes', platform, {
    code: prebuiltFunction(functions, 'outcomes'),
    uses: serviceUses.outcomes,
    timeout: outcomesTimeout,
  })
  // What is waiting in the queue must not take the concurrency that trainings need.
  const source = { batchSize: 5, reportBatchItemFailures: true, maxConcurrency: 10 }
  outcomes.addEventSource(new SqsEventSource(platform.queue, source))
}

/** An upload's own event has this long to arrive before a sweep takes it for lost. */
const sweepGrace = Duration.minutes(5)

/** Starts trainings for uploads whose event was lost. */
export function sweepFunction(
  scope: Construct,
  platform: PlatformResources,
  functions: string,
  interval: Duration,
): void {
  const sweep = platformFunction(scope, 'Sweep', platform, {
    code: prebuiltFunction(functions, 'sweep'),
    uses: serviceUses.sweep,
    timeout: Duration.minutes(5),
  })
  const event = RuleTargetInput.fromObject({ graceSeconds: sweepGrace.toSeconds() })
  new Rule(scope, 'SweepSchedule', {
    description: `Looks for ${platform.platformName}'s uploads whose event was lost`,
    schedule: Schedule.rate(interval),
    // The next sweep does what this one did not.
    targets: [
      new LambdaTarget(sweep, {
        event,
        deadLetterQueue: platform.undeliveredEvents,
        retryAttempts: 1,
        maxEventAge: Duration.minutes(5),
      }),
    ],
  })
}

/** Tells the alarm topic of drift, in words. */
export function driftRule(scope: Construct, platform: PlatformResources): Rule {
  const field = (name: string) => EventField.fromPath(`$.detail.${name}`)
  const text = `Drift detected: an upload of ${field('model')} differs from what its champion was trained on (version ${field('version')}, execution ${field('execution')}): ${field('reasons')}`
  return eventRule(scope, 'DriftDetected', {
    pattern: { source: ['millrace'], 'detail-type': ['Drift Detected'] },
    bus: platform.eventBus,
    description: `Drift in the uploads of ${platform.platformName}`,
    target: new SnsTopic(platform.alarmTopic, {
      message: RuleTargetInput.fromText(text),
      ...untilDelivered(platform),
    }),
  })
}

/** All of the HTTP API but predictions. */
export function apiFunction(
  scope: Construct,
  platform: PlatformResources,
  functions: string,
): LambdaFunction {
  return platformFunction(scope, 'Api', platform, {
    code: prebuiltFunction(functions, 'api'),
    uses: serviceUses.api,
    memorySize: 1024,
    // API Gateway waits no longer.
    timeout: Duration.seconds(29),
  })
}

/** The predictions function, and what of it serves: itself, or an alias with started instances. */
export function predictionsFunction(
  scope: Construct,
  platform: PlatformResources,
  functions: string,
  props: TrainingPlatformProps,
): { readonly function: LambdaFunction; readonly serving: IFunction } {
  const reserved = props.predictionsReservedConcurrency ?? 100
  const made = platformFunction(scope, 'Predictions', platform, {
    code: prebuiltFunction(functions, 'predictions'),
    uses: serviceUses.predictions,
    memorySize: props.predictionsMemorySize ?? 1024,
    timeout: Duration.seconds(29),
    ...(reserved === 'none' ? {} : { reservedConcurrentExecutions: reserved }),
  })
  const least = props.predictionsProvisionedConcurrency
  if (least === undefined) return { function: made, serving: made }
  const most =
    props.predictionsMaxProvisionedConcurrency ??
    Math.min(10 * least, reserved === 'none' ? Infinity : reserved)
  if (most < least || (reserved !== 'none' && most > reserved)) {
    throw new Error(
      `the predictions function is to keep ${least} to ${most} instances started, with ${reserved} set aside for it: give predictionsProvisionedConcurrency <= predictionsMaxProvisionedConcurrency <= predictionsReservedConcurrency`,
    )
  }
  const serving = made.addAlias('live', { provisionedConcurrentExecutions: least })
  serving
    .addAutoScaling({ minCapacity: least, maxCapacity: most })
    .scaleOnUtilization({ utilizationTarget: 0.7 })
  return { function: made, serving }
}
