import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { limits, virtualClock } from '../../engine/index.ts'
import { open } from './open.ts'
import { type Fields, functionsOf, hang, invoke, machine, workflow } from './support.ts'

const pass = machine({ A: { Type: 'Pass', Output: { y: '{% $states.input.x + 1 %}' }, End: true } })

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

async function openExpress(definition: string, options: Parameters<typeof open>[0] = {}) {
  const engine = await open({ clock: virtualClock({ patience: 0 }), ...options })
  const { stateMachineArn } = await engine.createStateMachine({
    name: 'fast',
    definition,
    type: 'EXPRESS',
  })
  return { engine, stateMachineArn }
}

describe('startSyncExecution', () => {
  it('answers the output', async () => {
    const { engine, stateMachineArn } = await openExpress(pass)
    const outcome = await engine.startSyncExecution({
      stateMachineArn,
      name: 'one',
      input: '{ "x": 1 }',
      traceHeader: 'trace',
    })
    expect(outcome).toEqual({
      executionArn: expect.stringMatching(
        /^arn:aws:states:us-east-1:000000000000:express:fast:one:[0-9a-f-]{36}$/,
      ) as string,
      stateMachineArn,
      name: 'one',
      startDate: new Date('2024-01-01T00:00:00Z'),
      stopDate: new Date('2024-01-01T00:00:00Z'),
      status: 'SUCCEEDED',
      input: '{ "x": 1 }',
      inputDetails: { included: true },
      output: '{"y":2}',
      outputDetails: { included: true },
      traceHeader: 'trace',
      billingDetails: { billedMemoryUsedInMB: 64, billedDurationInMilliseconds: 100 },
    })
  })

  it('answers error and cause', async () => {
    const { engine, stateMachineArn } = await openExpress(
      machine({ F: { Type: 'Fail', Error: 'E', Cause: 'because' } }),
    )
    const outcome = await engine.startSyncExecution({ stateMachineArn })
    expect(outcome).toMatchObject({ status: 'FAILED', error: 'E', cause: 'because' })
    expect(outcome).not.toHaveProperty('output')
  })

  it('bills each hundred milliseconds that began', async () => {
    const { engine, stateMachineArn } = await openExpress(
      machine({ W: { Type: 'Wait', Seconds: 7, Next: 'T' }, T: invoke('slow', { End: true }) }),
      { tasks: functionsOf({ slow: () => 1 }) },
    )
    const { billingDetails } = await engine.startSyncExecution({ stateMachineArn })
    expect(billingDetails.billedDurationInMilliseconds).toBe(7000)
  })

  it('takes names again, and runs each', async () => {
    const { engine, stateMachineArn } = await openExpress(pass)
    const start = (x: number) =>
      engine.startSyncExecution({ stateMachineArn, name: 'same', input: `{"x":${x}}` })
    const [a, b] = await Promise.all([start(1), start(2)])
    expect([a.output, b.output]).toEqual(['{"y":2}', '{"y":3}'])
    expect(a.executionArn).not.toBe(b.executionArn)
  })

  it('is refused for STANDARD state machines', async () => {
    const engine = await open()
    const { stateMachineArn } = await engine.createStateMachine({ name: 's', definition: pass })
    await expect(engine.startSyncExecution({ stateMachineArn })).rejects.toMatchObject({
      name: 'StateMachineTypeNotSupported',
      message: 'This operation is not supported by this type of state machine',
    })
  })

  it('checks name, input and state machine', async () => {
    const { engine, stateMachineArn } = await openExpress(pass)
    const refused = (input: object, name: string) =>
      expect(engine.startSyncExecution({ stateMachineArn, ...input })).rejects.toMatchObject({
        name,
      })
    await refused({ name: 'a b' }, 'InvalidName')
    await refused({ input: '{' }, 'InvalidExecutionInput')
    await refused({ stateMachineArn: `${stateMachineArn}2` }, 'StateMachineDoesNotExist')
  })

  it('ends with EngineClosed when the engine is closed, and its handlers are told', async () => {
    let signal: AbortSignal | undefined
    const started = Promise.withResolvers<undefined>()
    const { engine, stateMachineArn } = await openExpress(
      machine({ T: invoke('f', { End: true }) }),
      {
        tasks: functionsOf({
          f: (input, context) => {
            signal = context.signal
            started.resolve(undefined)
            return hang(input, context)
          },
        }),
      },
    )
    const outcome = engine.startSyncExecution({ stateMachineArn })
    const refused = expect(outcome).rejects.toMatchObject({ name: 'EngineClosed' })
    await started.promise
    await engine.close()
    await refused
    expect(signal?.aborted).toBe(true)
  })
})

describe('an Express execution', () => {
  it('started without waiting runs, and no operation tells of it', async () => {
    const ended = Promise.withResolvers<unknown>()
    const { engine, stateMachineArn } = await openExpress(
      machine({ T: invoke('f', { End: true }) }),
      {
        tasks: functionsOf({
          f: (input) => {
            ended.resolve(input)
          },
        }),
        onStatusChange: () => {
          throw new Error('the service has no such events of Express executions')
        },
      },
    )
    const { executionArn } = await engine.startExecution({ stateMachineArn, input: '{"x":1}' })
    expect(await ended.promise).toEqual({ x: 1 })
    const refused = {
      name: 'InvalidArn',
      message: "Invalid Arn: 'Resource type not valid in this context: express'",
    }
    await expect(engine.describeExecution({ executionArn })).rejects.toMatchObject(refused)
    await expect(engine.getExecutionHistory({ executionArn })).rejects.toMatchObject(refused)
    await expect(engine.stopExecution({ executionArn })).rejects.toMatchObject(refused)
    await expect(engine.redriveExecution({ executionArn })).rejects.toMatchObject(refused)
    await expect(engine.listExecutions({ stateMachineArn })).rejects.toMatchObject({
      name: 'StateMachineTypeNotSupported',
    })
    expect(await engine.listExecutions({})).toEqual({ executions: [] })
  })

  it('has five minutes, and fewer when the definition says so', async () => {
    const outcome = async (seconds: number, rest: Fields = {}) => {
      const wait = { Type: 'Wait', Seconds: seconds, End: true }
      const { engine, stateMachineArn } = await openExpress(machine({ W: wait }, rest))
      const { status, error, startDate, stopDate } = await engine.startSyncExecution({
        stateMachineArn,
      })
      return [status, error, (stopDate.getTime() - startDate.getTime()) / 1000]
    }
    expect(await outcome(299)).toEqual(['SUCCEEDED', undefined, 299])
    expect(await outcome(301)).toEqual(['TIMED_OUT', 'States.Timeout', limits.expressSeconds])
    expect(await outcome(301, { TimeoutSeconds: 3000 })).toEqual([
      'TIMED_OUT',
      'States.Timeout',
      300,
    ])
    expect(await outcome(301, { TimeoutSeconds: 20 })).toEqual(['TIMED_OUT', 'States.Timeout', 20])
  })

  it('goes past 25,000 events', async () => {
    const { engine, stateMachineArn } = await openExpress(
      machine({
        Count: { Type: 'Pass', Output: '{% $states.input + 1 %}', Next: 'Check' },
        Check: {
          Type: 'Choice',
          Choices: [{ Condition: '{% $states.input < 10000 %}', Next: 'Count' }],
          Default: 'Done',
        },
        Done: { Type: 'Succeed' },
      }),
    )
    const { output } = await engine.startSyncExecution({ stateMachineArn, input: '0' })
    expect(output).toBe('10000')
  })

  it('keeps nothing of a Map that is over, while it runs', async () => {
    const rounds = 20
    // From the fifth on, when everything is warm.
    const looks = [5, rounds]
    const seen: number[] = []
    let round = 0
    const { engine, stateMachineArn } = await openExpress(
      machine({
        M: {
          Type: 'Map',
          Items: '{% [1..20] %}',
          ItemProcessor: workflow({
            // 40 MB in all rounds together.
            Big: {
              Type: 'Pass',
              Assign: { big: '{% $states.context.Execution.Input & $string($states.input) %}' },
              Next: 'Small',
            },
            Small: { Type: 'Pass', Output: 1, End: true },
          }),
          Assign: { over: '{% ($exists($over) ? $over : 0) + $sum($states.result) / 20 %}' },
          Output: {},
          Next: 'Measure',
        },
        Measure: invoke('measure', { Next: 'Check' }),
        Check: {
          Type: 'Choice',
          Choices: [{ Condition: `{% $over < ${rounds} %}`, Next: 'M' }],
          Default: 'Done',
        },
        Done: { Type: 'Succeed' },
      }),
      {
        tasks: functionsOf({
          measure: () => {
            if (!looks.includes(++round)) return
            collectGarbage()
            seen.push(process.memoryUsage().heapUsed)
          },
        }),
      },
    )
    const { status, cause } = await engine.startSyncExecution({
      stateMachineArn,
      input: JSON.stringify('x'.repeat(100_000)),
    })
    expect(status, cause).toBe('SUCCEEDED')
    expect(round).toBe(rounds)
    expect(seen[1]! - seen[0]!).toBeLessThan(10 * 2 ** 20)
  })

  it('runs every type of state', async () => {
    const { engine, stateMachineArn } = await openExpress(
      machine({
        P: {
          Type: 'Parallel',
          Branches: [
            workflow({
              M: {
                Type: 'Map',
                Items: [1, 2, 3],
                ItemProcessor: workflow({
                  T: invoke('f', {
                    Retry: [{ ErrorEquals: ['Flaky'] }],
                    Catch: [{ ErrorEquals: ['Broken'], Output: 'caught', Next: 'W' }],
                    Next: 'W',
                  }),
                  W: { Type: 'Wait', Seconds: 1, End: true },
                }),
                End: true,
              },
            }),
            workflow({ C: { Type: 'Pass', Output: 'c', End: true } }),
          ],
          End: true,
        },
      }),
      {
        tasks: functionsOf({
          f: (input, { attempt }) => {
            const name = input === 3 ? 'Broken' : input === 2 && attempt === 1 ? 'Flaky' : ''
            if (name !== '') throw Object.assign(new Error('on purpose'), { name })
            return Number(input) * 2
          },
        }),
      },
    )
    const { status, output } = await engine.startSyncExecution({ stateMachineArn })
    expect([status, output]).toEqual(['SUCCEEDED', '[[2,4,"caught"],"c"]'])
  })
})

describe('a definition of an Express state machine', () => {
  it.each([
    [
      'arn:aws:states:::sqs:sendMessage.waitForTaskToken',
      `'.waitForTaskToken' service integration`,
    ],
    ['arn:aws:states:::ecs:runTask.sync', `'.sync' service integration`],
  ])('has no %s, at any depth', async (resource, what) => {
    const engine = await open()
    const task = { Type: 'Task', Resource: resource, Arguments: {}, End: true }
    const definition = machine({
      P: {
        Type: 'Parallel',
        Branches: [
          workflow({
            M: { Type: 'Map', Items: [1], ItemProcessor: workflow({ T: task }), End: true },
          }),
        ],
        End: true,
      },
    })
    await expect(
      engine.createStateMachine({ name: 'm', definition, type: 'EXPRESS' }),
    ).rejects.toThrow(
      new RegExp(`Express state machine does not support ${what} at .*/States/T/Resource'$`),
    )
    await engine.createStateMachine({ name: 'm', definition })
  })

  it('is checked by updates too, and the type stays', async () => {
    const { engine, stateMachineArn } = await openExpress(pass)
    const resource = 'arn:aws:states:::ecs:runTask.sync'
    const definition = machine({
      T: { Type: 'Task', Resource: resource, Arguments: {}, End: true },
    })
    await expect(engine.updateStateMachine({ stateMachineArn, definition })).rejects.toMatchObject({
      name: 'InvalidDefinition',
    })
    await engine.updateStateMachine({ stateMachineArn, roleArn: 'arn:aws:iam::1:role/other' })
    expect(await engine.describeStateMachine({ stateMachineArn })).toMatchObject({
      type: 'EXPRESS',
      roleArn: 'arn:aws:iam::1:role/other',
    })
    expect((await engine.listStateMachines()).stateMachines).toMatchObject([{ type: 'EXPRESS' }])
    await expect(
      engine.createStateMachine({ name: 'fast', definition: pass, type: 'STANDARD' }),
    ).rejects.toMatchObject({ name: 'StateMachineAlreadyExists' })
  })
})
