import { MillraceError } from './errors.ts'
import type { ExecutionStatus } from './executions.ts'
import { maxMessageBytes } from './json-text.ts'
import type { Json } from './json.ts'
import { pageLimit } from './page.ts'
import { utf8Length } from './utf8.ts'

const maxErrorLength = 256
const maxCauseLength = 32_768

export const executionStatuses: readonly ExecutionStatus[] = [
  'RUNNING',
  'SUCCEEDED',
  'FAILED',
  'TIMED_OUT',
  'ABORTED',
]

/** Throws NameInvalid unless an execution can be started under `name`. */
export function checkExecutionName(name: string): void {
  if (typeof name === 'string' && /^[A-Za-z0-9_-]{1,80}$/.test(name)) return
  throw new MillraceError(
    'NameInvalid',
    `${JSON.stringify(name)} cannot name an execution: give 1 to 80 letters, digits, "_" or "-"`,
  )
}

/** The JSON text of an execution's input. Throws ItemInvalid and MessageTooLarge. */
export function executionInput(input: unknown): string {
  const text = jsonOf(input)
  const bytes = utf8Length(text)
  if (bytes > maxMessageBytes) {
    throw new MillraceError(
      'MessageTooLarge',
      `the input of the execution has ${bytes} bytes of JSON, at most ${maxMessageBytes} are ` +
        'allowed: store the data as an object and give its reference',
    )
  }
  return text
}

/**
 * What `list` was asked for, with its defaults, and the scope of its cursor. Throws RequestInvalid.
 */
export function checkExecutionList(
  options: { workflow?: string; status?: ExecutionStatus; limit?: number } = {},
): { limit: number; scope: readonly Json[] } {
  const { workflow, status } = options
  const limit = pageLimit(options.limit, 50, 1000)
  if (status !== undefined && !executionStatuses.includes(status)) {
    throw invalid(
      `status is ${JSON.stringify(status)}: give one of ${executionStatuses.join(', ')}`,
    )
  }
  return { limit, scope: ['executions', workflow ?? null, status ?? null] }
}

/** What `history` was asked for, with its defaults. Throws RequestInvalid. */
export function checkExecutionHistory(options: { after?: number; limit?: number } = {}): {
  after: number
  limit: number
} {
  const { after = 0 } = options
  const limit = pageLimit(options.limit, 1000, 1000)
  if (!Number.isSafeInteger(after) || after < 0) {
    throw invalid(`after is ${after}: give the id of an event, or 0`)
  }
  return { after, limit }
}

/** Throws RequestInvalid unless a stop can have this reason. */
export function checkStopReason({ error, cause }: { error?: string; cause?: string }): void {
  checkText('error', error, maxErrorLength)
  checkText('cause', cause, maxCauseLength)
}

function checkText(name: string, text: unknown, maxLength: number): void {
  if (text === undefined || (typeof text === 'string' && text.length <= maxLength)) return
  throw invalid(`${name} is not text of at most ${maxLength} characters`)
}

function jsonOf(input: unknown): string {
  try {
    const text = JSON.stringify(input) as string | undefined
    if (text !== undefined) return text
  } catch (error) {
    throw noJson((error as Error).message, error)
  }
  throw noJson(`it is of type ${typeof input}`)
}

function noJson(why: string, cause?: unknown): MillraceError {
  return new MillraceError('ItemInvalid', `the input of the execution is not JSON: ${why}`, {
    cause,
  })
}

function invalid(message: string): MillraceError {
  return new MillraceError('RequestInvalid', message)
}
