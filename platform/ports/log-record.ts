import { MillraceError } from './errors.ts'
import { maxSortKeyBytes, recordText, validateKey } from './item.ts'
import type { JsonObject } from './json.ts'
import { utf8Length } from './utf8.ts'

/** Most bytes of a record, as JSON: with its key and position it fits an item of 400 KB. */
export const maxRecordBytes = 398 * 1024

const maxConsumerBytes = 255

/** The JSON texts of the records of one append. Throws ItemInvalid and ItemTooLarge. */
export function logRecordTexts(key: string, records: readonly JsonObject[]): string[] {
  validateLogKey(key)
  return records.map((record, i) => recordText(record, `record ${i}`, maxRecordBytes))
}

/** Throws ItemInvalid unless records can be appended under `key`. */
export function validateLogKey(key: string): void {
  validateKey('the key', key, maxSortKeyBytes)
}

/** Throws RequestInvalid unless a consumer can be called so. */
export function validateConsumer(consumer: string): void {
  const isName =
    typeof consumer === 'string' &&
    consumer !== '' &&
    consumer.isWellFormed() &&
    utf8Length(consumer) <= maxConsumerBytes
  if (isName) return
  throw new MillraceError(
    'RequestInvalid',
    `the consumer's name ${JSON.stringify(consumer)} is not 1 to ${maxConsumerBytes} bytes of text`,
  )
}
