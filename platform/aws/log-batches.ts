import { utf8Length } from '../ports/utf8.ts'
import { recordsPartition } from './log-items.ts'

/** A transaction takes 100 writes and 4 MB; the head and the list of keys are two of the writes. */
const maxRecords = 98
const maxBytes = 4 * 1024 * 1024 - 8 * 1024

/** Names of attributes and the position, which each record has beside its key and its text. */
const bytesBeside = 64

/** The records of one append in transactions, in order, each as full as it may be. */
export function transactionsOf(key: string, texts: readonly string[]): string[][] {
  const bytesOfEach = utf8Length(recordsPartition(key)) + bytesBeside
  const transactions: string[][] = []
  let bytes = 0
  for (const text of texts) {
    const added = utf8Length(text) + bytesOfEach
    const current = transactions.at(-1)
    if (current !== undefined && current.length < maxRecords && bytes + added <= maxBytes) {
      current.push(text)
      bytes += added
    } else {
      transactions.push([text])
      bytes = added
    }
  }
  return transactions
}
