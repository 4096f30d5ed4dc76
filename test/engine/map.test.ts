import { describe, expect, it } from 'vitest'
import { pass } from './map-support.ts'
import { details, failing, invoke, machine, run, workflow } from './support.ts'

const jsonPath = (states: Record<string, Record<string, unknown>>) =>
  machine(states, { QueryLanguage: 'JSONPath' })
const processor = { ItemProcessor: workflow({ P: pass() }) }

describe('an inline Map of JSONPath', () => {
  it('iterates over what ItemsPath leads to, and puts its result where ResultPath says', async () => {
    const ran = await run(
      jsonPath({
        M: {
          Type: 'Map',
          InputPath: '$.detail',
          ItemsPath: '$.list',
          ItemSelector: {
            'item.$': '$$.Map.Item.Value',
            'index.$': '$$.Map.Item.Index',
            'all.$': '$.list',
            constant: 1,
          },
          ...processor,
          ResultSelector: { 'first.$': '$[0]', 'rest.$': '$[1:]' },
          ResultPath: '$.made',
          End: true,
        },
      }),
      { input: { detail: { list: ['a', 'b'] } } },
    )
    expect(ran.result).toEqual({
      detail: { list: ['a', 'b'] },
      made: {
        first: { item: 'a', index: 0, all: ['a', 'b'], constant: 1 },
        rest: [{ item: 'b', index: 1, all: ['a', 'b'], constant: 1 }],
      },
    })
  })

  it('takes its older fields, Iterator and Parameters', async () => {
    const ran = await run(
      jsonPath({
        M: {
          Type: 'Map',
          Parameters: { 'item.$': '$$.Map.Item.Value' },
          Iterator: workflow({ P: pass() }),
          End: true,
        },
      }),
      { input: [1, 2] },
    )
    expect(ran.result).toEqual([{ item: 1 }, { item: 2 }])
  })

  it('takes MaxConcurrencyPath, also to the text of a number', async () => {
    for (const [most, expected] of [
      [2, 2],
      ['3', 3],
    ]) {
      let running = 0
      let highest = 0
      const reached = Promise.withResolvers<undefined>()
      await run(
        jsonPath({
          M: {
            Type: 'Map',
            ItemsPath: '$.items',
            MaxConcurrencyPath: '$.most',
            ItemProcessor: workflow({
              T: {
                Type: 'Task',
                Resource: 'arn:aws:states:::lambda:invoke',
                Parameters: { FunctionName: 'work' },
                End: true,
              },
            }),
            End: true,
          },
        }),
        {
          input: { most, items: [1, 2, 3, 4, 5] },
          functions: {
            work: async () => {
              highest = Math.max(highest, ++running)
              if (running === expected) reached.resolve(undefined)
              await reached.promise
              await new Promise(setImmediate)
              running--
            },
          },
        },
      )
      expect(highest).toBe(expected)
    }
  })

  it.each([
    [{ ItemsPath: '$.no' }, { no: 'x' }, 'Reference path "$.no" must point to array.'],
    [{}, { a: 1 }, 'Reference path "$" must point to array.'],
    [
      { ItemsPath: '$.list', MaxConcurrencyPath: '$.most' },
      { list: [], most: -1 },
      'MaxConcurrency cannot be negative.',
    ],
    [
      { ItemsPath: '$.list', MaxConcurrencyPath: '$.most' },
      { list: [], most: 1.5 },
      'The MaxConcurrencyPath field refers to value "1.5" which is not a valid integer: $.most',
    ],
  ])('fails by States.Runtime, which nothing catches: %j', async (fields, input, cause) => {
    const ran = await run(
      jsonPath({
        M: {
          Type: 'Map',
          ...fields,
          ...processor,
          Catch: [{ ErrorEquals: ['States.ALL'], Next: 'C' }],
          Next: 'C',
        },
        C: { Type: 'Succeed' },
      }),
      { input },
    )
    expect(ran).toMatchObject({ status: 'FAILED', error: 'States.Runtime' })
    expect(ran.cause).toContain(`the state 'M' (entered at the event id #2). ${cause}`)
    expect(ran.types).toEqual(['ExecutionStarted', 'MapStateEntered', 'ExecutionFailed'])
  })

  it('is caught with the error of the iteration that failed', async () => {
    const ran = await run(
      jsonPath({
        M: {
          Type: 'Map',
          ItemProcessor: workflow({
            T: invoke('fails', {
              End: true,
              Arguments: undefined,
              Output: undefined,
              Parameters: { FunctionName: 'fails' },
            }),
          }),
          Catch: [{ ErrorEquals: ['Broken'], ResultPath: null, Next: 'C' }],
          Next: 'C',
        },
        C: { Type: 'Succeed' },
      }),
      { input: [1], functions: { fails: failing('Broken') } },
    )
    expect(ran.result).toEqual([1])
  })
})

describe('an inline Map of JSONata', () => {
  it('has ToleratedFailure fields evaluated, and tolerates nothing', async () => {
    const fails = {
      Type: 'Map',
      Items: [1, 2],
      ToleratedFailureCount: '{% 2 %}',
      ToleratedFailurePercentage: 100,
      ItemProcessor: workflow({ F: { Type: 'Fail', Error: 'E' } }),
      End: true,
    }
    expect(await run(machine({ M: fails }))).toMatchObject({ status: 'FAILED', error: 'E' })
    const wrong = { ...fails, ToleratedFailureCount: '{% "x" %}' }
    expect((await run(machine({ M: wrong }))).error).toBe('States.QueryEvaluationError')
  })

  it('does not iterate over an object, constant or not', async () => {
    for (const Items of [{ a: 1 }, '{% {"a": 1} %}']) {
      const ran = await run(machine({ M: { Type: 'Map', Items, ...processor, End: true } }))
      expect(ran.cause).toContain(`Expected 'array', but was 'object' for value: {"a":1}`)
    }
  })

  it('has the item, and no more, in its Context object', async () => {
    const ran = await run(
      machine({
        M: {
          Type: 'Map',
          Items: ['x'],
          ItemSelector: '{% $states.context.Map %}',
          ItemProcessor: workflow({
            P: pass({ Output: '{% [$states.input, $states.context.Map] %}' }),
          }),
          End: true,
        },
      }),
    )
    const map = { Item: { Index: 0, Value: 'x' } }
    expect(ran.result).toEqual([[map, map]])
    expect(details(ran.events.find(({ type }) => type === 'MapStateStarted'))).toEqual({
      length: 1,
    })
  })
})
