import { describe, expect, it } from 'vitest'
import { openEngine, virtualClock } from '../../engine/index.ts'
import {
  details,
  functionsOf,
  hang,
  invoke,
  machine,
  run,
  workflow,
  loopStates,
} from './support.ts'

const start = Date.UTC(2024, 0, 1)
const functions = { hang }

describe('TimeoutSeconds of a Task', () => {
  it('ends a handler that never does, and aborts its signal', async () => {
    let signal: AbortSignal | undefined
    const ran = await run(machine({ T: invoke('hang', { TimeoutSeconds: 30, End: true }) }), {
      functions: {
        hang: (input, context) => {
          signal = context.signal
          return hang(input, context)
        },
      },
    })
    expect(ran).toMatchObject({ status: 'FAILED', error: 'States.Timeout' })
    expect(ran.stopDate!.getTime() - start).toBe(30_000)
    expect(ran.types.slice(-2)).toEqual(['TaskTimedOut', 'ExecutionFailed'])
    expect(details(ran.events.at(-2))).toEqual({
      error: 'States.Timeout',
      resourceType: 'lambda',
      resource: 'invoke',
    })
    expect(signal?.aborted).toBe(true)
  })

  it('may be an expression, and counts each attempt by itself', async () => {
    const ran = await run(
      machine({
        T: invoke('hang', {
          TimeoutSeconds: '{% $states.input.limit %}',
          Retry: [{ ErrorEquals: ['States.Timeout'], MaxAttempts: 1, IntervalSeconds: 4 }],
          End: true,
        }),
      }),
      { functions, input: { limit: 10 } },
    )
    expect(ran.stopDate!.getTime() - start).toBe(24_000)
    expect(details(ran.events[2])).toMatchObject({ timeoutInSeconds: 10 })
  })

  it('takes no number of seconds below 1', async () => {
    const ran = await run(
      machine({ T: invoke('hang', { TimeoutSeconds: '{% 0 %}', End: true }) }),
      { functions },
    )
    expect(ran.error).toBe('States.QueryEvaluationError')
  })

  it('takes no answer that comes too late', async () => {
    const clock = virtualClock({ start, automatic: false })
    const late = Promise.withResolvers<string>()
    const engine = await openEngine({ clock, tasks: functionsOf({ late: () => late.promise }) })
    const { stateMachineArn } = await engine.createStateMachine({
      name: 'm',
      definition: machine({
        T: invoke('late', {
          TimeoutSeconds: 5,
          Catch: [{ ErrorEquals: ['States.Timeout'], Next: 'W' }],
          End: true,
        }),
        W: { Type: 'Wait', Seconds: 60, End: true },
      }),
    })
    const { executionArn } = await engine.startExecution({ stateMachineArn })
    for await (const { type } of engine.watch(executionArn)) {
      if (type === 'TaskStarted') clock.advance(5000)
      if (type === 'WaitStateEntered') break
    }
    late.resolve('late')
    await late.promise
    clock.advance(60_000)
    const { status, output } = await engine.waitFor(executionArn)
    expect({ status, output }).toEqual({
      status: 'SUCCEEDED',
      output: '{"Error":"States.Timeout","Cause":""}',
    })
    await engine.close()
  })
})

describe('HeartbeatSeconds', () => {
  it('ends a handler that falls silent', async () => {
    const ran = await run(
      machine({ T: invoke('hang', { TimeoutSeconds: 600, HeartbeatSeconds: 5, End: true }) }),
      { functions },
    )
    expect(ran).toMatchObject({ status: 'FAILED', error: 'States.Timeout' })
    expect(ran.stopDate!.getTime() - start).toBe(5000)
    expect(details(ran.events[2])).toMatchObject({ heartbeatInSeconds: 5, timeoutInSeconds: 600 })
  })

  it('counts from the last heartbeat', async () => {
    const clock = virtualClock({ start, patience: 0 })
    const ran = await run(
      machine({ T: invoke('works', { TimeoutSeconds: 600, HeartbeatSeconds: 5, End: true }) }),
      {
        clock,
        functions: {
          works: async (_, { heartbeat }) => {
            for (let i = 0; i < 4; i++) {
              await new Promise<void>((resolve) => {
                clock.setTimer(clock.now() + 4000, resolve)
              })
              heartbeat()
            }
            return clock.now() - start
          },
        },
      },
    )
    expect(ran.result).toBe(16_000)
  })
})

describe('TimeoutSeconds of the state machine', () => {
  it('ends the execution with all that runs in it', async () => {
    const ran = await run(
      machine(
        {
          P: {
            Type: 'Parallel',
            Branches: [
              workflow({ W: { Type: 'Wait', Seconds: 3600, End: true } }),
              workflow({ T: invoke('hang', { End: true }) }),
            ],
            Catch: [{ ErrorEquals: ['States.ALL'], Next: 'C' }],
            Next: 'C',
          },
          C: { Type: 'Succeed' },
        },
        { TimeoutSeconds: 60 },
      ),
      { functions },
    )
    expect(ran).toMatchObject({ status: 'TIMED_OUT', error: 'States.Timeout' })
    expect(ran.stopDate!.getTime() - start).toBe(60_000)
    expect(ran.types.slice(-4)).toEqual([
      'WaitStateAborted',
      'TaskStateAborted',
      'ParallelStateAborted',
      'ExecutionTimedOut',
    ])
  })

  it('ends an execution that loops without ever waiting', async () => {
    const engine = await openEngine({ tasks: () => undefined })
    const loop = machine(loopStates, { TimeoutSeconds: 1 })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'loop', definition: loop })
    const { executionArn } = await engine.startExecution({ stateMachineArn })
    const { status, error } = await engine.waitFor(executionArn)
    // A fast machine fills the history first.
    expect(['TIMED_OUT States.Timeout', 'FAILED States.Runtime']).toContain(`${status} ${error}`)
    await engine.close()
  })
})
