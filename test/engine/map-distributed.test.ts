import { describe, expect, it } from 'vitest'
import { limits, virtualClock } from '../../engine/index.ts'
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

describe('a distributed Map', () => {
  it.each(['STANDARD', 'EXPRESS'])(
    'runs each item as an execution of its own: %s',
    async (type) => {
      const { result, history, mapRun, engine, executionArn } = await runMap(
        distributed({ P: pass({ Output: '{% $states.input * 2 %}' }) }, {}, type),
        { input: [1, 2, 3] },
      )
      expect(result).toEqual([2, 4, 6])
      const events = await history()
      expect(linkage(events)).toEqual([
        '1<0 ExecutionStarted',
        '2<0 MapStateEntered',
        '3<2 MapStateStarted',
        '4<3 MapRunStarted',
        '5<4 MapRunSucceeded',
        '6<5 MapStateSucceeded',
        '7<5 MapStateExited',
        '8<7 ExecutionSucceeded',
      ])
      const { mapRunArn } = await mapRun()
      expect(mapRunArn).toMatch(
        /^arn:aws:states:us-east-1:000000000000:mapRun:machine\/Each:[-0-9a-f]{36}$/,
      )
      expect(details(events[2])).toEqual({ length: 3 })
      expect(details(events[3])).toEqual({ mapRunArn })
      const { executions } = await engine.listExecutions({ mapRunArn })
      expect(executions).toHaveLength(3)
      for (const child of executions) {
        const kind = type === 'EXPRESS' ? 'express' : 'execution'
        expect(child).toMatchObject({
          stateMachineArn: `${origin}:stateMachine:machine/Each`,
          status: 'SUCCEEDED',
          itemCount: 1,
          mapRunArn,
        })
        expect(child.executionArn.startsWith(`${origin}:${kind}:machine/Each:${child.name}`)).toBe(
          true,
        )
        expect(await engine.describeExecution(child)).toMatchObject({
          mapRunArn,
          status: 'SUCCEEDED',
        })
      }
      const inputs = executions.map(async (child) => (await engine.describeExecution(child)).input)
      expect((await Promise.all(inputs)).sort()).toEqual(['1', '2', '3'])
      // They are no executions of the state machine, nor of any other that is listed.
      const { executions: all } = await engine.listExecutions({})
      expect(all.map((execution) => execution.executionArn)).toEqual([executionArn])
      const machineOf = await engine.describeStateMachineForExecution(executions[0]!)
      expect(machineOf).toMatchObject({ name: 'machine/Each', label: 'Each', mapRunArn })
      expect(JSON.parse(machineOf.definition)).toMatchObject({ StartAt: 'P' })
    },
  )

  it('gives children histories and contexts of their own, and no variables', async () => {
    const { result, engine, mapRun } = await runMap(
      machine({
        A: { Type: 'Pass', Assign: { x: 1 }, Next: 'M' },
        M: distributed({
          P: pass({
            Output:
              '{% [$states.context.Execution.Name, $states.context.Execution.Input, $exists($states.context.Map), $exists($x)] %}',
          }),
        }),
      }),
      { input: ['item'] },
    )
    const { executions } = await engine.listExecutions({ mapRunArn: (await mapRun()).mapRunArn })
    expect(result).toEqual([[executions[0]!.name, 'item', false, false]])
    const { events } = await engine.getExecutionHistory(executions[0]!)
    expect(events.map(({ type }) => type)).toEqual([
      'ExecutionStarted',
      'PassStateEntered',
      'PassStateExited',
      'ExecutionSucceeded',
    ])
  })

  it('selects by the item, its index, key and source, and the variables around it', async () => {
    const { result } = await runMap(
      machine({
        A: { Type: 'Pass', Assign: { x: 7 }, Next: 'M' },
        M: distributed(undefined, {
          Items: '{% $states.input.list %}',
          ItemSelector: {
            map: '{% $states.context.Map %}',
            x: '{% $x %}',
            all: '{% $states.input %}',
          },
        }),
      }),
      { input: { list: ['a'] } },
    )
    const map = { Item: { Index: 0, Value: 'a', Source: 'STATE_DATA' } }
    expect(result).toEqual([{ map, x: 7, all: { list: ['a'] } }])
  })

  it('iterates over the members of an object', async () => {
    const input = JSON.parse('{"b":1,"a":2,"__proto__":3}') as unknown
    const plain = await runMap(distributed(), { input })
    const pairs = [
      { Key: 'b', Value: 1 },
      { Key: 'a', Value: 2 },
      { Key: '__proto__', Value: 3 },
    ]
    expect(plain.result).toEqual(pairs)
    const selected = await runMap(
      distributed(undefined, {
        ItemSelector: {
          k: '{% $states.context.Map.Item.Key %}',
          v: '{% $states.context.Map.Item.Value %}',
        },
      }),
      { input },
    )
    expect(selected.result).toEqual(pairs.map(({ Key, Value }) => ({ k: Key, v: Value })))
  })

  it('answers an empty array for one', async () => {
    const { result, mapRun } = await runMap(distributed(), { input: [] })
    expect(result).toEqual([])
    expect(await mapRun()).toMatchObject({ status: 'SUCCEEDED', itemCounts: { total: 0 } })
  })

  it.each([
    [3, 3],
    ['{% 2 %}', 2],
  ])('runs at most MaxConcurrency %j at once', async (MaxConcurrency, most) => {
    let running = 0
    let highest = 0
    const { mapRun } = await runMap(distributed({ T: task() }, { MaxConcurrency }), {
      input: Array.from({ length: 20 }, (_, i) => i),
      work: async () => {
        highest = Math.max(highest, ++running)
        await new Promise(setImmediate)
        running--
      },
    })
    expect(highest).toBe(most)
    expect(await mapRun()).toMatchObject({
      maxConcurrency: most,
      executionCounts: { succeeded: 20, total: 20, running: 0, pending: 0 },
    })
  })

  it('runs more at once than an inline Map', async () => {
    const input = Array.from({ length: limits.mapConcurrency + 20 }, (_, i) => i)
    let running = 0
    let highest = 0
    const all = Promise.withResolvers<undefined>()
    await runMap(distributed({ T: task() }), {
      input,
      work: () => {
        highest = Math.max(highest, ++running)
        if (running === input.length) all.resolve(undefined)
        return all.promise
      },
    })
    expect(highest).toBe(input.length)
  })

  it('nests in branches, iterations and child executions', async () => {
    const inner = distributed(
      { P: pass({ Output: '{% $states.input + 1 %}' }) },
      { Label: 'Inner' },
    )
    const { result } = await runMap(
      machine({
        B: {
          Type: 'Parallel',
          Branches: [
            workflow({ M: distributed({ I: inner }) }),
            workflow({
              N: {
                Type: 'Map',
                ItemProcessor: workflow({
                  D: {
                    ...inner,
                    Label: 'Deep',
                    ItemProcessor: distributed({ Q: pass() })['ItemProcessor'],
                  },
                }),
                End: true,
              },
            }),
          ],
          End: true,
        },
      }),
      { input: [[1, 2], [3]] },
    )
    expect(result).toEqual([
      [[2, 3], [4]],
      [[1, 2], [3]],
    ])
  })

  it('has the same label for the same state when it has none of its own', async () => {
    const arns = new Set<string>()
    for (let i = 0; i < 2; i++) {
      const { mapRun } = await runMap(distributed(undefined, { Label: undefined }), { input: [] })
      arns.add((await mapRun()).mapRunArn.split(':').slice(0, -1).join(':'))
    }
    expect(arns.size).toBe(1)
  })
})

describe('batches', () => {
  const batched = (ItemBatcher: object, fields: object = {}) =>
    distributed(undefined, { ItemBatcher, ...fields })

  it('have MaxItemsPerBatch items, and BatchInput', async () => {
    const { result, mapRun } = await runMap(
      batched({ MaxItemsPerBatch: 2, BatchInput: { from: '{% $states.input[0] %}' } }),
      { input: [1, 2, 3, 4, 5] },
    )
    const BatchInput = { from: 1 }
    expect(result).toEqual([
      { BatchInput, Items: [1, 2] },
      { BatchInput, Items: [3, 4] },
      { BatchInput, Items: [5] },
    ])
    expect(await mapRun()).toMatchObject({
      itemCounts: { total: 5, succeeded: 5 },
      executionCounts: { total: 3, succeeded: 3 },
    })
  })

  it.each([58, 59, 60, 61])(
    'have at most MaxInputBytesPerBatch bytes, in UTF-8: %i',
    async (most) => {
      const input = Array.from(
        { length: 200 },
        (_, i) => `${'€'.repeat(i % 7)}${'x'.repeat(i % 5)}`,
      )
      const { result } = await runMap(batched({ MaxInputBytesPerBatch: most }), { input })
      const batches = result as { Items: string[] }[]
      expect(batches.flatMap(({ Items }) => Items)).toEqual(input)
      const bytesOf = (batch: object) => Buffer.byteLength(JSON.stringify(batch))
      expect(Math.max(...batches.map(bytesOf))).toBeLessThanOrEqual(most)
      // None could have had one more.
      batches.slice(0, -1).forEach(({ Items }, i) => {
        const more = { Items: [...Items, batches[i + 1]!.Items[0]] }
        expect(bytesOf(more)).toBeGreaterThan(most)
      })
    },
  )

  it('have one item where one is over MaxInputBytesPerBatch', async () => {
    const { result } = await runMap(batched({ MaxInputBytesPerBatch: 20 }), {
      input: ['x'.repeat(50), 'a', 'b'],
    })
    expect(result).toEqual([{ Items: ['x'.repeat(50)] }, { Items: ['a', 'b'] }])
  })

  it('count each of their items as failed', async () => {
    const { description, mapRun } = await runMap(
      distributed(fails, {
        ItemBatcher: { MaxItemsPerBatch: 3 },
        ToleratedFailureCount: 3,
        MaxConcurrency: 1,
      }),
      { input: [1, 2, 3, 4, 5, 6, 7] },
    )
    expect(description.error).toBe('States.ExceedToleratedFailureThreshold')
    expect((await mapRun()).itemCounts).toMatchObject({ failed: 6, pending: 1, total: 7 })
  })

  it('are selected item by item', async () => {
    const { result } = await runMap(
      batched(
        { MaxItemsPerBatch: 2 },
        { ItemSelector: { i: '{% $states.context.Map.Item.Index %}' } },
      ),
      { input: ['a', 'b', 'c'] },
    )
    expect(result).toEqual([{ Items: [{ i: 0 }, { i: 1 }] }, { Items: [{ i: 2 }] }])
  })

  it('take paths of JSONPath', async () => {
    const { result } = await runMap(
      machine(
        {
          M: distributed(undefined, {
            ItemsPath: '$.list',
            ItemBatcher: { MaxItemsPerBatchPath: '$.size', BatchInput: { 'size.$': '$.size' } },
          }),
        },
        { QueryLanguage: 'JSONPath' },
      ),
      { input: { list: [1, 2, 3], size: 2 } },
    )
    expect(result).toEqual([
      { BatchInput: { size: 2 }, Items: [1, 2] },
      { BatchInput: { size: 2 }, Items: [3] },
    ])
  })
})

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
