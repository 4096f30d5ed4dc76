import { describe, expect, it } from 'vitest'
import { limits } from '../../engine/index.ts'
import { distributed, pass, runMap, task } from './map-support.ts'
import { details, linkage, machine, workflow } from './support.ts'

const origin = 'arn:aws:states:us-east-1:000000000000'
const fails = { F: { Type: 'Fail', Error: 'E', Cause: 'c' } }

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
    const reached = Promise.withResolvers<undefined>()
    const { mapRun } = await runMap(distributed({ T: task() }, { MaxConcurrency }), {
      input: Array.from({ length: 20 }, (_, i) => i),
      work: async () => {
        highest = Math.max(highest, ++running)
        if (running === most) reached.resolve(undefined)
        await reached.promise
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
