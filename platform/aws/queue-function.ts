import { MillraceError } from '../ports/index.ts'
import type { AnyTask } from '../../tasks/task.ts'
import { functionRuntime, type FunctionRuntime } from './function-runtime.ts'
import { deadlineOf, invokeLogged } from './invocation.ts'
import type { LambdaContext } from './lambda.ts'

/** What an SQS event source hands to a function, as far as it concerns us. */
export interface QueueEvent {
  readonly Records: readonly { readonly messageId: string; readonly body: string }[]
}

/** The messages that are to come again: `ReportBatchItemFailures` of the event source mapping. */
export interface BatchAnswer {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[]
}

export type QueueHandler = (event: QueueEvent, context: LambdaContext) => Promise<BatchAnswer>

/**
 * A task as the consumer of an SQS queue whose messages are JSON, one run a message, in their order:
 * `export const handler = queueFunction(recordOutcome)`. A message whose run fails comes again by
 * itself, as do those for which there was no time; the others of its batch are done.
 *
 * The handler throws TaskInputInvalid when it is called with something else than a batch of messages.
 */
export function queueFunction(
  task: AnyTask,
  runtime: () => FunctionRuntime = functionRuntime,
): QueueHandler {
  return async (event, context) => {
    const running = runtime()
    running.logger.begin(context)
    const records = recordsOf(event)
    const deadline = deadlineOf(context, running.logger)
    const failed: { itemIdentifier: string }[] = []
    try {
      for (const { messageId, body } of records) {
        try {
          deadline.signal.throwIfAborted()
          await invokeLogged(task, jsonOf(body), running, deadline.signal, { messageId })
        } catch {
          // Told in the log, where the message is JSON and there was time for it.
          failed.push({ itemIdentifier: messageId })
        }
      }
    } finally {
      deadline.clear()
      running.metrics.flush()
    }
    return { batchItemFailures: failed }
  }
}

function recordsOf(event: unknown): QueueEvent['Records'] {
  if (isBatch(event)) return event.Records
  throw new MillraceError(
    'TaskInputInvalid',
    'the event is no batch of SQS messages: call this function by an event source mapping of a queue',
  )
}

function isBatch(event: unknown): event is QueueEvent {
  const { Records: records } = (event ?? {}) as { Records?: unknown }
  return Array.isArray(records) && records.every(isRecord)
}

function isRecord(record: unknown): boolean {
  const { messageId, body } = (record ?? {}) as Record<string, unknown>
  return typeof messageId === 'string' && typeof body === 'string'
}

/** What is no JSON is refused by the task's schema, as the text that it is. */
function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return body
  }
}
