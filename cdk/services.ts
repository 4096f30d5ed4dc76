import { Duration } from 'aws-cdk-lib'
import { RuleTargetInput, Rule, Schedule, EventField } from 'aws-cdk-lib/aws-events'
import { LambdaFunction as LambdaTarget, SnsTopic, SqsQueue } from 'aws-cdk-lib/aws-events-targets'
import type { IHttpRouteAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2'
import {
  HttpIamAuthorizer,
  HttpLambdaAuthorizer,
  HttpLambdaResponseType,
} from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import {
  FilterCriteria,
  StartingPosition,
  type Function as LambdaFunction,
  type IFunction,
} from 'aws-cdk-lib/aws-lambda'
import { DynamoEventSource, SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources'
import type { Construct } from 'constructs'
import { executionEndedPattern, servingDriftPattern, type EventPattern } from '../events/index.ts'
import { acknowledge } from './acknowledge.ts'
import { platformFunction, prebuiltFunction } from './functions.ts'
import { messagesTimeout } from './messaging.ts'
import type { PlatformResources } from './platform-resources.ts'
import { busOf, eventRule, untilDelivered } from './rules.ts'
import type { TrainingPlatformProps } from './training-platform-props.ts'
import { serviceUses } from './uses.ts'
import type { Workflow } from './workflow.ts'

/**
 * Works on the queue: starts trainings that someone asked for, and records how executions ended, which
 * a rule tells the queue.
 */
export function messagesFunction(
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
  const messages = platformFunction(scope, 'Messages', platform, {
    code: prebuiltFunction(functions, 'messages'),
    uses: serviceUses.messages,
    // A dataset's version that is made one object passes through.
    memorySize: 1024,
    timeout: messagesTimeout,
  })
  // What is waiting in the queue must not take the concurrency that trainings need.
  const source = { batchSize: 5, reportBatchItemFailures: true, maxConcurrency: 10 }
  messages.addEventSource(new SqsEventSource(platform.queue, source))
}

/** Counts what was served, from the log: the table's stream says under which keys there is more. */
export function usageFunction(
  scope: Construct,
  platform: PlatformResources,
  functions: string,
): void {
  const usage = platformFunction(scope, 'Usage', platform, {
    code: prebuiltFunction(functions, 'usage'),
    uses: serviceUses.usage,
  })
  readsPredictions(usage, platform, { batchSize: 100, maxBatchingWindow: Duration.seconds(1) })
}

/**
 * Watches what was served for drift, from the log. It waits for more records than the count does: what
 * it knows of a model is written with every batch.
 */
export function monitorsFunction(
  scope: Construct,
  platform: PlatformResources,
  functions: string,
): void {
  const monitors = platformFunction(scope, 'Monitors', platform, {
    code: prebuiltFunction(functions, 'monitors'),
    uses: serviceUses.monitors,
    // A model file is read whole to see what is to be watched of it.
    memorySize: 1024,
    timeout: Duration.minutes(1),
  })
  readsPredictions(monitors, platform, { batchSize: 1000, maxBatchingWindow: Duration.seconds(10) })
}

/** Calls a function when there are records of predictions; a stream takes two such functions. */
function readsPredictions(
  reader: LambdaFunction,
  { table }: PlatformResources,
  batches: { readonly batchSize: number; readonly maxBatchingWindow: Duration },
): void {
  reader.addEventSource(
    new DynamoEventSource(table, {
      startingPosition: StartingPosition.TRIM_HORIZON,
      ...batches,
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      retryAttempts: 100,
      // The records are in the table: what the stream gives up on comes with the next record of its key.
      filters: [
        FilterCriteria.filter({
          eventName: ['INSERT'],
          dynamodb: { Keys: { pk: { S: [{ prefix: 'log#records#predictions/' }] } } },
        }),
      ],
    }),
  )
  acknowledge(
    reader.role!,
    'AwsSolutions-IAM5[Resource::*]',
    'An event source of a stream lists streams, which IAM allows on all of them alone.',
  )
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

/** Tells the alarm topic, in words, of uploads that differ from what their champion learned from. */
export function driftRule(scope: Construct, platform: PlatformResources): Rule {
  return toldInWords(scope, platform, 'DriftDetected', {
    pattern: driftOf('upload'),
    description: `Drift in the uploads of ${platform.platformName}`,
    text: `Drift detected: an upload of ${field('model')} differs from what its champion was trained on (version ${field('version')}, execution ${field('execution')}): ${field('reasons')}`,
  })
}

/** Tells the alarm topic, in words, of changes in what models are asked and answer. */
export function servingDriftRule(scope: Construct, platform: PlatformResources): Rule {
  return toldInWords(scope, platform, 'ServingDriftDetected', {
    pattern: servingDriftPattern,
    description: `Drift in what the models of ${platform.platformName} serve`,
    text: `Drift detected: ${field('stream')} of ${field('model')} (version ${field('version')}) has changed since ${field('changedSince')}: its mean was ${field('before.mean')} and is ${field('after.mean')} (${field('detector')}, severity ${field('severity')}, detection ${field('detection')})`,
  })
}

/** Tells the alarm topic, in words, of what became of retrainings. */
export function retrainingRule(scope: Construct, platform: PlatformResources): Rule {
  return toldInWords(scope, platform, 'RetrainingEnded', {
    pattern: {
      source: ['millrace'],
      'detail-type': ['Retraining Ended'],
      // A storm of detections asks for one retraining, and has all others refused.
      detail: { outcome: [{ 'anything-but': 'refused' }] },
    },
    description: `Ends of the retrainings of ${platform.platformName}`,
    text: `Retraining of ${field('model')} ended as ${field('outcome')} (execution ${field('execution')}): ${field('reason')}`,
  })
}

function driftOf(source: string): EventPattern {
  return { source: ['millrace'], 'detail-type': ['Drift Detected'], detail: { source: [source] } }
}

function field(name: string): string {
  return EventField.fromPath(`$.detail.${name}`)
}

function toldInWords(
  scope: Construct,
  platform: PlatformResources,
  id: string,
  told: { readonly pattern: EventPattern; readonly description: string; readonly text: string },
): Rule {
  return eventRule(scope, id, {
    pattern: told.pattern,
    bus: platform.eventBus,
    description: told.description,
    target: new SnsTopic(platform.alarmTopic, {
      message: RuleTargetInput.fromText(told.text),
      ...untilDelivered(platform),
    }),
  })
}

/** What the HTTP API takes as its authorizer, and what its functions are told that it is. */
export interface ApiAuthorizer {
  readonly authorizer: IHttpRouteAuthorizer | 'none' | undefined
  readonly kind: 'iam' | 'keys' | 'jwt' | 'none'
}

/** Of `'keys'` makes the function that knows them; its answers are remembered nowhere but in it. */
export function apiAuthorizer(
  scope: Construct,
  platform: PlatformResources,
  functions: string,
  authorizer: TrainingPlatformProps['authorizer'],
): ApiAuthorizer {
  if (authorizer === 'none') return { authorizer, kind: 'none' }
  if (authorizer === undefined || authorizer instanceof HttpIamAuthorizer) {
    return { authorizer, kind: 'iam' }
  }
  // Others than Lambda functions look at tokens.
  if (authorizer !== 'keys') {
    return { authorizer, kind: authorizer instanceof HttpLambdaAuthorizer ? 'keys' : 'jwt' }
  }
  const handler = platformFunction(scope, 'Authorizer', platform, {
    code: prebuiltFunction(functions, 'authorizer'),
    uses: serviceUses.authorizer,
    memorySize: 1024,
    timeout: Duration.seconds(10),
  })
  const made = new HttpLambdaAuthorizer('Keys', handler, {
    responseTypes: [HttpLambdaResponseType.SIMPLE],
    // A key may be in either of two headers, of which API Gateway would demand both.
    identitySource: [],
    resultsCacheTtl: Duration.seconds(0),
  })
  return { authorizer: made, kind: 'keys' }
}

/**
 * All of the HTTP API but predictions.
 *
 * @param sagemakerModel for which it keeps the contract of SageMaker's containers
 */
export function apiFunction(
  scope: Construct,
  platform: PlatformResources,
  functions: string,
  { kind }: ApiAuthorizer,
  sagemakerModel?: string,
): LambdaFunction {
  return platformFunction(scope, 'Api', platform, {
    code: prebuiltFunction(functions, 'api'),
    uses: serviceUses.api,
    environment: {
      MILLRACE_AUTHORIZER: kind,
      ...(sagemakerModel === undefined ? {} : { MILLRACE_SAGEMAKER_MODEL: sagemakerModel }),
    },
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
  { kind }: ApiAuthorizer,
): { readonly function: LambdaFunction; readonly serving: IFunction } {
  const reserved = props.predictionsReservedConcurrency ?? 100
  const made = platformFunction(scope, 'Predictions', platform, {
    code: prebuiltFunction(functions, 'predictions'),
    uses: serviceUses.predictions,
    environment: { MILLRACE_AUTHORIZER: kind },
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
