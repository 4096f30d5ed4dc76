import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Json } from '../../platform/ports/json.ts'
import type { Message, Queue } from '../../platform/ports/queue.ts'
import { rejection } from './expect-error.ts'

export interface OpenQueue {
  /** A queue whose messages are dead letters after three receives. */
  readonly queue: Queue
  advance(milliseconds: number): void
  close(): Promise<void>
}

/** What every queue promises. */
export function queueContract(name: string, open: () => Promise<OpenQueue>): void {
  describe(`queue: ${name}`, () => {
    let queue: Queue
    let opened: OpenQueue
    const advanceSeconds = (seconds: number) => opened.advance(seconds * 1000)
    const receiveOne = async (): Promise<Message> => {
      const [message] = await queue.receive()
      expect(message).toBeDefined()
      return message!
    }
    beforeEach(async () => {
      opened = await open()
      queue = opened.queue
    })
    afterEach(() => opened.close())

    it('delivers what was sent', async () => {
      const body = { text: 'ä😀', list: [1, null, true] }
      const { messageId } = await queue.send(body)
      const message = await receiveOne()
      expect(message).toMatchObject({ messageId, body, receiveCount: 1 })
      expect(message.sentAt).toBe(new Date(message.sentAt).toISOString())
      await queue.acknowledge(message)
      advanceSeconds(24 * 3600)
      expect(await queue.receive()).toEqual([])
      expect(await queue.deadLetters()).toEqual([])
    })

    it('answers at most the limit, each message once', async () => {
      const bodies = Array.from({ length: 12 }, (_, i) => i)
      for (const body of bodies) await queue.send(body)
      const batches = [await queue.receive({ limit: 10 }), await queue.receive({ limit: 10 })]
      expect(batches.map(({ length }) => length)).toEqual([10, 2])
      const received = batches.flat().map(({ body }) => body as number)
      expect(received.toSorted((a, b) => a - b)).toEqual(bodies)
      expect(await queue.receive()).toEqual([])
    })

    it('gives each message to one of many concurrent receivers', async () => {
      for (let i = 0; i < 20; i++) await queue.send(i)
      const batches = await Promise.all(Array.from({ length: 20 }, () => queue.receive()))
      expect(new Set(batches.flat().map(({ messageId }) => messageId)).size).toBe(20)
    })

    it('hides a message for its time, then delivers it again under another receipt', async () => {
      await queue.send('x')
      const [first] = await queue.receive({ visibilitySeconds: 10 })
      advanceSeconds(9)
      expect(await queue.receive()).toEqual([])
      advanceSeconds(1)
      const second = await receiveOne()
      expect(second).toMatchObject({ messageId: first!.messageId, receiveCount: 2 })
      expect(second.receipt).not.toBe(first!.receipt)
    })

    it('takes no harm from an acknowledgement that is late, or comes twice', async () => {
      await queue.send('x')
      const [late] = await queue.receive({ visibilitySeconds: 1 })
      advanceSeconds(1)
      const message = await receiveOne()
      await queue.acknowledge(late!)
      advanceSeconds(30)
      const again = await receiveOne()
      expect(again.messageId).toBe(message.messageId)
      await queue.acknowledge(again)
      await queue.acknowledge(again)
      await queue.release(again)
      expect(await queue.receive()).toEqual([])
    })

    it('delivers a released message at once', async () => {
      await queue.send('x')
      await queue.release(await receiveOne())
      expect((await receiveOne()).receiveCount).toBe(2)
    })

    it('holds a delayed message back', async () => {
      await queue.send('x', { delaySeconds: 5 })
      advanceSeconds(4)
      expect(await queue.receive()).toEqual([])
      advanceSeconds(1)
      expect((await receiveOne()).body).toBe('x')
    })

    it('keeps a message that was received three times as a dead letter, until replayed', async () => {
      const { messageId } = await queue.send({ poison: true })
      for (let i = 0; i < 3; i++) await queue.release(await receiveOne())
      expect(await queue.receive()).toEqual([])
      const [dead] = await queue.deadLetters()
      expect(dead).toMatchObject({ messageId, body: { poison: true }, receiveCount: 3 })
      advanceSeconds(7 * 24 * 3600)
      expect(await queue.deadLetters()).toHaveLength(1)

      expect(await queue.replay(messageId)).toBe(true)
      expect(await queue.replay(messageId)).toBe(false)
      expect(await queue.replay('no-such-message')).toBe(false)
      expect(await queue.deadLetters()).toEqual([])
      expect(await receiveOne()).toMatchObject({ messageId, receiveCount: 1 })
    })

    it('lists a dead letter without anyone receiving, and not while its last receiver works', async () => {
      await queue.send('x')
      for (let i = 0; i < 2; i++) await queue.release(await receiveOne())
      const last = await receiveOne()
      expect(await queue.deadLetters()).toEqual([])
      advanceSeconds(30)
      expect(await queue.deadLetters()).toHaveLength(1)
      await queue.acknowledge(last)
      expect(await queue.deadLetters()).toHaveLength(1)
    })

    it('removes a dead letter that is acknowledged', async () => {
      await queue.send('x')
      for (let i = 0; i < 3; i++) await queue.release(await receiveOne())
      const [dead] = await queue.deadLetters()
      await queue.acknowledge(dead!)
      expect(await queue.deadLetters()).toEqual([])
    })

    it('takes bodies of 256 KiB of JSON and no more', async () => {
      const largest = 'x'.repeat(256 * 1024 - 2)
      await rejection(queue.send(`${largest}x`), 'MessageTooLarge')
      expect(await queue.receive()).toEqual([])
      await queue.send(largest)
      expect((await receiveOne()).body).toBe(largest)
    })

    it.each([Number.NaN, undefined, [undefined], new Date(0), '\ud800'])(
      'refuses the body %o',
      async (body) => {
        await rejection(queue.send(body as Json), 'ItemInvalid')
      },
    )

    it('refuses times and limits that SQS would not take', async () => {
      for (const limit of [0, 11, 1.5]) {
        await rejection(queue.receive({ limit }), 'RequestInvalid')
      }
      for (const visibilitySeconds of [-1, 43_201, Number.NaN]) {
        await rejection(queue.receive({ visibilitySeconds }), 'RequestInvalid')
      }
      await rejection(queue.send('x', { delaySeconds: 901 }), 'RequestInvalid')
    })
  })
}
