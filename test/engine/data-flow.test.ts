import { describe, expect, it } from 'vitest'
import { virtualClock } from '../../engine/index.ts'
import { type Fields, run, workflow } from './support.ts'

/** A definition in JSONPath, the language's default. */
function machine(states: Record<string, Fields>): string {
  return JSON.stringify(workflow(states))
}

/** What a single state makes of an input, or the failure. */
async function through(state: Fields, input: unknown) {
  const ran = await run(machine({ S: { End: true, ...state } }), { input })
  return ran.status === 'SUCCEEDED' ? ran.result : `${ran.error}: ${ran.cause}`
}

describe('the data flow of a state', () => {
  const task = (fields: Fields) => ({
    Type: 'Task',
    Resource: 'arn:aws:x:::y',
    End: true,
    ...fields,
  })

  it('passes InputPath, Parameters, ResultSelector, ResultPath and OutputPath in this order', async () => {
    let seen: unknown
    const ran = await run(
      machine({
        T: task({
          InputPath: '$.in',
          Parameters: { 'a.$': '$.x', list: [{ 'b.$': '$$.State.Name' }], c: '$.x' },
          ResultSelector: { 'n.$': '$.result' },
          ResultPath: '$.kept.at',
          OutputPath: '$.kept',
        }),
      }),
      {
        input: { in: { x: 1 }, kept: { old: true } },
        tasks: () => (input) => {
          seen = input
          return { result: 7 }
        },
      },
    )
    expect(seen).toEqual({ a: 1, list: [{ b: 'T' }], c: '$.x' })
    expect(ran.result).toEqual({ old: true, at: { n: 7 } })
  })

  it.each<[Fields, unknown, unknown]>([
    [{ Result: { 'a.$': '$.b' } }, 1, { 'a.$': '$.b' }],
    [{ Result: 1, ResultPath: '$.x' }, { y: 2 }, { y: 2, x: 1 }],
    [{ Result: 1, ResultPath: '$.a.b' }, { a: { c: 2 } }, { a: { c: 2, b: 1 } }],
    [{ Result: 1, ResultPath: '$[1].p' }, [0, { q: 1 }], [0, { q: 1, p: 1 }]],
    [{ Result: 1, ResultPath: null }, { y: 2 }, { y: 2 }],
    [{ InputPath: null }, { y: 2 }, {}],
    [{ OutputPath: null }, { y: 2 }, {}],
    [{ InputPath: '$.a', ResultPath: '$.b' }, { a: 1 }, { a: 1, b: 1 }],
    [{ InputPath: '$$.Execution.Input.a' }, { a: 1 }, 1],
    [{ InputPath: '$.a[*].b' }, { a: [{ b: 1 }] }, [1]],
  ])('of a Pass with %j', async (fields, input, output) => {
    expect(await through({ Type: 'Pass', ...fields }, input)).toEqual(output)
  })

  it.each<[Fields, unknown]>([
    [{ ResultPath: '$.a' }, 'text'],
    [{ ResultPath: '$.a.b' }, { a: 1 }],
    [{ ResultPath: '$[2]' }, [1]],
    [{ ResultPath: '$[0]' }, {}],
  ])('fails where ResultPath does not fit: %j of %j', async (fields, input) => {
    const answer = await through({ Type: 'Pass', Result: 1, ...fields }, input)
    expect(answer).toContain('States.ResultPathMatchFailure: An error occurred')
  })

  it('leaves the input of other states as it is', async () => {
    const ran = await run(
      machine({
        A: { Type: 'Pass', Result: 1, ResultPath: '$.a.x', Next: 'B' },
        B: {
          Type: 'Pass',
          Parameters: { 'first.$': '$$.Execution.Input', 'now.$': '$' },
          End: true,
        },
      }),
      { input: { a: {} } },
    )
    expect(ran.result).toEqual({ first: { a: {} }, now: { a: { x: 1 } } })
  })

  it('places what is caught in the input', async () => {
    const ran = await run(
      machine({
        T: task({
          Catch: [
            {
              ErrorEquals: ['Boom'],
              ResultPath: '$.error',
              Assign: { 'what.$': '$.Error' },
              Next: 'H',
            },
          ],
        }),
        H: { Type: 'Pass', Parameters: { 'in.$': '$', 'what.$': '$what' }, End: true },
      }),
      {
        input: { a: 1 },
        tasks: () => () => {
          throw Object.assign(new Error('why'), { name: 'Boom' })
        },
      },
    )
    expect(ran.result).toEqual({
      in: { a: 1, error: { Error: 'Boom', Cause: 'why' } },
      what: 'Boom',
    })
  })

  it('of a Wait and of a Fail reads paths', async () => {
    const start = Date.UTC(2024, 0, 1)
    const waited = async (fields: Fields, input: unknown) => {
      const ran = await run(machine({ W: { Type: 'Wait', ...fields, End: true } }), {
        input,
        clock: virtualClock({ start }),
      })
      return ran.status === 'SUCCEEDED' ? ran.stopDate!.getTime() - start : `${ran.cause}`
    }
    expect(await waited({ SecondsPath: '$.s' }, { s: 5 })).toBe(5000)
    expect(await waited({ InputPath: '$.a', SecondsPath: '$.s' }, { a: { s: 5 } })).toBe(5000)
    expect(await waited({ TimestampPath: '$.t' }, { t: '2024-01-01T00:01:00Z' })).toBe(60_000)
    expect(await waited({ SecondsPath: '$.s' }, { s: -1 })).toContain(
      'The SecondsPath parameter references a negative value: $.s == -1',
    )
    expect(await waited({ SecondsPath: '$.s' }, { s: 1.5 })).toContain('cannot be parsed as a long')
    expect(await waited({ TimestampPath: '$.t' }, { t: 'noon' })).toContain('$.t == noon')

    const fail = { Type: 'Fail', ErrorPath: '$.e', CausePath: "States.Format('for {}', $.c)" }
    const failed = await run(machine({ F: fail }), { input: { e: 'E', c: 1 } })
    expect(failed).toMatchObject({ status: 'FAILED', error: 'E', cause: 'for 1' })
    const missing = await run(machine({ F: fail }), { input: { c: 1 } })
    expect(missing).toMatchObject({ error: 'States.Runtime' })
  })
})

describe('variables in JSONPath', () => {
  it.each<[string, Fields, unknown]>([
    ['the result of a Pass', { Type: 'Pass', Result: { r: 1 } }, 1],
    ['its parameters', { Type: 'Pass', Parameters: { r: 2 } }, 2],
    ['its effective input', { Type: 'Pass', InputPath: '$.in' }, 3],
    ['the effective input of a Wait', { Type: 'Wait', Seconds: 0, InputPath: '$.in' }, 3],
  ])('are assigned from %s', async (_, state, value) => {
    const ran = await run(
      machine({
        A: { ...state, Assign: { 'v.$': '$.r', constant: { 'x.$': '$.r' } }, Next: 'B' },
        B: { Type: 'Pass', Parameters: { 'v.$': '$v', 'x.$': '$constant.x' }, End: true },
      }),
      { input: { in: { r: 3 } } },
    )
    expect(ran.result).toEqual({ v: value, x: value })
  })

  it('are read with the values before the state', async () => {
    const ran = await run(
      machine({
        A: { Type: 'Pass', Assign: { x: 1 }, Next: 'B' },
        B: { Type: 'Pass', Assign: { x: 2, 'old.$': '$x' }, Next: 'C' },
        C: { Type: 'Pass', Parameters: { 'all.$': 'States.Array($x, $old)' }, End: true },
      }),
    )
    expect(ran.result).toEqual({ all: [2, 1] })
  })

  it('are shared with states of JSONata', async () => {
    const ran = await run(
      machine({
        A: { Type: 'Pass', Assign: { list: [1, 2] }, Next: 'B' },
        B: {
          Type: 'Pass',
          QueryLanguage: 'JSONata',
          Assign: { sum: '{% $sum($list) %}' },
          Output: { list: '{% $list %}' },
          Next: 'C',
        },
        C: { Type: 'Pass', Parameters: { 'sum.$': '$sum', 'first.$': '$.list[0]' }, End: true },
      }),
    )
    expect(ran.result).toEqual({ sum: 3, first: 1 })
  })

  it('hold at most 10 MiB in all', async () => {
    const fill = (name: (i: number) => string) => {
      const states: Record<string, Fields> = {
        Big: { Type: 'Pass', Assign: { big: 'x'.repeat(250_000) }, Next: 'S0' },
      }
      for (let i = 0; i < 45; i++) {
        states[`S${i}`] = {
          Type: 'Pass',
          Assign: { [`${name(i)}.$`]: '$big' },
          Next: i < 44 ? `S${i + 1}` : 'End',
        }
      }
      return run(machine({ ...states, End: { Type: 'Succeed' } }))
    }
    const ran = await fill((i) => `v${i}`)
    expect(ran).toMatchObject({ status: 'FAILED', error: 'States.DataLimitExceeded' })
    expect(ran.cause).toContain("'S40'")
    expect((await fill(() => 'same')).status).toBe('SUCCEEDED')
  })
})
