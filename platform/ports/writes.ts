import { MillraceError } from './errors.ts'
import {
  changedItem,
  conditionHolds,
  itemText,
  validateChange,
  validateCondition,
  validateItemKey,
} from './item.ts'
import type { Condition, Item, Write } from './table.ts'
import { utf8Length } from './utf8.ts'

const maxWrites = 100
const maxBytes = 4 * 1024 * 1024

/** A write that was checked, with its key and what it makes of the item that is there. */
export interface CheckedWrite {
  readonly pk: string
  readonly sk: string
  readonly condition: Condition | undefined
  /** Bytes that the write brings, as JSON, whatever is there. */
  readonly bytes: number
  /** The JSON text to store; null to delete; undefined to leave all as it is. */
  readonly outcome: (current: Item | undefined) => string | null | undefined
}

/** What a write comes to. */
export interface Outcome {
  readonly pk: string
  readonly sk: string
  /** The JSON text to store, or null to delete. */
  readonly text: string | null
}

/** Checks one write. Throws ItemInvalid and ItemTooLarge. */
export function checkWrite(write: Write): CheckedWrite {
  const condition = write.if
  validateCondition(condition)
  if ('put' in write) {
    const text = itemText(write.put)
    const { pk, sk } = write.put
    return { pk, sk, condition, bytes: utf8Length(text), outcome: () => text }
  }
  if ('update' in write) {
    const { pk, sk, ...change } = write.update
    validateItemKey(pk, sk)
    validateChange(change)
    return {
      pk,
      sk,
      condition,
      bytes: utf8Length(JSON.stringify(change.set ?? {})),
      outcome: (current) => itemText(changedItem(pk, sk, current, change)),
    }
  }
  if ('delete' in write) {
    const { pk, sk } = write.delete
    validateItemKey(pk, sk)
    return { pk, sk, condition, bytes: 0, outcome: () => null }
  }
  if ('check' in write) {
    const { pk, sk } = write.check
    validateItemKey(pk, sk)
    if (write.if === undefined) throw new MillraceError('ItemInvalid', 'a check has no condition')
    return { pk, sk, condition, bytes: 0, outcome: () => undefined }
  }
  throw new MillraceError('ItemInvalid', 'a write is one of put, update, delete and check')
}

/** Checks the writes of a transaction. Throws TransactionTooLarge, ItemInvalid, ItemTooLarge. */
export function checkTransaction(writes: readonly Write[]): CheckedWrite[] {
  if (writes.length > maxWrites) {
    throw new MillraceError(
      'TransactionTooLarge',
      `the transaction has ${writes.length} writes, at most ${maxWrites} are allowed: split it`,
    )
  }
  const checked = writes.map(checkWrite)
  const keys = new Set(checked.map(({ pk, sk }) => JSON.stringify([pk, sk])))
  if (keys.size < checked.length) {
    throw new MillraceError('ItemInvalid', 'two writes of the transaction are of one item')
  }
  refuseOver4MB(checked.reduce((sum, { bytes }) => sum + bytes, 0))
  return checked
}

/**
 * What writes come to, given the items that are stored: the caller stores all of it or, when this
 * throws, nothing. Throws ConditionFailed with the indexes of the writes that failed, ItemInvalid,
 * ItemTooLarge, TransactionTooLarge (over 4 MB of items).
 */
export function outcomesOf(
  writes: readonly CheckedWrite[],
  stored: (pk: string, sk: string) => Item | undefined,
): Outcome[] {
  const current = writes.map(({ pk, sk }) => stored(pk, sk))
  const failed = writes.flatMap(({ condition }, i) =>
    conditionHolds(condition, current[i]) ? [] : [i],
  )
  if (failed.length > 0) throw conditionFailed(writes, failed)
  const outcomes = writes.flatMap(({ pk, sk, outcome }, i): Outcome[] => {
    const text = outcome(current[i])
    return text === undefined ? [] : [{ pk, sk, text }]
  })
  refuseOver4MB(outcomes.reduce((sum, { text }) => sum + (text === null ? 0 : utf8Length(text)), 0))
  return outcomes
}

/** The error of writes whose condition did not hold, by their indexes, of which there is at least one. */
export function conditionFailed(
  writes: readonly CheckedWrite[],
  failed: readonly number[],
  cause?: unknown,
): MillraceError {
  const { pk, sk, condition } = writes[failed[0]!]!
  const more = failed.length > 1 ? ` and ${failed.length - 1} more` : ''
  return new MillraceError(
    'ConditionFailed',
    `the condition ${JSON.stringify(condition)} does not hold on the item ` +
      `${JSON.stringify(pk)}, ${JSON.stringify(sk)}${more}: read it again and decide anew`,
    { details: { failed }, ...(cause !== undefined && { cause }) },
  )
}

function refuseOver4MB(bytes: number): void {
  if (bytes <= maxBytes) return
  throw new MillraceError(
    'TransactionTooLarge',
    `the transaction writes ${bytes} bytes of items, at most ${maxBytes} are allowed: split it`,
  )
}
