import type { Json } from './json.ts'

/**
 * Queue: messages delivered at least once, in no promised order (SQS).
 *
 * Promises of every adapter:
 * - `send` answers when the message is durable. A body is at most 256 KiB of JSON: MessageTooLarge.
 * - A received message is hidden for `visibilitySeconds`, then comes again unless acknowledged.
 * - A message received `maxReceives` times (a setting of the queue) without being acknowledged
 *   moves to the dead letters, where it stays until replayed or removed.
 * - Acknowledging twice, or after the message came again, does no harm.
 * - A dead letter is removed by `drop`, and by acknowledging it, which says nothing of whether it was
 *   there. It may be one only once someone receives again.
 *
 * Errors: MessageTooLarge, ItemInvalid (a body that is not JSON), RequestInvalid (limits and times out
 * of their range), StorageFailed.
 */
export interface Queue {
  /** `delaySeconds` is 0 to 900. */
  send(body: Json, options?: { delaySeconds?: number }): Promise<{ messageId: string }>
  /**
   * At most `limit` (1 to 10, default 1) messages that are due now; an empty list when none is.
   * `visibilitySeconds` is 0 to 43,200, default 30.
   */
  receive(options?: { limit?: number; visibilitySeconds?: number }): Promise<Message[]>
  acknowledge(message: Message): Promise<void>
  /** Makes a received message due again now, for another attempt. */
  release(message: Message): Promise<void>
  deadLetters(options?: { limit?: number }): Promise<Message[]>
  /**
   * Sends a dead letter again, with its receive count at 0 and perhaps under another `messageId`. False
   * when it is no longer there.
   */
  replay(messageId: string): Promise<boolean>
  /** Removes a dead letter for good, and answers it. Undefined when it is no longer there. */
  drop(messageId: string): Promise<Message | undefined>
}

export interface Message {
  readonly messageId: string
  /** Names this delivery of the message. */
  readonly receipt: string
  readonly body: Json
  /** 1 at the first delivery. Of a dead letter at least the receives that made it one. */
  readonly receiveCount: number
  /** ISO 8601 time. */
  readonly sentAt: string
}
