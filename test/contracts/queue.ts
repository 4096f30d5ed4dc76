import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Json } from '../../platform/ports/json.ts'
import type { Message, Queue } from '../../platform/ports/queue.ts'
import { rejection } from './expect-error.ts'

export interface OpenQueue {
  /** A queue whose messages are dead letters after three receives. */
  readonly queue: Queue
  /** Lets time pass: that of the queue's clock, or real time. */
  pass(seconds: number): Promise<void>
  /** How long to wait, in seconds, for what must not happen: long where time is only told. */
  readonly longWait: number
  /** How long a message is hidden, in seconds, where it must not come back meanwhile. */
  readonly hiddenFor: number
  /** Receives from the queue where messages become dead letters only when someone does. */
  receiverComes?(): Promise<void>
  close(): Promise<void>
}

/** What every queue promises. */
export function queueContract(name: string, open: () => Promise<OpenQueue>): void {
  describe(`queue: ${name}`, () => {
    let queue: Queue
    let opened: OpenQueue
    const pass = (seconds: number) => opened.pass(seconds)
    const receiveOne = async (visibilitySeconds = 30): Promise<Message> => {
      const [message] = await queue.receive({ visibilitySeconds })
      expect(message).toBeDefined()
      return message!
    }
    /** Until there are `count` messages: a receive may answer fewer than are due. */
    const receiveAll = async (count: number, limit: number, receivers = 1): Promise<Message[]> => {
      const found: Message[] = []
      for (let i = 0; i < 20 && found.length < count; i++) {
        const batches = await Promise.all(
          Array.from({ length: receivers }, () => queue.receive({ limit })),
        )
        for (const batch of batches) expect(batch.length).toBeLessThanOrEqual(limit)
        found.push(...batches.flat())
      }
      return found
    }
    const makeDeadLetter = async (body: Json): Promise<{ messageId: string }> => {
      const sent = await queue.send(body)
      for (let i = 0; i < 3; i++) await queue.release(await receiveOne())
      expect(await queue.receive()).toEqual([])
      return sent
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
      await pass(opened.longWait)
      expect(await queue.receive()).toEqual([])
      expect(await queue.deadLetters()).toEqual([])
    })

    it('answers at most the limit, each message once', async () => {
      const bodies = Array.from({ length: 12 }, (_, i) => i)
      for (const body of bodies) await queue.send(body)
      const received = await receiveAll(12, 10)
      const values = received.map(({ body }) => body as number)
      expect(values.toSorted((a, b) => a - b)).toEqual(bodies)
      expect(await queue.receive()).toEqual([])
    })

    it('gives each message to one of many concurrent receivers', async () => {
      for (let i = 0; i < 20; i++) await queue.send(i)
      const received = await receiveAll(20, 1, 20)
      expect(received).toHaveLength(20)
      expect(new Set(received.map(({ messageId }) => messageId)).size).toBe(20)
    })

    it('hides a message for its time, then delivers it again under another receipt', async () => {
      await queue.send('x')
      const first = await receiveOne(opened.hiddenFor)
      await pass(1)
      expect(await queue.receive()).toEqual([])
      await pass(opened.hiddenFor - 1)
      const second = await receiveOne()
      expect(second).toMatchObject({ messageId: first.messageId, receiveCount: 2 })
      expect(second.receipt).not.toBe(first.receipt)
    })

    it('takes no harm from an acknowledgement that is late, or comes twice', async () => {
      await queue.send('x')
      const late = await receiveOne(1)
      await pass(1)
      const message = await receiveOne(1)
      await queue.acknowledge(late)
      await pass(1)
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
      await queue.send('x', { delaySeconds: opened.hiddenFor })
      await pass(1)
      expect(await queue.receive()).toEqual([])
      await pass(opened.hiddenFor - 1)
      expect((await receiveOne()).body).toBe('x')
    })

    it('keeps a message that was received three times as a dead letter, until replayed', async () => {
      const { messageId } = await makeDeadLetter({ poison: true })
      const [dead] = await queue.deadLetters()
      expect(dead).toMatchObject({ messageId, body: { poison: true } })
      expect(dead!.receiveCount).toBeGreaterThanOrEqual(3)
      await pass(opened.longWait)
      expect(await queue.deadLetters()).toHaveLength(1)

      expect(await queue.replay(messageId)).toBe(true)
      expect(await queue.replay(messageId)).toBe(false)
      expect(await queue.replay('no-such-message')).toBe(false)
      expect(await queue.deadLetters()).toEqual([])
      expect(await receiveOne()).toMatchObject({ body: { poison: true }, receiveCount: 1 })
    })

    it('lists a dead letter only when the time of its last receiver is over', async () => {
      await queue.send('x')
      for (let i = 0; i < 2; i++) await queue.release(await receiveOne())
      const last = await receiveOne(opened.hiddenFor)
      await opened.receiverComes?.()
      expect(await queue.deadLetters()).toEqual([])
      await pass(opened.hiddenFor)
      await opened.receiverComes?.()
      expect(await queue.deadLetters()).toHaveLength(1)
      await queue.acknowledge(last)
      expect(await queue.deadLetters()).toHaveLength(1)
    })

    it('lists, replays and removes each of many dead letters', async () => {
      const sent: string[] = []
      for (let i = 0; i < 23; i++) sent.push((await queue.send(i)).messageId)
      for (let i = 0; i < 3; i++) {
        const received = await receiveAll(23, 10)
        await Promise.all(received.map((message) => queue.release(message)))
      }
      expect(await queue.receive()).toEqual([])
      expect(await queue.deadLetters({ limit: 7 })).toHaveLength(7)
      const dead = await queue.deadLetters()
      expect(dead.map(({ messageId }) => messageId).toSorted()).toEqual(sent.toSorted())

      expect(await queue.replay(sent[11]!)).toBe(true)
      const [replayed] = await queue.receive()
      expect(replayed).toMatchObject({ body: 11, receiveCount: 1 })
      await queue.acknowledge(replayed!)
      for (const message of await queue.deadLetters()) {
        if ((message.body as number) < 20) await queue.acknowledge(message)
      }
      const left = (await queue.deadLetters()).map(({ body }) => body as number)
      expect(left.toSorted((a, b) => a - b)).toEqual([20, 21, 22])
      expect(await queue.receive()).toEqual([])
    })

    it('removes a dead letter that is acknowledged, and leaves one that is released', async () => {
      await makeDeadLetter('x')
      const [dead] = await queue.deadLetters()
      await queue.release(dead!)
      expect(await queue.receive()).toEqual([])
      const [again] = await queue.deadLetters()
      await queue.acknowledge(again!)
      await queue.acknowledge(again!)
      expect(await queue.deadLetters()).toEqual([])
    })

    it('drops a dead letter once, and says whether it was there', async () => {
      const { messageId } = await makeDeadLetter({ poison: true })
      const live = await queue.send('alive')
      expect(await queue.drop(live.messageId)).toBeUndefined()
      expect(await queue.drop('no-such-message')).toBeUndefined()
      expect(await queue.drop(messageId)).toMatchObject({ messageId, body: { poison: true } })
      expect(await queue.drop(messageId)).toBeUndefined()
      expect(await queue.replay(messageId)).toBe(false)
      expect(await queue.deadLetters()).toEqual([])
      expect((await receiveOne()).body).toBe('alive')
    })

    it('takes no harm from a receipt that it never gave', async () => {
      await queue.send('x')
      const message = await receiveOne(0)
      for (const receipt of ['', 'x', 'live:x', 'dead:x']) {
        await queue.acknowledge({ ...message, receipt })
        await queue.release({ ...message, receipt })
      }
      expect((await receiveOne()).messageId).toBe(message.messageId)
    })

    it('takes every character that JSON has', async () => {
      const body = { text: '\u0000\u001f\u007f\u0085\u2028\ufffe\uffff"\\😀', '\uffff': null }
      await queue.send(body)
      expect((await receiveOne()).body).toEqual(body)
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
