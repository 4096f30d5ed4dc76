import { TransactionCanceledException } from '@aws-sdk/client-dynamodb'

export interface Retry {
  /** How often a request is sent, beyond what the SDK itself does within each. */
  readonly attempts: number
  /** The most that the first pause takes, in milliseconds; it doubles up to 1 s. */
  readonly firstPauseMs: number
}

export const defaultRetry: Retry = { attempts: 12, firstPauseMs: 20 }

const longestPauseMs = 1000

/** What says that nothing was done, since others write the same item or too much is asked for. */
const contention: ReadonlySet<string> = new Set([
  'TransactionConflictException',
  'TransactionInProgressException',
  'ReplicatedWriteConflictException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
])
const contentionOfWrites: ReadonlySet<string> = new Set([
  'TransactionConflict',
  'ProvisionedThroughputExceeded',
  'ThrottlingError',
])

/** Sends a request until it does not end in contention, or `attempts` are used up. */
export async function retried<Answer>(retry: Retry, send: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send()
    } catch (error) {
      if (attempt >= retry.attempts || !isContention(error)) throw error
      await pause(retry, attempt)
    }
  }
}

/** A random part of a pause that doubles, so that those who contend do not meet again. */
export async function pause({ firstPauseMs }: Retry, attempt: number): Promise<void> {
  const longest = Math.min(firstPauseMs * 2 ** (attempt - 1), longestPauseMs)
  await new Promise((resolve) => setTimeout(resolve, longest * Math.random()))
}

function isContention(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (!(error instanceof TransactionCanceledException)) return contention.has(error.name)
  const reasons = error.CancellationReasons ?? []
  return reasons.some(({ Code }) => Code !== undefined && contentionOfWrites.has(Code))
}
