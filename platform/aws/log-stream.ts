import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda'
import type { Logger } from '../ports/observability.ts'
import { type Delivery, drain } from './log-delivery.ts'
import { keyOfRecords } from './log-items.ts'

/**
 * Drains the keys that an event of the table's stream names, each from where the consumer stands, and
 * answers which parts of the event failed: of each key that did, the first record.
 *
 * Lambda sends an event again from the first of those on. So a key that fails holds up what shares its
 * shard until it succeeds or its attempts are used up (an event source mapping limits both), and the
 * other keys have nothing new then. Records that the stream gave up on come with the next append to
 * their key, or by a sweep through the log.
 */
export async function drainStream(
  delivery: Delivery,
  event: DynamoDBStreamEvent,
  logger: Logger,
): Promise<DynamoDBBatchResponse> {
  const failed: string[] = []
  for (const [key, sequenceNumber] of firstOfEachKey(event)) {
    try {
      await drain(delivery, key)
    } catch (error) {
      const { consumer } = delivery
      const fields = { consumer, key, error: String(error) }
      logger.error('a batch of the log could not be handled and comes again', fields)
      failed.push(sequenceNumber)
    }
  }
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) }
}

/** The keys that have new records, with the sequence number of each one's first in the event. */
function firstOfEachKey({ Records }: DynamoDBStreamEvent): Map<string, string> {
  const first = new Map<string, string>()
  for (const record of Records) {
    const key = keyOf(record)
    if (key === undefined || first.has(key)) continue
    const sequenceNumber = record.dynamodb?.SequenceNumber
    if (sequenceNumber === undefined) {
      // Lambda repeats the whole event for it, since a failure of this record could not be named.
      throw new Error('a record of the stream has no sequence number')
    }
    first.set(key, sequenceNumber)
  }
  return first
}

function keyOf({ eventName, dynamodb }: DynamoDBRecord): string | undefined {
  const pk = eventName === 'INSERT' ? dynamodb?.Keys?.['pk']?.S : undefined
  return pk === undefined ? undefined : keyOfRecords(pk)
}
