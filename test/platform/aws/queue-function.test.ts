import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { queueFunction } from '../../../platform/aws/queue-function.ts'
import { recordOutcome } from '../../../tasks/record-outcome.ts'
import { defineTask } from '../../../tasks/task.ts'
import { lambdaContext, memoryRuntime } from './memory-runtime.ts'

const batch = (bodies: readonly unknown[]) => ({
  Records: bodies.map((body, i) => ({
    messageId: `message-${i}`,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })),
})

const collecting = () => {
  const seen: number[] = []
  const task = defineTask({
    name: 'Collect',
    input: z.object({ n: z.number() }),
    output: z.null(),
    async run({ n }) {
      if (n < 0) throw new Error('negative')
      seen.push(n)
      return null
    },
  })
  return { seen, task }
}

describe('a queue function', () => {
  it('runs its task once a message, in their order', async () => {
    const { seen, task } = collecting()
    const runtime = memoryRuntime()
    const answer = await queueFunction(task, () => runtime)(
      batch([{ n: 1 }, { n: 2 }, { n: 3 }]),
      lambdaContext(),
    )
    expect(answer).toEqual({ batchItemFailures: [] })
    expect(seen).toEqual([1, 2, 3])
    expect(runtime.flushes).toBe(1)
  })

  it.each([
    ['is no JSON', '{"n": '],
    ['its schema refuses', { n: 'three' }],
    ['its task fails on', { n: -1 }],
    ['is null', null],
  ])('gives back alone the one message of five that %s', async (_, poison) => {
    const { seen, task } = collecting()
    const runtime = memoryRuntime()
    const event = batch([{ n: 0 }, { n: 1 }, poison, { n: 3 }, { n: 4 }])
    expect(await queueFunction(task, () => runtime)(event, lambdaContext())).toEqual({
      batchItemFailures: [{ itemIdentifier: 'message-2' }],
    })
    expect(seen).toEqual([0, 1, 3, 4])
    const failures = runtime.ports.logLines.filter(({ level }) => level === 'error')
    expect(failures).toMatchObject([{ fields: { task: 'Collect', messageId: 'message-2' } }])
  })

  it('gives back the messages for which there is no time', async () => {
    const waiting = defineTask({
      name: 'Wait',
      input: z.unknown(),
      output: z.unknown(),
      run: async (_, __, { signal }) =>
        new Promise<null>((resolve) => signal.addEventListener('abort', () => resolve(null))),
    })
    const answer = await queueFunction(waiting, () => memoryRuntime())(
      batch([{}, {}, {}]),
      lambdaContext(1000),
    )
    expect(answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual([
      'message-1',
      'message-2',
    ])
  })

  it.each([[{}], [null], ['text'], [{ Records: [{ body: '{}' }] }], [{ Records: 'all' }]])(
    'refuses what is no batch of messages: %j',
    async (event) => {
      const handler = queueFunction(collecting().task, () => memoryRuntime())
      await expect(handler(event as never, lambdaContext())).rejects.toMatchObject({
        name: 'TaskInputInvalid',
      })
    },
  )

  it('records how executions ended, from the events of EventBridge', async () => {
    const event = readFileSync('test/fixtures/events/execution-failed.json', 'utf8')
    const runtime = memoryRuntime()
    const answer = await queueFunction(recordOutcome, () => runtime)(
      batch([event]),
      lambdaContext(),
    )
    expect(answer).toEqual({ batchItemFailures: [] })
    expect(runtime.ports.metrics.recorded).toMatchObject([{ name: 'ExecutionsEnded' }])
  })
})
