import { isMillraceError, type Item, type Json } from '../platform/ports/index.ts'

/** A record as the value of an attribute. */
export function asJson(record: object): Json {
  return record as Json
}

/** A number in a key: of fixed width, so that the order of the text is the order of the numbers. */
export function ordinal(n: number): string {
  return String(n).padStart(10, '0')
}

/** A number of all items together; where there is none it is 0. */
export function sumOf(items: readonly Item[], attribute: string): number {
  return items.reduce((sum, item) => sum + ((item[attribute] as number | undefined) ?? 0), 0)
}

/** Tells of a conditional write whether its condition held; where it did not, nothing was written. */
export async function attempt(write: Promise<unknown>): Promise<boolean> {
  try {
    await write
    return true
  } catch (error) {
    if (isMillraceError(error, 'ConditionFailed')) return false
    throw error
  }
}
