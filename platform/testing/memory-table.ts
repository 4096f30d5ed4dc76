import { validateBound, validateItemKey, validatePartitionKey } from '../ports/item.ts'
import { decodeCursor, encodeCursor, pageLimit } from '../ports/page.ts'
import type { Change, Condition, Item, Table, Write, QueryOptions } from '../ports/table.ts'
import { compareUtf8 } from '../ports/utf8.ts'
import { type CheckedWrite, checkTransaction, checkWrite, outcomesOf } from '../ports/writes.ts'

/** The table port in memory, for tests. Items are kept as JSON, so nobody can change a stored one. */
export class MemoryTable implements Table {
  readonly #partitions = new Map<string, Map<string, string>>()

  async get(pk: string, sk: string): Promise<Item | undefined> {
    validateItemKey(pk, sk)
    return this.#stored(pk, sk)
  }

  async put(item: Item, options: { if?: Condition } = {}): Promise<void> {
    this.#commit([checkWrite({ put: item, ...options })])
  }

  async update(
    pk: string,
    sk: string,
    change: Change,
    options: { if?: Condition } = {},
  ): Promise<Item> {
    this.#commit([checkWrite({ update: { ...change, pk, sk }, ...options })])
    return this.#stored(pk, sk)!
  }

  async delete(pk: string, sk: string, options: { if?: Condition } = {}): Promise<void> {
    this.#commit([checkWrite({ delete: { pk, sk }, ...options })])
  }

  async transact(writes: readonly Write[]): Promise<void> {
    this.#commit(checkTransaction(writes))
  }

  async query(pk: string, options: QueryOptions = {}): Promise<{ items: Item[]; cursor?: string }> {
    validatePartitionKey(pk)
    validateBound('prefix', options.prefix)
    validateBound('after', options.after)
    const { prefix = '', after = '', cursor, descending = false } = options
    const limit = pageLimit(options.limit, 100, 1000)
    const scope = [pk, prefix, after, descending]
    const position = cursor === undefined ? undefined : decodeCursor(scope, cursor)
    const direction = descending ? -1 : 1
    const keys = [...(this.#partitions.get(pk)?.keys() ?? [])]
      .filter((sk) => sk.startsWith(prefix) && compareUtf8(sk, after) > 0)
      .filter((sk) => position === undefined || compareUtf8(sk, position) * direction > 0)
      .sort((a, b) => compareUtf8(a, b) * direction)
    const items = keys.slice(0, limit).map((sk) => this.#stored(pk, sk)!)
    const last = keys.length > limit ? items.at(-1) : undefined
    return last === undefined ? { items } : { items, cursor: encodeCursor(scope, last.sk) }
  }

  #commit(writes: readonly CheckedWrite[]): void {
    for (const { pk, sk, text } of outcomesOf(writes, (pk, sk) => this.#stored(pk, sk))) {
      const partition = this.#partitions.get(pk) ?? new Map<string, string>()
      this.#partitions.set(pk, partition)
      if (text === null) partition.delete(sk)
      else partition.set(sk, text)
    }
  }

  #stored(pk: string, sk: string): Item | undefined {
    const text = this.#partitions.get(pk)?.get(sk)
    return text === undefined ? undefined : (JSON.parse(text) as Item)
  }
}
