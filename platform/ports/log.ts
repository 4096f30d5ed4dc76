import type { JsonObject } from './json.ts'

/**
 * Log: records appended under a key (a table's stream, or a partition of it).
 *
 * Promises of every adapter: `append` answers when the records are durable; a record has a position,
 * which it keeps, and positions of one key grow; a consumer gets records in batches, in order for each key, at least
 * once: a handler that throws gets the same records again, and after a restart a consumer goes on
 * after the last batch whose handler ended well. Records that a handler has seen keep their position
 * when they come again, so a handler that stores the position beside its state counts each once.
 *
 * A key is non-empty text of at most 1024 bytes, a consumer's name one of at most 255. A record is at
 * most 398 KB (398 × 1024 bytes) of JSON: ItemTooLarge. The records of one `append` follow each other
 * and are appended all or none, up to 98 records and 4 MB with their keys; of a longer one that fails,
 * the first may have been appended. An `append` that failed with StorageFailed may have been done.
 *
 * Errors: ItemInvalid, ItemTooLarge, CursorInvalid (a position that this log did not give),
 * RequestInvalid (a limit out of its range, a consumer's name that is none or is subscribed already),
 * StorageFailed.
 */
export interface Log {
  /** Answers the positions of the records, in their order. */
  append(key: string, records: readonly JsonObject[]): Promise<string[]>
  /** The record at a position, at the cost of one item; undefined where there is none of this key. */
  get(key: string, position: string): Promise<LogRecord | undefined>
  /**
   * Records of one key after `after` (exclusive; default from the start), at most `limit` (default
   * and at most 1000).
   */
  read(key: string, options?: { after?: string; limit?: number }): Promise<LogRecord[]>
  /**
   * Delivers every record, past and future, to `handler` under the durable name `consumer`.
   * The answer stops the delivery and resolves when the batch under way has ended.
   */
  subscribe(
    consumer: string,
    handler: (batch: readonly LogRecord[]) => Promise<void>,
  ): () => Promise<void>
}

export interface LogRecord {
  readonly key: string
  /** Compares as text within one key. */
  readonly position: string
  readonly record: JsonObject
}
