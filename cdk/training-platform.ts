import { fileURLToPath } from 'node:url'
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2'
import { Metric, Stats, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch'
import type { Table } from 'aws-cdk-lib/aws-dynamodb'
import { EventBus, type IEventBus, type Rule } from 'aws-cdk-lib/aws-events'
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Bucket } from 'aws-cdk-lib/aws-s3'
import type { Topic } from 'aws-cdk-lib/aws-sns'
import type { Queue } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { servingDriftPattern, uploadPattern } from '../events/index.ts'
import { serviceAlarms } from './alarms.ts'
import { ContainerTraining, containerSeconds, withoutContainer } from './container-training.ts'
import { platformDashboard } from './dashboard.ts'
import { prebuiltFunction, prebuiltFunctionsDirectory } from './functions.ts'
import { httpApi } from './http-api.ts'
import { alarmTopic, deadLetterQueue, workQueue } from './messaging.ts'
import { platformOutputs } from './outputs.ts'
import { WorkflowNames, type PlatformResources } from './platform-resources.ts'
import { PlatformRestApi } from './rest-api.ts'
import {
  apiAuthorizer,
  driftRule,
  messagesFunction,
  monitorsFunction,
  predictionsFunction,
  apiFunction,
  retrainingRule,
  servingDriftRule,
  sweepFunction,
  usageFunction,
} from './services.ts'
import { platformBucket, platformTable } from './storage.ts'
import type { TrainingPlatformProps } from './training-platform-props.ts'
import type { Use } from './permissions.ts'
import { batchTaskUses, retrainingEndUses, retrainingTaskUses, taskUses } from './uses.ts'
import { Workflow } from './workflow.ts'

/**
 * The whole of Millrace in one construct: uploads start the training workflow, models are registered
 * and answer predictions, and alarms tell when something is wrong. Workflows of your own join it as
 * `Workflow`s.
 */
export class TrainingPlatform extends Construct implements PlatformResources {
  readonly platformName: string
  readonly removalPolicy: RemovalPolicy
  readonly logRetention: RetentionDays
  readonly bucket: Bucket
  readonly table: Table
  /** Trainings that someone asked for, and ends of executions, on their way to be recorded. */
  readonly queue: Queue
  readonly deadLetterQueue: Queue
  readonly undeliveredEvents: Queue
  readonly eventBus: IEventBus
  readonly alarmTopic: Topic
  readonly workflows: WorkflowNames
  readonly training: Workflow
  /** What runs the trainings that are beyond a function. */
  readonly containerTraining: ContainerTraining | undefined
  /** Predictions of whole datasets. */
  readonly batch: Workflow
  /** What drift in what is served brings about. */
  readonly retraining: Workflow
  readonly api: HttpApi
  readonly restApi: PlatformRestApi | undefined
  readonly predictionsFunction: LambdaFunction
  readonly #driftRule: Rule
  readonly #servingDriftRule: Rule

  constructor(scope: Construct, id: string, props: TrainingPlatformProps = {}) {
    super(scope, id)
    checkModel('sagemakerModel', props.sagemakerModel)
    this.platformName = checkedName(props.platformName ?? Stack.of(this).stackName)
    this.removalPolicy = props.removalPolicy ?? RemovalPolicy.RETAIN
    this.logRetention = props.logRetention ?? RetentionDays.THREE_MONTHS
    this.workflows = new WorkflowNames(this.platformName)
    this.bucket = platformBucket(this, 'Bucket', {
      removalPolicy: this.removalPolicy,
      noncurrentVersionTransition: props.noncurrentVersionTransition ?? Duration.days(30),
      noncurrentVersionExpiration: props.noncurrentVersionExpiration,
      quarantineExpiration: props.quarantineExpiration ?? Duration.days(90),
    })
    this.table = platformTable(this, 'Table', this.removalPolicy)
    this.deadLetterQueue = deadLetterQueue(this, 'DeadLetters', this.removalPolicy)
    this.queue = workQueue(this, 'Queue', this.deadLetterQueue, this.removalPolicy)
    this.undeliveredEvents = deadLetterQueue(this, 'UndeliveredEvents', this.removalPolicy)
    this.eventBus = props.eventBus ?? EventBus.fromEventBusName(this, 'DefaultBus', 'default')
    this.alarmTopic = alarmTopic(this, 'AlarmTopic', props.alarmEmail)

    const functions = props.functionsDirectory ?? prebuiltFunctionsDirectory()
    this.containerTraining =
      props.containerTraining &&
      new ContainerTraining(this, 'ContainerTraining', this, functions, props.containerTraining)
    this.training = new Workflow(this, 'Training', {
      platform: this,
      name: 'training',
      definitionFile: trainingDefinition,
      trigger: uploadPattern,
      substitutions: this.containerTraining?.substitutions ?? withoutContainer,
      tasks: trainingTasks(functions, props, this.containerTraining),
    })
    this.containerTraining?.grantRun(this.training.role)
    this.batch = new Workflow(this, 'Batch', {
      platform: this,
      name: 'batch',
      definitionFile: batchDefinition,
      itemReaderKeys: 'batches/*/ranges/*.json',
      resultWriterKeys: 'batches/*/map-runs/*',
      tasks: tasksOf(batchTaskUses, functions, batchMemorySize),
    })
    this.retraining = new Workflow(this, 'Retraining', {
      platform: this,
      name: 'retraining',
      definitionFile: retrainingDefinition,
      trigger: servingDriftPattern,
      tasks: tasksOf(retrainingTaskUses, functions, batchMemorySize),
      onExecutionEnd: {
        code: prebuiltFunction(functions, 'record-retraining'),
        uses: retrainingEndUses,
      },
    })
    messagesFunction(this, this, functions, this.training)
    usageFunction(this, this, functions)
    monitorsFunction(this, this, functions)
    sweepFunction(this, this, functions, props.sweepInterval ?? Duration.minutes(5))
    this.#driftRule = driftRule(this, this)
    this.#servingDriftRule = servingDriftRule(this, this)
    retrainingRule(this, this)

    const authorized = apiAuthorizer(this, this, functions, props.authorizer)
    const predictions = predictionsFunction(this, this, functions, props, authorized)
    this.predictionsFunction = predictions.function
    const handlers = {
      api: apiFunction(this, this, functions, authorized, props.sagemakerModel),
      predictions: predictions.serving,
    }
    this.api = httpApi(this, 'HttpApi', this, {
      ...handlers,
      authorizer: authorized.authorizer,
      describesItself: authorized.kind === 'keys' || authorized.kind === 'jwt',
      rateLimit: props.apiRateLimit ?? 500,
      burstLimit: props.apiBurstLimit ?? 1000,
    })
    this.restApi =
      props.restApi && new PlatformRestApi(this, 'RestApi', this, handlers, props.restApi)

    serviceAlarms(
      this,
      this.alarmTopic,
      this,
      props.predictionsAlarmDuration ?? Duration.seconds(1),
    )
    if (props.dashboard ?? true) platformDashboard(this, 'Dashboard', this)
    if (props.outputs ?? true) platformOutputs(this, this)
  }

  /** Lets someone put datasets, and sidecars beside them, under `uploads/` in the bucket. */
  grantUpload(grantee: IGrantable): Grant {
    return this.bucket.grantPut(grantee, 'uploads/*')
  }

  /** Lets someone ask for predictions, where the API's authorization is IAM. */
  grantPredict(grantee: IGrantable): Grant {
    return this.#grantInvoke(grantee, [
      this.api.arnForExecuteApi('POST', '/prediction', '$default'),
      this.api.arnForExecuteApi('POST', '/models/*/predictions', '$default'),
    ])
  }

  /** Lets someone use all of the API, which also stops and redrives executions. */
  grantApi(grantee: IGrantable): Grant {
    return this.#grantInvoke(grantee, [this.api.arnForExecuteApi('*', '/*', '$default')])
  }

  /** Lets someone start executions of the training workflow, and follow them. */
  grantStartTraining(grantee: IGrantable): Grant {
    return this.training.grantStart(grantee)
  }

  /** Lets someone read what the platform keeps: datasets, models, reports, the registry. */
  grantRead(grantee: IGrantable): Grant {
    this.training.stateMachine.grantRead(grantee)
    return this.bucket.grantRead(grantee).combine(this.table.grantReadData(grantee))
  }

  /** Training executions that failed. */
  metricExecutionsFailed(options?: MetricOptions): Metric {
    return this.training.metricFailed(options)
  }

  /** Messages that were worked on five times in vain. */
  metricDeadLetters(options?: MetricOptions): Metric {
    return this.deadLetterQueue.metricApproximateNumberOfMessagesVisible({
      ...options,
    })
  }

  /** Events that a rule could not hand to its target. */
  metricUndeliveredEvents(options?: MetricOptions): Metric {
    return this.undeliveredEvents.metricApproximateNumberOfMessagesVisible({
      ...options,
    })
  }

  /** Uploads that differ from what the champion was trained on. */
  metricDriftDetected(options?: MetricOptions): Metric {
    return triggered(this.#driftRule, options)
  }

  /** Changes that monitors found in what is served. */
  metricServingDriftDetected(options?: MetricOptions): Metric {
    return triggered(this.#servingDriftRule, options)
  }

  /** Milliseconds of the predictions function, the 99th percentile; starts of instances come on top. */
  metricPredictionsDuration(options?: MetricOptions): Metric {
    return this.predictionsFunction.metricDuration({
      statistic: Stats.p(99),
      ...options,
    })
  }

  metricPredictions(options?: MetricOptions): Metric {
    return this.predictionsFunction.metricInvocations({ ...options })
  }

  metricPredictionsErrors(options?: MetricOptions): Metric {
    return this.predictionsFunction.metricErrors({ ...options })
  }

  metricPredictionsThrottles(options?: MetricOptions): Metric {
    return this.predictionsFunction.metricThrottles({
      ...options,
    })
  }

  /** Answers of the HTTP API with 5xx. */
  metricApiServerErrors(options?: MetricOptions): Metric {
    return this.api.metricServerError({ statistic: 'Sum', ...options })
  }

  /** Milliseconds until the HTTP API answers, starts of instances and long polls included. */
  metricApiLatency(options?: MetricOptions): Metric {
    return this.api.metricLatency({ statistic: Stats.p(99), ...options })
  }

  #grantInvoke(grantee: IGrantable, resourceArns: string[]): Grant {
    return Grant.addToPrincipal({ grantee, actions: ['execute-api:Invoke'], resourceArns })
  }
}

/** How often a rule matched. */
function triggered({ ruleName }: Rule, options?: MetricOptions): Metric {
  return new Metric({
    namespace: 'AWS/Events',
    metricName: 'TriggeredRules',
    dimensionsMap: { RuleName: ruleName },
    statistic: 'Sum',
    ...options,
  })
}

/** Beside the sources as beside what is built of them. */
const trainingDefinition = fileURLToPath(new URL('../workflows/training.asl.json', import.meta.url))
const batchDefinition = fileURLToPath(new URL('../workflows/batch.asl.json', import.meta.url))
const retrainingDefinition = fileURLToPath(
  new URL('../workflows/retraining.asl.json', import.meta.url),
)

/** A whole processor for a range of rows, of which some megabytes are in memory at a time. */
const batchMemorySize = 1769

/** Tasks that hold a whole dataset in memory, or a model and many rows. */
const largeTasks: ReadonlySet<string> = new Set([
  ...['Validate', 'Train', 'TrainLarge', 'Evaluate', 'CheckDrift', 'Report'],
  ...['PlanBatch', 'RewriteRows', 'PredictRange'],
  ...['PrepareRetraining', 'WatchPromotion'],
])

/** Those of the training workflow: Validate knows where a candidate can be learned. */
function trainingTasks(
  functions: string,
  props: TrainingPlatformProps,
  container: ContainerTraining | undefined,
) {
  const usual = props.trainingMemorySize ?? 3008
  const large = props.largeTrainingMemorySize
  if (large !== undefined && large <= usual) {
    throw new Error(
      `largeTrainingMemorySize is more than trainingMemorySize, ${usual}; found ${large}`,
    )
  }
  const place = (name: string, mebibytes: number, seconds = 900) => ({
    name,
    memoryBytes: mebibytes * 1024 ** 2,
    seconds,
  })
  const places = [
    place('function', usual),
    ...(large === undefined ? [] : [place('large-function', large)]),
    ...(container === undefined ? [] : [place('container', container.memoryMiB, containerSeconds)]),
  ]
  const environment = { MILLRACE_PLACES: JSON.stringify(places) }
  const tasks = tasksOf(taskUses, functions, usual)
  return {
    ...tasks,
    Validate: { ...tasks['Validate']!, environment },
    Evaluate: { ...tasks['Evaluate']!, environment },
    TrainLarge: { ...tasks['TrainLarge']!, memorySize: large ?? usual },
  }
}

function tasksOf(
  uses: Readonly<Record<string, readonly Use[]>>,
  functions: string,
  largeMemorySize: number,
) {
  return Object.fromEntries(
    Object.entries(uses).map(([task, used]) => [
      task,
      {
        code: prebuiltFunction(functions, bundleName(task)),
        uses: used,
        memorySize: largeTasks.has(task) ? largeMemorySize : 512,
      },
    ]),
  )
}

/** `CheckDrift` is bundled as `check-drift`. */
function bundleName(task: string): string {
  if (task === 'TrainLarge') return 'train'
  return task.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase()
}

function checkModel(prop: string, model: string | undefined): void {
  const name = '[A-Za-z0-9][A-Za-z0-9._-]{0,63}'
  if (model === undefined || new RegExp(`^${name}/${name}$`).test(model)) return
  throw new Error(`${prop} is <user>/<dataset>; found "${model}"`)
}

function checkedName(name: string): string {
  if (/^[A-Za-z][A-Za-z0-9-]{0,39}$/.test(name)) return name
  throw new Error(
    `a platform's name is 1 to 40 letters, digits and "-", and begins with a letter; found "${name}": give \`platformName\``,
  )
}
