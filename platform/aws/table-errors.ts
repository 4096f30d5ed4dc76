import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb'
import { type ErrorName, MillraceError } from '../ports/errors.ts'
import { portError } from './errors.ts'

/** The indexes of the writes whose condition did not hold: of a single write, 0. */
export function failedConditions(error: unknown): number[] {
  if (error instanceof ConditionalCheckFailedException) return [0]
  if (!(error instanceof TransactionCanceledException)) return []
  return (error.CancellationReasons ?? []).flatMap(({ Code }, i) =>
    Code === 'ConditionalCheckFailed' ? [i] : [],
  )
}

/**
 * DynamoDB's error as one of the ports'. What only DynamoDB can tell, since it depends on the item that
 * is there, is ItemTooLarge or ItemInvalid; it has no codes for that, only texts.
 */
export function tableError(what: string, error: unknown): MillraceError {
  const refusal = refusals(error)
    .map((message) => ({ message, name: refusalName(message) }))
    .find(({ name }) => name !== undefined)
  if (refusal?.name === undefined) return portError(what, error)
  return new MillraceError(refusal.name, `${what}: ${refusal.message}`, { cause: error })
}

function refusals(error: unknown): string[] {
  if (error instanceof TransactionCanceledException) {
    return (error.CancellationReasons ?? []).flatMap(({ Code, Message }) =>
      Code === 'ValidationError' && Message !== undefined ? [Message] : [],
    )
  }
  return error instanceof Error && error.name === 'ValidationException' ? [error.message] : []
}

function refusalName(message: string): ErrorName | undefined {
  if (/transaction.*\b(size|4 ?MB)\b/i.test(message)) return 'TransactionTooLarge'
  if (/item size.*exceeded/i.test(message)) return 'ItemTooLarge'
  const isOfArithmetic = /operand|overflow|underflow|significant digits|numeric value/i
  return isOfArithmetic.test(message) ? 'ItemInvalid' : undefined
}
