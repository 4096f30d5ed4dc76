import type { Catcher, Handling } from './definition/states.ts'
import { errorNames, type Failure } from './errors.ts'
import type { StateRun } from './execution.ts'

/**
 * How a failed state is to be retried: the index of the retrier and milliseconds of delay; undefined
 * when no retrier matches, or the matching one has no attempts left.
 */
export function retryOf(
  state: Handling,
  run: StateRun,
  failure: Failure,
  random: () => number,
): { retrier: number; delay: number } | undefined {
  const index = state.retry.findIndex((retrier) => matches(retrier.errorEquals, failure))
  const retrier = state.retry[index]
  if (retrier === undefined) return undefined
  const attempts = run.attempts.get(index) ?? 0
  if (attempts >= retrier.maxAttempts) return undefined
  const seconds = Math.min(
    retrier.intervalSeconds * retrier.backoffRate ** attempts,
    retrier.maxDelaySeconds ?? longestDelay,
  )
  const share = retrier.jitterStrategy === 'FULL' ? random() : 1
  return { retrier: index, delay: Math.round(seconds * share * 1000) }
}

/** Seconds; a backoff without a bound would soon be past all dates. */
const longestDelay = 99_999_999

export function catcherFor(state: Handling, failure: Failure): Catcher | undefined {
  return state.catch.find((catcher) => matches(catcher.errorEquals, failure))
}

/** Whether Retry or Catch with these ErrorEquals takes the failure. */
function matches(errorEquals: readonly string[], failure: Failure): boolean {
  const { error = '' } = failure
  if (error === errorNames.runtime) return false
  return errorEquals.some((name) => {
    switch (name) {
      case errorNames.all:
        return failure.isOverLimit !== true
      case errorNames.taskFailed:
        return error !== errorNames.timeout && failure.isOverLimit !== true
      case errorNames.heartbeatTimeout:
        return failure.isHeartbeat === true
      default:
        return name === error
    }
  })
}
