import type { DynamoDBStreamEvent } from 'aws-lambda'
import { MillraceError, type LogRecord, type Ports } from '../ports/index.ts'
import { functionRuntime, type FunctionRuntime } from './function-runtime.ts'
import type { LambdaContext } from './lambda.ts'
import type { AwsPorts } from './ports.ts'
import type { BatchAnswer } from './queue-function.ts'

/** What handles records of the log: a batch of one key, in order, at least once. */
export type LogHandler = (batch: readonly LogRecord[], ports: Ports) => Promise<void>

/**
 * A durable consumer of the log as a Lambda function behind the table's stream, whose event source
 * mapping reports batch item failures: `export const handler = logFunction('monitor', watch)`. The
 * handler throws TaskInputInvalid when it is called with something else.
 */
export function logFunction(
  consumer: string,
  handler: LogHandler,
  runtime: () => FunctionRuntime<Ports & Pick<AwsPorts, 'log'>> = functionRuntime,
): (event: DynamoDBStreamEvent, context: LambdaContext) => Promise<BatchAnswer> {
  return async (event, context) => {
    const { ports, logger, metrics } = runtime()
    logger.begin(context)
    if (!Array.isArray((event as Partial<DynamoDBStreamEvent> | null)?.Records)) {
      throw new MillraceError(
        'TaskInputInvalid',
        "the event is no batch of a table's stream: call this function by an event source mapping",
      )
    }
    try {
      return await ports.log.drainStream(consumer, (batch) => handler(batch, ports), event)
    } finally {
      metrics.flush()
    }
  }
}
