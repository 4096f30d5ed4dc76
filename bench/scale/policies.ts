import type { RetryPolicy } from './services.ts'

/** A state of one of our definitions, as far as it is tried again. */
export interface RetryState {
  readonly Retry?: readonly Retrier[]
}

interface Retrier {
  readonly ErrorEquals: readonly string[]
  readonly IntervalSeconds?: number
  readonly BackoffRate?: number
  readonly MaxAttempts?: number
  readonly MaxDelaySeconds?: number
  readonly JitterStrategy?: string
}

/** How a state tries again after an error; not at all without a retrier for it. */
export function policyOf({ Retry = [] }: RetryState, error: string): RetryPolicy {
  const retrier = Retry.find(({ ErrorEquals }) => ErrorEquals.includes(error))
  const { IntervalSeconds = 1, BackoffRate = 2, MaxDelaySeconds, JitterStrategy } = retrier ?? {}
  return {
    IntervalSeconds,
    BackoffRate,
    MaxAttempts: retrier === undefined ? 0 : (retrier.MaxAttempts ?? 3),
    ...(MaxDelaySeconds === undefined ? {} : { MaxDelaySeconds }),
    JitterStrategy: JitterStrategy === 'FULL' ? 'FULL' : 'NONE',
  }
}
