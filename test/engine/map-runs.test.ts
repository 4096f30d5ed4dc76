import { describe, expect, it } from 'vitest'
import { virtualClock } from '../../engine/index.ts'
import { distributed, pass, runMap, startMap, task } from './map-support.ts'
import { details, failing, hang, linkage, machine, workflow } from './support.ts'

const origin = 'arn:aws:states:us-east-1:000000000000'
const fails = { F: { Type: 'Fail', Error: 'E', Cause: 'c' } }
/** Fails for items that are not numbers. */
const choosy = {
  C: {
    Type: 'Choice',
    Choices: [{ Condition: "{% $type($states.input) = 'number' %}", Next: 'S' }],
    Default: 'F',
  },
  S: { Type: 'Succeed' },
  ...fails,
}

describe('failures of child executions', () => {
  it('fail the map run from the first one on, and stop the others', async () => {
    let aborted = 0
    const { description, history, mapRun } = await runMap(
      distributed({
        C: {
          Type: 'Choice',
          Choices: [{ Condition: '{% $states.input = 2 %}', Next: 'W' }],
          Default: 'T',
        },
        W: { Type: 'Wait', Seconds: 1, Next: 'F' },
        T: task(),
        ...fails,
      }),
      {
        input: [1, 2, 3],
        work: (input, context) => {
          context.signal.addEventListener('abort', () => aborted++)
          return hang(input, context)
        },
      },
    )
    expect(description).toMatchObject({
      status: 'FAILED',
      error: 'States.ExceedToleratedFailureThreshold',
      cause: 'The specified tolerated failure threshold was exceeded',
    })
    expect(aborted).toBe(2)
    const events = await history()
    expect(linkage(events).slice(3)).toEqual([
      '4<3 MapRunStarted',
      '5<4 MapRunFailed',
      '6<5 MapStateFailed',
      '7<6 ExecutionFailed',
    ])
    expect(details(events[4])).toEqual({
      error: 'States.ExceedToleratedFailureThreshold',
      cause: 'The specified tolerated failure threshold was exceeded',
    })
    expect(await mapRun()).toMatchObject({
      status: 'FAILED',
      itemCounts: { failed: 1, aborted: 2, total: 3, running: 0 },
    })
  })

  it.each([
    [{ ToleratedFailureCount: 2 }, 'SUCCEEDED'],
    [{ ToleratedFailureCount: 1 }, 'FAILED'],
    [{ ToleratedFailurePercentage: 50 }, 'SUCCEEDED'],
    [{ ToleratedFailurePercentage: 49.9 }, 'FAILED'],
    [{ ToleratedFailureCount: '{% 2 %}', ToleratedFailurePercentage: 10 }, 'FAILED'],
    [{ ToleratedFailureCount: 1, ToleratedFailurePercentage: '{% 100 %}' }, 'FAILED'],
    [{ ToleratedFailurePercentage: 100 }, 'SUCCEEDED'],
    [{ ToleratedFailureCount: 0 }, 'FAILED'],
  ])('are tolerated as far as %j says: %s', async (fields, status) => {
    const { description, result } = await runMap(distributed(choosy, fields), {
      input: [1, 'a', 2, 'b'],
    })
    expect(description.status).toBe(status)
    if (status === 'FAILED') return
    const [first, second] = result as unknown[]
    expect(first).toBe(1)
    expect(second).toMatchObject({ Status: 'FAILED', Error: 'E', Cause: 'c', Input: '"a"' })
  })

  it('are retried as a whole, in a new map run, and caught', async () => {
    const { result, types, engine, executionArn } = await runMap(
      distributed(fails, {
        Retry: [{ ErrorEquals: ['States.ExceedToleratedFailureThreshold'], MaxAttempts: 1 }],
        Catch: [
          {
            ErrorEquals: ['States.TaskFailed'],
            Output: '{% $states.errorOutput.Error %}',
            Next: 'N',
          },
        ],
        Next: 'N',
      }),
      { input: [1] },
    )
    expect(result).toBe('States.ExceedToleratedFailureThreshold')
    expect((await types()).slice(2, -4)).toEqual([
      'MapStateStarted',
      'MapRunStarted',
      'MapRunFailed',
      'MapStateStarted',
      'MapRunStarted',
      'MapRunFailed',
      'MapStateFailed',
    ])
    const { mapRuns } = await engine.listMapRuns({ executionArn })
    expect(new Set(mapRuns.map(({ mapRunArn }) => mapRunArn)).size).toBe(2)
  })

  it('are timeouts, too: an Express child has five minutes', async () => {
    const waits = { W: { Type: 'Wait', Seconds: 301, End: true } }
    const { mapRun, description } = await runMap(distributed(waits, {}, 'EXPRESS'), { input: [1] })
    expect(description.stopDate!.getTime() - description.startDate.getTime()).toBe(300_000)
    expect((await mapRun()).executionCounts).toMatchObject({ timedOut: 1 })
    expect((await runMap(distributed(waits), { input: [1] })).result).toEqual([1])
  })
})

describe('a map run whose fields cannot be evaluated', () => {
  it('does not start', async () => {
    const { description, types } = await runMap(
      distributed(undefined, { ToleratedFailureCount: '{% -1 %}' }),
      { input: [] },
    )
    expect(description.error).toBe('States.QueryEvaluationError')
    expect(description.cause).toContain('ToleratedFailureCount cannot be negative.')
    expect(await types()).not.toContain('MapRunStarted')
  })

  it('fails by its ItemSelector after what ran before is stopped', async () => {
    const { description, types, mapRun } = await runMap(
      distributed(
        { T: task() },
        {
          ItemSelector: '{% $states.context.Map.Item.Index = 2 ? $error("no") : 1 %}',
        },
      ),
      { input: ['a', 'b', 'c'], work: hang },
    )
    expect(description).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' })
    expect((await types()).slice(3)).toEqual([
      'MapRunStarted',
      'MapRunFailed',
      'EvaluationFailed',
      'MapStateFailed',
      'ExecutionFailed',
    ])
    expect((await mapRun()).executionCounts).toMatchObject({ running: 0, failed: 0 })
  })

  it('fails for an input that is too large, and for results that are', async () => {
    const large = 'x'.repeat(140_000)
    const input = await runMap(
      distributed(undefined, { ItemSelector: '{% [$states.input, $states.input] %}' }),
      { input: [large] },
    )
    expect(input.description.error).toBe('States.DataLimitExceeded')
    const results = await runMap(distributed({ P: pass({ Output: large }) }), { input: [1, 2] })
    expect(results.description.error).toBe('States.DataLimitExceeded')
    expect((await results.mapRun()).status).toBe('FAILED')
  })
})

describe('the end of the execution', () => {
  it('by a stop aborts the map run and stops its children', async () => {
    let running = 0
    const all = Promise.withResolvers<undefined>()
    let aborted = 0
    const { engine, executionArn, types, mapRun } = await startMap(distributed({ T: task() }), {
      input: Array.from({ length: 120 }, (_, i) => i),
      work: (input, context) => {
        if (++running === 120) all.resolve(undefined)
        context.signal.addEventListener('abort', () => aborted++)
        return hang(input, context)
      },
    })
    await all.promise
    await engine.stopExecution({ executionArn })
    expect((await types()).slice(4)).toEqual([
      'MapRunAborted',
      'MapStateAborted',
      'ExecutionAborted',
    ])
    const { mapRunArn } = await mapRun()
    const { executions } = await engine.listExecutions({ mapRunArn, maxResults: 1000 })
    for (const child of executions)
      expect((await engine.waitFor(child.executionArn)).status).toBe('ABORTED')
    expect(aborted).toBe(120)
    expect(await mapRun()).toMatchObject({ status: 'ABORTED', itemCounts: { aborted: 120 } })
  })

  it('by a timeout stops the children, and theirs', async () => {
    const { engine, description, mapRun } = await runMap(
      machine(
        { M: distributed({ I: distributed({ T: task() }, { Label: 'Inner' }) }) },
        { TimeoutSeconds: 9 },
      ),
      { input: [[1]], work: hang },
    )
    expect(description.status).toBe('TIMED_OUT')
    const { executions } = await engine.listExecutions({ mapRunArn: (await mapRun()).mapRunArn })
    const child = await engine.waitFor(executions[0]!.executionArn)
    expect(child.status).toBe('ABORTED')
    const { mapRuns } = await engine.listMapRuns(child)
    const inner = await engine.listExecutions({ mapRunArn: mapRuns[0]!.mapRunArn })
    expect((await engine.waitFor(inner.executions[0]!.executionArn)).status).toBe('ABORTED')
  })

  it('by a sibling that fails does so, too', async () => {
    const { types, engine, description, executionArn } = await runMap(
      machine({
        B: {
          Type: 'Parallel',
          Branches: [
            workflow({
              M: distributed({ W: { Type: 'Wait', Seconds: 99, End: true } }, { Items: [1] }),
            }),
            workflow({ W2: { Type: 'Wait', Seconds: 5, Next: 'F' }, ...fails }),
          ],
          End: true,
        },
      }),
    )
    expect(description.error).toBe('E')
    expect((await types()).slice(-4)).toEqual([
      'MapRunAborted',
      'MapStateAborted',
      'ParallelStateFailed',
      'ExecutionFailed',
    ])
    const { mapRuns } = await engine.listMapRuns({ executionArn })
    const { mapRunArn } = mapRuns[0]!
    const { executions } = await engine.listExecutions({ mapRunArn })
    expect((await engine.waitFor(executions[0]!.executionArn)).status).toBe('ABORTED')
  })
})

describe('the operations on map runs', () => {
  it('change a map run that runs', async () => {
    const started: unknown[] = []
    const ended = Promise.withResolvers<undefined>()
    const first = Promise.withResolvers<undefined>()
    const all = Promise.withResolvers<undefined>()
    const { engine, executionArn, mapRun, types } = await startMap(
      distributed({ T: task() }, { MaxConcurrency: 1 }),
      {
        input: [1, 2, 3, 4],
        clock: virtualClock(),
        work: async (input, context) => {
          started.push(input)
          first.resolve(undefined)
          if (started.length === 4) all.resolve(undefined)
          await ended.promise
          if (input === 1) return failing('Broken')(input, context)
          return input
        },
      },
    )
    await first.promise
    const { mapRunArn, itemCounts } = await mapRun()
    expect(itemCounts).toMatchObject({ running: 1, pending: 3, total: 4 })
    await engine.updateMapRun({ mapRunArn, maxConcurrency: 0, toleratedFailureCount: 1 })
    await all.promise
    expect(await mapRun()).toMatchObject({ maxConcurrency: 0, toleratedFailureCount: 1 })
    ended.resolve(undefined)
    expect((await engine.waitFor(executionArn)).status).toBe('SUCCEEDED')
    expect((await types()).filter((type) => type.startsWith('MapRun'))).toEqual([
      'MapRunStarted',
      'MapRunSucceeded',
    ])
    await expect(engine.updateMapRun({ mapRunArn, maxConcurrency: 1 })).rejects.toMatchObject({
      name: 'ValidationException',
    })
  })

  it('filter and page', async () => {
    const { engine, mapRun, executionArn } = await runMap(
      distributed(choosy, { ToleratedFailureCount: 3 }),
      { input: [1, 'a', 'b', 'c', 2] },
    )
    const { mapRunArn } = await mapRun()
    const filter = { mapRunArn, statusFilter: 'FAILED' } as const
    const first = await engine.listExecutions({ ...filter, maxResults: 2 })
    expect(first.executions).toHaveLength(2)
    const second = await engine.listExecutions({ ...filter, nextToken: first.nextToken! })
    expect(second.executions).toHaveLength(1)
    expect(second.nextToken).toBeUndefined()
    const runs = await engine.listMapRuns({ executionArn, maxResults: 1 })
    expect(runs.nextToken).toBeUndefined()
  })

  it('refuse what they cannot do', async () => {
    const { engine, mapRun, executionArn } = await runMap(
      distributed(choosy, { ToleratedFailureCount: 1 }),
      {
        input: ['a'],
      },
    )
    const { mapRunArn } = await mapRun()
    const unknown = { mapRunArn: `${mapRunArn}0` }
    await expect(engine.describeMapRun(unknown)).rejects.toMatchObject({ name: 'ResourceNotFound' })
    await expect(engine.describeMapRun({ mapRunArn: executionArn })).rejects.toMatchObject({
      name: 'InvalidArn',
    })
    for (const change of [
      { maxConcurrency: -1 },
      { toleratedFailurePercentage: 101 },
      { toleratedFailureCount: 0.5 },
    ]) {
      await expect(engine.updateMapRun({ mapRunArn, ...change })).rejects.toMatchObject({
        name: 'ValidationException',
      })
    }
    const stateMachineArn = `${origin}:stateMachine:machine`
    await expect(engine.listExecutions({ mapRunArn, stateMachineArn })).rejects.toMatchObject({
      name: 'ValidationException',
    })
    const { executions } = await engine.listExecutions({ mapRunArn })
    expect(await engine.describeExecution(executions[0]!)).toMatchObject({
      status: 'FAILED',
      redriveStatus: 'REDRIVABLE_BY_MAP_RUN',
    })
    await expect(engine.redriveExecution(executions[0]!)).rejects.toMatchObject({
      name: 'ExecutionNotRedrivable',
    })
  })
})
