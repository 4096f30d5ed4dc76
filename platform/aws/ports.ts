import type { Clock, Log, Logger, Metrics, Objects, Ports } from '../ports/index.ts'
import { validateConsumer } from '../ports/log-record.ts'
import type { ClientOptions } from './clients/options.ts'
import { InPlaceCompute } from './compute.ts'
import { lazyPort } from './lazy-port.ts'
import type { DynamoLog } from './log.ts'
import type { AwsSettings } from './settings.ts'

export interface AwsPortsOptions {
  readonly logger: Logger
  readonly metrics: Metrics
  /** @default the system's */
  readonly clock?: Clock
  /** How the clients reach AWS. @default by the environment */
  readonly client?: ClientOptions
}

/** All ports, and a way to load what is known to be needed before it is called. */
export interface AwsPorts extends Ports {
  readonly log: Log & Pick<DynamoLog, 'drainStream' | 'drainAll'>
  /** Loads adapters and makes their clients. */
  load(...ports: readonly ('objects' | 'table' | 'log')[]): Promise<void>
}

/**
 * The ports of a deployed platform. Each adapter and its client of the SDK is loaded at the first call
 * of its port; there is one client a service. Compute runs in place.
 */
export function awsPorts(settings: AwsSettings, options: AwsPortsOptions): AwsPorts {
  const { logger, metrics, clock = systemClock, client = {} } = options
  const {
    bucket,
    table: tableName,
    queueUrl,
    deadLetterQueueUrl,
    eventBus,
    stateMachines,
    places,
  } = settings

  // The clients are modules of ours: a bundler keeps what these use of a package, and the whole package
  // where it is itself imported dynamically.
  const dynamo = once(async () => (await import('./clients/dynamodb.ts')).dynamodbClient(client))
  const objects = once(async () => {
    const { S3Objects } = await import('./objects.ts')
    const { s3Client } = await import('./clients/s3.ts')
    return new S3Objects({ client: s3Client(client), bucket })
  })
  const table = once(async () => {
    const { DynamoTable } = await import('./table.ts')
    return new DynamoTable({ client: await dynamo(), tableName })
  })
  const log = once(async () => {
    const { DynamoLog } = await import('./log.ts')
    return new DynamoLog({ client: await dynamo(), tableName, logger })
  })
  const queue = once(async () => {
    const { SqsQueue } = await import('./queue.ts')
    const { sqsClient } = await import('./clients/sqs.ts')
    return new SqsQueue({ client: sqsClient(client), queueUrl, deadLetterQueueUrl })
  })
  const bus = once(async () => {
    const { EventBridgeBus } = await import('./bus.ts')
    const { eventbridgeClient } = await import('./clients/eventbridge.ts')
    return new EventBridgeBus({ client: eventbridgeClient(client), eventBus })
  })
  const executions = once(async () => {
    const { stepFunctionsExecutions } = await import('./executions.ts')
    const { sfnClient } = await import('./clients/sfn.ts')
    return stepFunctionsExecutions({ client: sfnClient(client), stateMachines })
  })

  return {
    objects: lazyPort<Objects, Pick<Objects, 'bucket'>>(objects, { bucket }),
    table: lazyPort(table),
    queue: lazyPort(queue),
    bus: lazyPort(bus),
    log: lazyPort<AwsPorts['log'], Pick<Log, 'subscribe'>>(log, {
      subscribe: subscribing(log, logger),
    }),
    executions: lazyPort(executions),
    compute: new InPlaceCompute(places),
    clock,
    logger,
    metrics,
    async load(...ports) {
      const loads = { objects, table, log }
      await Promise.all(ports.map((port) => loads[port]()))
    },
  }
}

export const systemClock: Clock = { now: () => Date.now() }

/** A subscription answers at once, and begins when its log is loaded. */
function subscribing(log: () => Promise<Log>, logger: Logger): Log['subscribe'] {
  return (consumer, handler) => {
    validateConsumer(consumer)
    const subscribed = log().then((loaded) => loaded.subscribe(consumer, handler))
    const begun = subscribed.catch((error: unknown) => {
      logger.error('a subscription could not begin', { consumer, error: String(error) })
    })
    return async () => (await begun)?.()
  }
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined
  return () => (made ??= make())
}
