import { isString, type Json } from '../data.ts'
import { readContinuation } from '../definition/handling.ts'
import type { WaitState } from '../definition/states.ts'
import type { Scope, StateRun } from '../execution.ts'
import { limits } from '../limits.ts'
import type { Turn } from '../turn.ts'
import type { StateType } from './type.ts'

/** Ends after some seconds or at a time. */
export const waitType: StateType<WaitState> & {
  /** The time has come. */
  end(turn: Turn, scope: Scope, run: StateRun): void
} = {
  read(fields, name) {
    const seconds = fields.numberTemplate('Seconds', { min: 0, max: limits.seconds })
    const timestamp = fields.template('Timestamp')
    const constant = timestamp?.constant
    if (constant !== undefined && !(isString(constant) && timeOf(constant) !== undefined)) {
      fields.fault('Expected an ISO-8601 extended offset date-time', 'Timestamp')
    }
    if (fields.has('Seconds') === fields.has('Timestamp')) {
      fields.fault(`Exactly one of the fields 'Seconds' and 'Timestamp' is required`)
    }
    return { type: 'Wait', name, seconds, timestamp, ...readContinuation(fields) }
  },

  start(turn, scope, run) {
    const until = endOf(turn, scope, run)
    if (until > turn.now) turn.emit(scope.id, { type: 'WaitScheduled', until })
    else turn.exit(scope, run, run.state as WaitState, run.input)
  },

  end(turn, scope, run) {
    turn.exit(scope, run, run.state as WaitState, run.input)
  },
}

/** Milliseconds since 1970. */
function endOf(turn: Turn, scope: Scope, run: StateRun): number {
  const { seconds, timestamp } = run.state as WaitState
  if (seconds !== undefined) {
    return turn.now + turn.evaluateAs(scope, run, seconds, 'integer', isWholeSeconds) * 1000
  }
  const text = turn.evaluateAs(scope, run, timestamp!, 'string', isString)
  const time = timeOf(text)
  if (time !== undefined) return time
  throw turn.evaluationFault(
    run,
    'Timestamp',
    `The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: ${text}`,
  )
}

function isWholeSeconds(value: Json): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= limits.seconds
}

/** RFC 3339 with an upper-case `T` and offset; parts of a millisecond are cut off. */
function timeOf(text: string): number | undefined {
  const match = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?)(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/.exec(
    text,
  )
  if (match === null) return undefined
  const [, local, fraction = '', offset] = match as unknown as [string, string, string?, string?]
  const time = Date.parse(`${local}${fraction.slice(0, 4)}${offset}`)
  // Date.parse takes a 30 February for a 1 March.
  const day = new Date(Date.parse(`${local}Z`)).getUTCDate()
  return Number.isNaN(time) || day !== Number(local.slice(8, 10)) ? undefined : time
}
