import { clipped } from './clipped.ts'
import type { RejectionReason } from './shapes.ts'

/** Reasons of one code that are named one by one; the rest is counted. */
export const namedReasons = 20

/** What a reason says at most, in characters. */
const maxMessage = 300
const maxColumn = 100

/**
 * Reasons as states can carry them, however many and however long: ten thousand constant columns are
 * a rejection and no States.DataLimitExceeded.
 */
export function boundedReasons(reasons: readonly RejectionReason[]): RejectionReason[] {
  const byCode = new Map<string, RejectionReason[]>()
  for (const reason of reasons) {
    const alike = byCode.get(reason.code)
    if (alike === undefined) byCode.set(reason.code, [reason])
    else alike.push(reason)
  }
  return [...byCode].flatMap(([code, alike]) => {
    // One more than are named may be the count of the rest itself.
    if (alike.length <= namedReasons + 1) return alike.map(shortened)
    const message = `${alike.length - namedReasons} more of the same kind`
    return [...alike.slice(0, namedReasons).map(shortened), { code, message }]
  })
}

function shortened(reason: RejectionReason): RejectionReason {
  return {
    ...reason,
    message: clipped(reason.message, maxMessage),
    ...(reason.column === undefined ? {} : { column: clipped(reason.column, maxColumn) }),
  }
}
