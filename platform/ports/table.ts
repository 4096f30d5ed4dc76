import type { Json } from './json.ts'
import type { PageOptions } from './pages.ts'

/**
 * Table: JSON items under a partition key `pk` and a sort key `sk` (DynamoDB).
 *
 * Promises of every adapter:
 * - A write is acknowledged only when it is durable; reads and queries are strongly consistent.
 * - A conditional write and a transaction take effect whole or not at all, and are serialised.
 * - `query` answers in UTF-8 byte order of `sk`.
 * - Keys are non-empty strings without lone surrogates, at most 2048 (`pk`) and 1024 (`sk`) bytes.
 *   Values are JSON at most 32 levels deep, with finite numbers and well-formed text; `undefined`
 *   attributes are dropped; attribute names have 1 to 65,535 bytes. Anything else is ItemInvalid, and
 *   so is a `pk` that begins with `log#`, under which the log keeps its records.
 * - An item is at most 400 KB (400 × 1024 bytes of its JSON): ItemTooLarge. What an `update` makes of
 *   an item may be measured without the punctuation and the escapes of its JSON.
 * - `transact` takes effect once. A single `update` that adds may count twice when its answer is lost
 *   on the way and it is sent again: what must be counted exactly is counted by a transaction.
 * - A conditional write whose answer is lost and that is sent again is taken as done when what it
 *   would have done is there. So writers that compete write a value of their own.
 *
 * On AWS, an attribute `expiresAt` that is a number is the time, in seconds since 1970, after which
 * DynamoDB deletes the item (within days): keep times of other meaning under another name.
 *
 * Errors: ItemInvalid, ItemTooLarge, TransactionTooLarge, ConditionFailed, CursorInvalid,
 * RequestInvalid (a limit out of its range), StorageFailed.
 */
export interface Table {
  get(pk: string, sk: string): Promise<Item | undefined>

  /** Writes the whole item, replacing the one there. */
  put(item: Item, options?: { if?: Condition }): Promise<void>

  /**
   * Changes some attributes of an item, which is made when absent (unless the condition forbids).
   * `add` counts up (an absent attribute counts as 0; another that is not a number, or a sum that
   * is not 0 or from 1e-130 to below 1e126 in magnitude, is ItemInvalid). Sums of integers are exact
   * up to 2^53; of other numbers the last digits may differ between adapters, since DynamoDB counts in
   * decimals. A change names at most 100 attributes. Answers the item as it is afterwards.
   */
  update(pk: string, sk: string, change: Change, options?: { if?: Condition }): Promise<Item>

  /** Idempotent without a condition. */
  delete(pk: string, sk: string, options?: { if?: Condition }): Promise<void>

  /**
   * All writes or none: at most 100, of different items, with at most 4 MB of items together.
   * ConditionFailed carries `details.failed`: the indexes of the writes whose condition did not hold.
   * In an `update`, `set`, `add` and `remove` name different attributes, and never `pk` or `sk`.
   */
  transact(writes: readonly Write[]): Promise<void>

  /**
   * Items of a partition in order of `sk`: those that begin with `prefix` and are greater
   * than `after` (whatever the direction), at most `limit` (default 100, at most 1000), descending on
   * request. `cursor` goes on where a page ended, and is absent after the last one.
   */
  query(pk: string, options?: QueryOptions): Promise<{ items: Item[]; cursor?: string }>
}

/** See `query`. */
export interface QueryOptions extends PageOptions {
  readonly prefix?: string | undefined
  readonly after?: string | undefined
  readonly descending?: boolean | undefined
}

export interface Item {
  readonly pk: string
  readonly sk: string
  readonly [attribute: string]: Json | undefined
}

export interface Change {
  readonly set?: Readonly<Record<string, Json>>
  readonly add?: Readonly<Record<string, number>>
  readonly remove?: readonly string[]
}

/**
 * `'absent'`: no such item. `'present'`: there is one. An object: there is an item, and each named
 * attribute has exactly this scalar value (`null` also stands for an attribute that is not there). It
 * names at most 25 attributes.
 */
export type Condition =
  'absent' | 'present' | Readonly<Record<string, string | number | boolean | null>>

export type Write =
  | { readonly put: Item; readonly if?: Condition }
  | {
      readonly update: { readonly pk: string; readonly sk: string } & Change
      readonly if?: Condition
    }
  | { readonly delete: { readonly pk: string; readonly sk: string }; readonly if?: Condition }
  | { readonly check: { readonly pk: string; readonly sk: string }; readonly if: Condition }
