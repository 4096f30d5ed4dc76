import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { taskFunction } from '../../../platform/aws/task-function.ts'
import { MillraceError } from '../../../platform/ports/index.ts'
import { claim } from '../../../tasks/claim.ts'
import { defineTask } from '../../../tasks/task.ts'
import { lambdaContext, memoryRuntime } from './memory-runtime.ts'

const double = defineTask({
  name: 'Double',
  input: z.object({ n: z.number(), execution: z.unknown().optional() }),
  output: z.object({ outcome: z.literal('doubled'), n: z.number() }),
  async run({ n }, { metrics }) {
    metrics.record('Doubled', 1, 'Count')
    return { outcome: 'doubled' as const, n: 2 * n }
  },
})

const failing = (error: unknown) =>
  defineTask({
    name: 'Fail',
    input: z.unknown(),
    output: z.unknown(),
    async run() {
      throw error
    },
  })

describe('a task function', () => {
  it('answers what its task answers, and flushes what was measured', async () => {
    const runtime = memoryRuntime()
    const handler = taskFunction(double, () => runtime)
    expect(await handler({ n: 21 }, lambdaContext())).toEqual({ outcome: 'doubled', n: 42 })
    expect(runtime.ports.metrics.recorded).toMatchObject([{ name: 'Doubled' }])
    expect(runtime.flushes).toBe(1)
  })

  it('logs one line at the start and one at the end, with the execution and the outcome', async () => {
    const runtime = memoryRuntime()
    await taskFunction(double, () => runtime)({ n: 1, execution: 'run-7' }, lambdaContext())
    expect(runtime.ports.logLines).toMatchObject([
      { level: 'info', message: 'task started', fields: { task: 'Double', execution: 'run-7' } },
      { message: 'task ended', fields: { execution: 'run-7', outcome: 'doubled' } },
    ])
  })

  it.each([
    ['beside the event', { execution: 'run-7' }],
    ['in the claim', { claim: { execution: 'run-7' } }],
    ['in a status change', { detail: { name: 'run-7' } }],
  ])('finds the name of the execution %s', async (_, payload) => {
    const runtime = memoryRuntime()
    const handler = taskFunction(failing(new Error('no')), () => runtime)
    await expect(handler(payload, lambdaContext())).rejects.toThrow('no')
    for (const { fields } of runtime.ports.logLines) expect(fields['execution']).toBe('run-7')
  })

  it.each([[{ execution: 'a b' }], [{ execution: 'x'.repeat(81) }], [{ execution: 7 }], [null]])(
    'logs no name that no execution can have: %j',
    async (payload) => {
      const runtime = memoryRuntime()
      const handler = taskFunction(failing(new Error('no')), () => runtime)
      await expect(handler(payload, lambdaContext())).rejects.toThrow('no')
      for (const { fields } of runtime.ports.logLines)
        expect(fields).not.toHaveProperty('execution')
    },
  )

  it('refuses a payload that its schema refuses', async () => {
    const handler = taskFunction(claim, () => memoryRuntime())
    await expect(handler({ event: {} }, lambdaContext())).rejects.toMatchObject({
      name: 'TaskInputInvalid',
      message: expect.stringContaining('execution') as string,
    })
  })

  it.each([
    ['of the table', new MillraceError('ObjectNotFound', 'no object a/b'), 'ObjectNotFound'],
    ['of anybody', Object.assign(new Error('away'), { name: 'CustomFault' }), 'CustomFault'],
    ['that is no error', 'a text', 'Error'],
  ])('throws an error %s by its name, which state machines match', async (_, error, name) => {
    const runtime = memoryRuntime()
    const handler = taskFunction(failing(error), () => runtime)
    await expect(handler({}, lambdaContext())).rejects.toMatchObject({ name })
    expect(runtime.ports.logLines.at(-1)).toMatchObject({
      level: 'error',
      message: 'task failed',
      fields: { task: 'Fail', error: name },
    })
    expect(runtime.flushes).toBe(1)
  })

  it('throws neither cause nor details, which Lambda would write into the log', async () => {
    const error = new MillraceError('StorageFailed', 'away', {
      cause: new Error('secret'),
      details: { secret: true },
    })
    const thrown: unknown = await taskFunction(failing(error), () => memoryRuntime())(
      {},
      lambdaContext(),
    ).catch((reason: unknown) => reason)
    expect(thrown).not.toHaveProperty('cause')
    expect(JSON.stringify(thrown, Object.getOwnPropertyNames(thrown))).not.toContain('secret')
  })

  it('aborts the signal of its task shortly before its time is over', async () => {
    const waiting = defineTask({
      name: 'Wait',
      input: z.unknown(),
      output: z.string(),
      run: async (_, __, { signal }) =>
        signal.aborted
          ? 'too late'
          : new Promise<string>((resolve) => {
              signal.addEventListener('abort', () => resolve('told in time'))
            }),
    })
    const runtime = memoryRuntime()
    const handler = taskFunction(waiting, () => runtime)
    // A second is kept to end in order, so that this call has no more time than that.
    expect(await handler({}, lambdaContext(1000))).toBe('told in time')
    expect(runtime.ports.logLines).toContainEqual(expect.objectContaining({ level: 'warn' }))
  })

  it('says which settings are missing, at the call', async () => {
    const handler = taskFunction(double)
    await expect(handler({ n: 1 }, lambdaContext())).rejects.toMatchObject({
      name: 'SettingsInvalid',
      message: expect.stringContaining('MILLRACE_BUCKET') as string,
    })
  })
})
