import { describe, expect, it } from 'vitest'
import { virtualClock } from '../../engine/index.ts'
import { open } from './open.ts'
import { functionsOf, invoke, machine, workflow } from './support.ts'

describe('stopExecution', () => {
  it('aborts handlers and all that waits', async () => {
    let signal: AbortSignal | undefined
    const started = Promise.withResolvers<undefined>()
    const engine = await open({
      clock: virtualClock({ automatic: false }),
      tasks: functionsOf({
        hang: (_, context) => {
          signal = context.signal
          started.resolve(undefined)
          return new Promise(() => undefined)
        },
      }),
    })
    const definition = machine({
      P: {
        Type: 'Parallel',
        Branches: [
          workflow({ T: invoke('hang', { End: true }) }),
          workflow({
            M: {
              Type: 'Map',
              Items: [1],
              ItemProcessor: workflow({ W: { Type: 'Wait', Seconds: 9, End: true } }),
              End: true,
            },
          }),
        ],
        End: true,
      },
    })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition })
    const { executionArn } = await engine.startExecution({ stateMachineArn })
    await started.promise
    for await (const { type } of engine.watch(executionArn)) if (type === 'WaitStateEntered') break
    const { stopDate } = await engine.stopExecution({ executionArn, error: 'E', cause: 'c' })
    expect(signal?.aborted).toBe(true)
    const ended = await engine.waitFor(executionArn)
    expect(ended).toMatchObject({ status: 'ABORTED', error: 'E', cause: 'c', stopDate })
    const { events } = await engine.getExecutionHistory({ executionArn })
    expect(events.map(({ type }) => type).slice(-6)).toEqual([
      'TaskStateAborted',
      'WaitStateAborted',
      'MapIterationAborted',
      'MapStateAborted',
      'ParallelStateAborted',
      'ExecutionAborted',
    ])
    expect(await engine.stopExecution({ executionArn })).toEqual({ stopDate })
    expect((await engine.describeExecution({ executionArn })).error).toBe('E')
  })
})

describe('stopExecution of what is only waiting', () => {
  it.each([
    ['a Wait', { W: { Type: 'Wait', Seconds: 50, End: true } }, 'WaitStateEntered'],
    [
      'a retry delay',
      {
        T: invoke('fails', {
          Retry: [{ ErrorEquals: ['States.ALL'], IntervalSeconds: 50 }],
          End: true,
        }),
      },
      'TaskFailed',
    ],
  ])('ends %s for good', async (_, states, waiting) => {
    const clock = virtualClock({ automatic: false })
    const changes: string[] = []
    let calls = 0
    const engine = await open({
      clock,
      onStatusChange: ({ status }) => changes.push(status),
      tasks: functionsOf({
        fails: () => {
          calls++
          throw new Error('not now')
        },
      }),
    })
    const definition = machine(states, { TimeoutSeconds: 70 })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition })
    const { executionArn } = await engine.startExecution({ stateMachineArn })
    for await (const { type } of engine.watch(executionArn)) if (type === waiting) break
    await engine.stopExecution({ executionArn })
    const { events } = await engine.getExecutionHistory({ executionArn })
    expect(events.map(({ type }) => type).slice(-2)).toEqual([
      `${Object.values(states)[0]!.Type as string}StateAborted`,
      'ExecutionAborted',
    ])
    const before = calls
    clock.advance(100_000)
    await new Promise(setImmediate)
    expect((await engine.describeExecution({ executionArn })).status).toBe('ABORTED')
    expect((await engine.getExecutionHistory({ executionArn })).events).toEqual(events)
    expect(calls).toBe(before)
    expect(changes).toEqual(['RUNNING', 'ABORTED'])
  })
})
