import type { LogRecord } from '../ports/log.ts'
import type { LogStore } from './log-store.ts'

/** Takes records of one key, in order. What throws gets them again. */
export type BatchHandler = (batch: readonly LogRecord[]) => Promise<void>

/** A consumer of the log: its durable name, what it does and how many records it takes at once. */
export interface Delivery {
  readonly store: LogStore
  readonly consumer: string
  readonly handler: BatchHandler
  readonly batchSize: number
}

/** Hands on the next records of a key, if any. Answers whether there may be more. */
export async function deliverBatch(delivery: Delivery, key: string): Promise<boolean> {
  const { store, consumer, handler, batchSize } = delivery
  const records = await store.read(key, await store.position(consumer, key), batchSize)
  if (records.length === 0) return false
  await handler(records)
  await store.advance(consumer, key, records.at(-1)!.position)
  return records.length === batchSize
}

/** Hands on all records of a key that the consumer has not handled. */
export async function drain(delivery: Delivery, key: string): Promise<void> {
  while (await deliverBatch(delivery, key));
}
