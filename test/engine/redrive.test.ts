import { afterEach, describe, expect, it } from 'vitest'
import { type Engine, openEngine, virtualClock } from '../../engine/index.ts'
import { details, functionsOf, hang, invoke, machine, workflow } from './support.ts'

let engine: Engine
afterEach(() => engine.close())

/** A function that fails until `repaired`, and keeps what it was called with. */
function breakable() {
  const calls: unknown[] = []
  return {
    calls,
    repaired: false,
    run: (input: unknown) => {
      calls.push(input)
      if (!faulty.repaired && input !== 'good') throw new Error('not yet')
      return input
    },
  }
}
let faulty = breakable()

async function start(definition: string, input: unknown = {}) {
  faulty = breakable()
  engine = await openEngine({
    clock: virtualClock({ patience: 0 }),
    tasks: functionsOf({ work: faulty.run, hang }),
  })
  const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition })
  const { executionArn } = await engine.startExecution({
    stateMachineArn,
    input: JSON.stringify(input),
  })
  return executionArn
}

async function redriven(executionArn: string) {
  faulty.repaired = true
  await engine.redriveExecution({ executionArn })
  const description = await engine.waitFor(executionArn)
  const { events } = await engine.getExecutionHistory({ executionArn, maxResults: 1000 })
  const from = events.findLastIndex(({ type }) => type === 'ExecutionRedriven')
  return {
    ...description,
    events: events.slice(from),
    types: events.slice(from).map((e) => e.type),
  }
}

describe('redriveExecution', () => {
  it('goes on at the failed Task with the same input, and its retries anew', async () => {
    const arn = await start(
      machine({
        A: invoke('work', {
          Arguments: { FunctionName: 'work', Payload: 'good' },
          Assign: { kept: 1 },
          Next: 'B',
        }),
        B: invoke('work', {
          Arguments: { FunctionName: 'work', Payload: 'bad' },
          Output: '{% [$states.input, $kept, $states.context.Execution.RedriveCount] %}',
          Retry: [{ ErrorEquals: ['States.ALL'], MaxAttempts: 1 }],
          End: true,
        }),
      }),
    )
    const failed = await engine.waitFor(arn)
    expect(failed).toMatchObject({ status: 'FAILED', redriveStatus: 'REDRIVABLE', redriveCount: 0 })
    expect(faulty.calls).toEqual(['good', 'bad', 'bad'])
    const ran = await redriven(arn)
    expect(faulty.calls).toEqual(['good', 'bad', 'bad', 'bad'])
    expect(ran).toMatchObject({ status: 'SUCCEEDED', redriveCount: 1, output: '["good",1,1]' })
    expect(ran.error).toBeUndefined()
    expect(ran.redriveDate).toEqual(ran.events[0]!.timestamp)
    expect(details(ran.events[0])).toEqual({ redriveCount: 1 })
    expect(ran.types).toEqual([
      'ExecutionRedriven',
      'TaskScheduled',
      'TaskStarted',
      'TaskSucceeded',
      'TaskStateExited',
      'ExecutionSucceeded',
    ])
  })

  it('may be done again and again', async () => {
    const arn = await start(machine({ F: { Type: 'Fail', Error: 'E' } }))
    await engine.waitFor(arn)
    for (const redriveCount of [1, 2, 3]) {
      expect(await redriven(arn)).toMatchObject({ status: 'FAILED', error: 'E', redriveCount })
    }
  })

  it('runs only what did not succeed in a Parallel', async () => {
    const branch = (name: string, payload: string) =>
      workflow({
        [`${name}1`]: { Type: 'Pass', Output: payload, Next: `${name}2` },
        [`${name}2`]: invoke('work', { End: true }),
      })
    const arn = await start(
      machine({
        P: {
          Type: 'Parallel',
          Branches: [
            branch('A', 'good'),
            workflow({
              W: { Type: 'Wait', Seconds: 1, Next: 'B' },
              B: invoke('work', { End: true }),
            }),
            workflow({ C: { Type: 'Wait', Seconds: 100, Output: 'waited', End: true } }),
          ],
          Next: 'E',
        },
        E: { Type: 'Pass', End: true },
      }),
      'bad',
    )
    expect((await engine.waitFor(arn)).status).toBe('FAILED')
    expect(faulty.calls).toEqual(['good', 'bad'])
    const ran = await redriven(arn)
    expect(ran).toMatchObject({ status: 'SUCCEEDED', output: '["good","bad","waited"]' })
    expect(faulty.calls).toEqual(['good', 'bad', 'bad'])
    expect(ran.types.filter((type) => type.endsWith('Entered'))).toEqual(['PassStateEntered'])
  })

  it('runs only what did not succeed in a Map, also what had not begun', async () => {
    const arn = await start(
      machine({
        M: {
          Type: 'Map',
          MaxConcurrency: 1,
          ItemProcessor: workflow({ T: invoke('work', { End: true }) }),
          End: true,
        },
      }),
      ['good', 'bad', 'third', 'fourth'],
    )
    expect((await engine.waitFor(arn)).status).toBe('FAILED')
    expect(faulty.calls).toEqual(['good', 'bad'])
    expect(await redriven(arn)).toMatchObject({
      status: 'SUCCEEDED',
      output: '["good","bad","third","fourth"]',
    })
    expect(faulty.calls).toEqual(['good', 'bad', 'bad', 'third', 'fourth'])
  })

  it('goes on in a Map within a Map', async () => {
    const inner = {
      Type: 'Map',
      ItemProcessor: workflow({ T: invoke('work', { End: true }) }),
      End: true,
    }
    const arn = await start(
      machine({ M: { Type: 'Map', ItemProcessor: workflow({ I: inner }), End: true } }),
      [['good', 'bad'], ['good']],
    )
    await engine.waitFor(arn)
    const before = faulty.calls.length
    const ran = await redriven(arn)
    expect(ran.output).toBe('[["good","bad"],["good"]]')
    // Of the second list it depends on how far it had come.
    expect(faulty.calls.slice(before)).toContain('bad')
    expect(faulty.calls.filter((call) => call === 'bad')).toHaveLength(2)
  })

  it('goes on after a stop and after a timeout', async () => {
    const arn = await start(
      machine(
        { W: { Type: 'Wait', Seconds: 50, Next: 'T' }, T: invoke('work', { End: true }) },
        { TimeoutSeconds: 70 },
      ),
      'good',
    )
    await engine.stopExecution({ executionArn: arn })
    expect(await redriven(arn)).toMatchObject({ status: 'SUCCEEDED', redriveCount: 1 })

    await engine.close()
    const slow = await start(
      machine(
        {
          A: { Type: 'Wait', Seconds: 50, Next: 'B' },
          B: { Type: 'Wait', Seconds: 50, End: true },
        },
        { TimeoutSeconds: 70 },
      ),
    )
    expect((await engine.waitFor(slow)).status).toBe('TIMED_OUT')
    const ran = await redriven(slow)
    // The timeout counts from the redrive, and the second Wait waits again.
    expect(ran.status).toBe('SUCCEEDED')
    expect(ran.types).toEqual(['ExecutionRedriven', 'WaitStateExited', 'ExecutionSucceeded'])
  })

  it('runs a Parallel again whose outputs together were too large', async () => {
    const branch = (name: string) => workflow({ [name]: invoke('work', { End: true }) })
    const arn = await start(
      machine({ P: { Type: 'Parallel', Branches: [branch('A'), branch('B')], End: true } }),
      'x'.repeat(140_000),
    )
    faulty.repaired = true
    expect((await engine.waitFor(arn)).error).toBe('States.DataLimitExceeded')
    expect(faulty.calls).toHaveLength(2)
    expect((await redriven(arn)).error).toBe('States.DataLimitExceeded')
    expect(faulty.calls).toHaveLength(4)
  })

  it('is refused for what runs, what succeeded and what ended long ago', async () => {
    const clock = virtualClock({ automatic: false })
    engine = await openEngine({ clock, tasks: () => undefined })
    const { stateMachineArn } = await engine.createStateMachine({
      name: 'm',
      definition: machine({ W: { Type: 'Wait', Seconds: 1, End: true } }),
    })
    const first = await engine.startExecution({ stateMachineArn })
    const refused = { name: 'ExecutionNotRedrivable' }
    await expect(engine.redriveExecution(first)).rejects.toMatchObject(refused)
    for await (const { type } of engine.watch(first.executionArn)) {
      if (type === 'WaitStateEntered') clock.advance(1000)
    }
    await expect(engine.redriveExecution(first)).rejects.toMatchObject(refused)
    const second = await engine.startExecution({ stateMachineArn })
    await engine.stopExecution(second)
    clock.advance(15 * 86_400_000)
    await expect(engine.redriveExecution(second)).rejects.toMatchObject({
      ...refused,
      message: 'Execution is past its redrivable period',
    })
  })
})
