import { isMillraceError, type Json, type JsonObject, type Logger } from '../ports/index.ts'
import { invokeTask, type AnyTask } from '../../tasks/task.ts'
import type { FunctionRuntime } from './function-runtime.ts'
import type { LambdaContext } from './lambda.ts'
import { redactedText } from './redaction.ts'

/** What is left to end in order when the signal tells that the time is over, in milliseconds. */
const lastMoments = 1000

/** A signal that is aborted shortly before Lambda ends the call. */
export interface Deadline {
  readonly signal: AbortSignal
  /** The call has ended. */
  clear(): void
}

export function deadlineOf(context: LambdaContext, logger: Logger): Deadline {
  const controller = new AbortController()
  const remaining = context.getRemainingTimeInMillis() - lastMoments
  const timer = setTimeout(
    () => {
      const message = `the function's time ends in ${lastMoments} ms`
      logger.warn(message)
      controller.abort(new Error(message))
    },
    Math.max(0, remaining),
  )
  return { signal: controller.signal, clear: () => clearTimeout(timer) }
}

/**
 * Runs a task, with one line of the log when it starts and one when it ends or fails. What is thrown
 * keeps its name, which state machines match. It has neither cause nor details: Lambda writes all of
 * an error into the log.
 */
export async function invokeLogged(
  task: AnyTask,
  payload: unknown,
  { ports, logger }: FunctionRuntime,
  signal: AbortSignal,
  about: JsonObject = {},
): Promise<Json> {
  const line = { task: task.name, ...about, ...executionOf(payload) }
  const started = performance.now()
  const duration = () => ({ milliseconds: Math.round(performance.now() - started) })
  logger.info('task started', line)
  try {
    const answer = await invokeTask(task, payload, ports, { signal })
    logger.info('task ended', { ...line, ...duration(), ...outcomeOf(answer) })
    return answer
  } catch (error) {
    logger.error('task failed', { ...line, ...duration(), ...faultOf(error) })
    throw toldError(error)
  }
}

/** The name of the execution, where the payload has it in one of the places of our workflows. */
function executionOf(payload: unknown): JsonObject {
  const { execution, claim, detail } = fieldsOf(payload)
  const names = [execution, fieldsOf(claim)['execution'], fieldsOf(detail)['name']]
  const name = names.find((one) => typeof one === 'string' && /^[A-Za-z0-9_-]{1,80}$/.test(one))
  return name === undefined ? {} : { execution: name as string }
}

/** Outcomes are words of our own: a longer text is data. */
function outcomeOf(answer: unknown): JsonObject {
  const { outcome } = fieldsOf(answer)
  return typeof outcome === 'string' && /^[A-Za-z-]{1,40}$/.test(outcome) ? { outcome } : {}
}

function faultOf(error: unknown): JsonObject {
  const { name, message, stack } = toldError(error)
  return {
    error: name,
    reason: message,
    ...(isMillraceError(error) ? { retryable: error.retryable } : {}),
    frames: framesOf(stack),
  }
}

function toldError(error: unknown): Error {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error))
  const told = Object.assign(new Error(redactedText(message)), { name: redactedText(name) })
  told.stack = [`${told.name}: ${told.message}`, ...framesOf(stack)].join('\n')
  return told
}

/** The calls of a stack, without the message that is above them. */
function framesOf(stack = ''): string[] {
  return stack.split('\n').filter((line) => /^ {4}at /.test(line))
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {}
}
