import { decodeCursor, encodeCursor, pageLimit } from '../ports/page.ts'
import { validateBound, validatePartitionKey, validateItemKey } from '../ports/item.ts'
import type { Change, Condition, Item, Table, Write, QueryOptions } from '../ports/table.ts'
import { afterPrefix } from '../ports/utf8.ts'
import { type CheckedWrite, checkTransaction, checkWrite, outcomesOf } from '../ports/writes.ts'
import type { LocalDatabase } from './database.ts'

/** A text compares below any blob, so that this stands for "no upper bound". */
const aboveAllText = new Uint8Array(0)

/** The table port on SQLite, whose text order is that of UTF-8 bytes. */
export class LocalTable implements Table {
  readonly #database: LocalDatabase
  readonly #get
  readonly #put
  readonly #delete
  readonly #ascending
  readonly #descending

  constructor(database: LocalDatabase) {
    const { connection } = database
    this.#database = database
    connection.exec(
      `CREATE TABLE IF NOT EXISTS items
         (pk TEXT NOT NULL, sk TEXT NOT NULL, item TEXT NOT NULL, PRIMARY KEY (pk, sk))
         WITHOUT ROWID`,
    )
    this.#get = connection.prepare('SELECT item FROM items WHERE pk = ? AND sk = ?')
    this.#put = connection.prepare(
      `INSERT INTO items VALUES (?, ?, ?)
         ON CONFLICT (pk, sk) DO UPDATE SET item = excluded.item`,
    )
    this.#delete = connection.prepare('DELETE FROM items WHERE pk = ? AND sk = ?')
    const page = 'SELECT sk, item FROM items WHERE pk = ? AND sk >= ? AND sk > ? AND sk < ?'
    this.#ascending = connection.prepare(`${page} ORDER BY sk LIMIT ?`)
    this.#descending = connection.prepare(`${page} ORDER BY sk DESC LIMIT ?`)
  }

  async get(pk: string, sk: string): Promise<Item | undefined> {
    validateItemKey(pk, sk)
    return this.#database.read(() => this.#stored(pk, sk))
  }

  async put(item: Item, options: { if?: Condition } = {}): Promise<void> {
    await this.#commit([checkWrite({ put: item, ...options })])
  }

  async update(
    pk: string,
    sk: string,
    change: Change,
    options: { if?: Condition } = {},
  ): Promise<Item> {
    const [text] = await this.#commit([checkWrite({ update: { ...change, pk, sk }, ...options })])
    return JSON.parse(text!) as Item
  }

  async delete(pk: string, sk: string, options: { if?: Condition } = {}): Promise<void> {
    await this.#commit([checkWrite({ delete: { pk, sk }, ...options })])
  }

  async transact(writes: readonly Write[]): Promise<void> {
    await this.#commit(checkTransaction(writes))
  }

  async query(pk: string, options: QueryOptions = {}): Promise<{ items: Item[]; cursor?: string }> {
    validatePartitionKey(pk)
    validateBound('prefix', options.prefix)
    validateBound('after', options.after)
    const { prefix = '', after = '', cursor, descending = false } = options
    const limit = pageLimit(options.limit, 100, 1000)
    const scope = [pk, prefix, after, descending]
    const position = cursor === undefined ? undefined : decodeCursor(scope, cursor)

    // Ascending, a page begins above the last one's end; descending, it ends below it.
    const above = descending ? after : (position ?? after)
    const below = (descending ? position : undefined) ?? afterPrefix(prefix) ?? aboveAllText
    const page = descending ? this.#descending : this.#ascending
    const rows = this.#database.read(() => page.all(pk, prefix, above, below, limit + 1))

    const items = rows.slice(0, limit).map(itemOf)
    const last = rows.length > limit ? items.at(-1) : undefined
    return last === undefined ? { items } : { items, cursor: encodeCursor(scope, last.sk) }
  }

  /** Answers the texts that were stored. */
  async #commit(writes: readonly CheckedWrite[]): Promise<(string | null)[]> {
    const texts = this.#database.transaction(() =>
      outcomesOf(writes, (pk, sk) => this.#stored(pk, sk)).map(({ pk, sk, text }) => {
        if (text === null) this.#delete.run(pk, sk)
        else this.#put.run(pk, sk, text)
        return text
      }),
    )
    await this.#database.durable()
    return texts
  }

  #stored(pk: string, sk: string): Item | undefined {
    const row = this.#get.get(pk, sk)
    return row && itemOf(row)
  }
}

/** The item's own text holds its keys, whatever characters they have. */
function itemOf(row: Record<string, unknown>): Item {
  return JSON.parse(row['item'] as string) as Item
}
