import type { Duration, RemovalPolicy } from 'aws-cdk-lib'
import type { IHttpRouteAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2'
import type { IEventBus } from 'aws-cdk-lib/aws-events'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { ContainerTrainingOptions } from './container-training.ts'
import type { RestApiOptions } from './rest-api.ts'

export interface TrainingPlatformProps {
  /**
   * Begins the names of state machines, and names the platform in logs and metrics: letters, digits
   * and `-`, at most 40, beginning with a letter. One in an account and region.
   *
   * @default - the stack's name
   */
  readonly platformName?: string
  /**
   * What becomes of bucket, table, queues and logs when the stack is deleted. Kept by default: they
   * hold datasets, models and their lineage. `DESTROY` deletes them, once the bucket is empty.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy
  /**
   * How long logs are kept.
   *
   * @default RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: RetentionDays
  /**
   * The bus that is told of registered and promoted models, of rejected datasets and of drift.
   *
   * @default - the account's default bus
   */
  readonly eventBus?: IEventBus
  /**
   * Who may call the HTTP API. `'keys'`: users with a key, who see what is theirs (`millrace users` and
   * `millrace keys` with `--stack` make them). A `HttpUserPoolAuthorizer`: users of a Cognito user pool,
   * by the claims that docs/deploy.md names. `'none'`: everyone, and each may do everything.
   *
   * @default - callers that IAM allows, by signed requests (see `grantPredict`, `grantApi`); each may do
   * everything
   */
  readonly authorizer?: IHttpRouteAuthorizer | 'keys' | 'none'
  /**
   * The model, `<user>/<dataset>`, for which the API also keeps the contract of SageMaker's containers:
   * `GET /ping` and `POST /invocations`.
   *
   * @default - none, and no such routes
   */
  readonly sagemakerModel?: string
  /**
   * Requests a second to the HTTP API.
   *
   * @default 500
   */
  readonly apiRateLimit?: number
  /**
   * Requests at once to the HTTP API.
   *
   * @default 1000
   */
  readonly apiBurstLimit?: number
  /**
   * A REST API beside the HTTP API, with caching, usage plans and WAF, which cost by the hour.
   *
   * @default - none
   */
  readonly restApi?: RestApiOptions
  /**
   * Memory in MiB of the functions that hold a whole dataset: Validate, Train, Evaluate and
   * CheckDrift. The largest uploads (512 MiB) want 10240, for which new accounts must ask first.
   *
   * @default 3008
   */
  readonly trainingMemorySize?: number
  /**
   * Memory in MiB of a second Train function, for candidates that are too large for the first: up to
   * 10240, for which new accounts must ask first. More than `trainingMemorySize`.
   *
   * @default - none: what is too large for the first goes to `containerTraining`, or is refused
   */
  readonly largeTrainingMemorySize?: number
  /**
   * Where candidates are learned that take more than 15 minutes or more memory than a function has:
   * tasks of Fargate, in a network of yours.
   *
   * @default - none: such candidates are refused, with words that say why
   */
  readonly containerTraining?: ContainerTrainingOptions
  /**
   * Memory in MiB of the predictions function, which comes with its share of a CPU.
   *
   * @default 1024
   */
  readonly predictionsMemorySize?: number
  /**
   * Predictions at the same time: set aside for them, so that no burst of trainings takes it, and at
   * most as many. An account must have 100 more than are set aside: `'none'` sets nothing aside, for
   * accounts with a small quota, where trainings can then starve predictions.
   *
   * @default 100
   */
  readonly predictionsReservedConcurrency?: number | 'none'
  /**
   * Instances of the predictions function that are kept started, so that no request waits for a start.
   * They cost by the hour.
   *
   * @default - none
   */
  readonly predictionsProvisionedConcurrency?: number
  /**
   * As many as are kept started when more are in use: they follow 70% utilization.
   *
   * @default - ten times `predictionsProvisionedConcurrency`, within what is set aside
   */
  readonly predictionsMaxProvisionedConcurrency?: number
  /**
   * How often uploads are looked for whose event was lost. Each sweep lists what is under `uploads/`.
   *
   * @default Duration.minutes(5)
   */
  readonly sweepInterval?: Duration
  /**
   * After how long a version that is no longer current moves to Glacier Instant Retrieval, from where
   * it is read as before.
   *
   * @default Duration.days(30)
   */
  readonly noncurrentVersionTransition?: Duration
  /**
   * After how long a version that is no longer current is deleted. A model's version names the exact
   * object versions that it came from: what is deleted can no longer be trained again.
   *
   * @default - never
   */
  readonly noncurrentVersionExpiration?: Duration
  /**
   * After how long a rejected dataset and its report are deleted.
   *
   * @default Duration.days(90)
   */
  readonly quarantineExpiration?: Duration
  /**
   * Who gets a mail for each alarm, once they confirmed the subscription.
   *
   * @default - nobody; subscribe to `alarmTopic`
   */
  readonly alarmEmail?: string
  /**
   * The 99th percentile of the predictions function's duration from which on there is an alarm.
   *
   * @default Duration.seconds(1)
   */
  readonly predictionsAlarmDuration?: Duration
  /**
   * Whether there is a dashboard.
   *
   * @default true
   */
  readonly dashboard?: boolean
  /**
   * Whether the stack gets outputs (`ApiUrl`, `BucketName`, …), which the `millrace` command reads.
   * Their names are there once in a stack: turn them off for a second platform in it.
   *
   * @default true
   */
  readonly outputs?: boolean
  /**
   * Where the bundles of the platform's own functions are: a folder each, with an `index.mjs`.
   *
   * @default - those that come with the package
   */
  readonly functionsDirectory?: string
}
