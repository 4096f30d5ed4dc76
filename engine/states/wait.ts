import { isString, type Json } from '../data.ts'
import { readBase, readContinuation } from '../definition/handling.ts'
import type { WaitState } from '../definition/states.ts'
import type { Scope, StateRun } from '../execution.ts'
import { limits } from '../limits.ts'
import { timeOf } from '../timestamp.ts'
import type { Turn } from '../turn.ts'
import type { StateType } from './type.ts'

/** Ends after some seconds or at a time. */
export const waitType: StateType<WaitState> & {
  /** The time has come. */
  end(turn: Turn, scope: Scope, run: StateRun): void
} = {
  read(fields, name) {
    const seconds = fields.numberTemplate('Seconds', { min: 0, max: limits.seconds })
    const timestamp = fields.valueTemplate(
      'Timestamp',
      isTimestamp,
      'Expected an ISO-8601 extended offset date-time',
    )
    const given = ['Seconds', 'SecondsPath', 'Timestamp', 'TimestampPath'].filter((field) =>
      fields.has(field),
    )
    if (given.length !== 1) {
      fields.fault(
        `Exactly one of these fields is required: [Seconds, SecondsPath, Timestamp, TimestampPath]`,
      )
    }
    return {
      type: 'Wait',
      ...readBase(fields, name),
      seconds,
      timestamp,
      ...readContinuation(fields, {}),
    }
  },

  start(turn, scope, run) {
    const until = endOf(turn, scope, run)
    if (until > turn.now) turn.emit(scope.id, { type: 'WaitScheduled', until })
    else waitType.end(turn, scope, run)
  },

  end(turn, scope, run) {
    turn.exit(scope, run, run.state as WaitState, turn.effectiveInput(scope, run))
  },
}

/** Milliseconds since 1970. */
function endOf(turn: Turn, scope: Scope, run: StateRun): number {
  const { seconds, timestamp, language } = run.state as WaitState
  const isJsonPath = language === 'JSONPath'
  if (seconds !== undefined) {
    if (!isJsonPath) {
      return turn.now + turn.evaluateAs(scope, run, seconds, 'integer', isWholeSeconds) * 1000
    }
    return turn.now + secondsAt(turn, scope, run) * 1000
  }
  const { value, text } = turn.evaluate(scope, run, timestamp!)
  const time = isString(value) ? timeOf(value) : undefined
  if (time !== undefined) return time
  const shown = isString(value) ? value : text
  if (isJsonPath) {
    throw turn.evaluationFault(
      run,
      'TimestampPath',
      'The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time ' +
        `format string: ${timestamp!.source} == ${shown}`,
    )
  }
  turn.evaluateAs(scope, run, timestamp!, 'string', isString)
  throw turn.evaluationFault(
    run,
    'Timestamp',
    `The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: ${shown}`,
  )
}

function secondsAt(turn: Turn, scope: Scope, run: StateRun): number {
  const { seconds } = run.state as WaitState
  const { value, text } = turn.evaluate(scope, run, seconds!)
  const shown = isString(value) ? value : text
  const number = /^-?\d+$/.test(shown) ? Number(shown) : undefined
  if (number === undefined) {
    throw turn.evaluationFault(
      run,
      'SecondsPath',
      `The SecondsPath parameter cannot be parsed as a long value: ${seconds!.source} == ${shown}`,
    )
  }
  if (number < 0) {
    throw turn.evaluationFault(
      run,
      'SecondsPath',
      `The SecondsPath parameter references a negative value: ${seconds!.source} == ${shown}`,
    )
  }
  if (number > limits.seconds) {
    throw turn.evaluationFault(
      run,
      'SecondsPath',
      `The SecondsPath parameter references a value over ${limits.seconds}: ${seconds!.source} == ${shown}`,
    )
  }
  return number
}

function isWholeSeconds(value: Json): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= limits.seconds
}

function isTimestamp(value: Json): boolean {
  return isString(value) && timeOf(value) !== undefined
}
