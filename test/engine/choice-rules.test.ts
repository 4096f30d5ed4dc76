import { describe, expect, it } from 'vitest'
import { type Fields, run, workflow } from './support.ts'

/** Whether a rule of JSONPath holds for an input, or the cause of the failure. */
async function holds(rule: Fields, input: unknown): Promise<boolean | string> {
  const states: Record<string, Fields> = {
    C: { Type: 'Choice', Choices: [{ ...rule, Next: 'Yes' }], Default: 'No' },
    Yes: { Type: 'Pass', Result: true, End: true },
    No: { Type: 'Pass', Result: false, End: true },
  }
  const ran = await run(JSON.stringify(workflow(states)), { input })
  return ran.status === 'SUCCEEDED' ? (ran.result as boolean) : `${ran.error}: ${ran.cause}`
}

/** The same for many inputs in one execution; none of them may fail. */
async function holdsFor(rule: Fields, inputs: readonly unknown[]): Promise<unknown> {
  const choice: Record<string, Fields> = {
    C: { Type: 'Choice', Choices: [{ ...rule, Next: 'Yes' }], Default: 'No' },
    Yes: { Type: 'Pass', Result: true, End: true },
    No: { Type: 'Pass', Result: false, End: true },
  }
  const states = { M: { Type: 'Map', ItemProcessor: workflow(choice), End: true } }
  return (await run(JSON.stringify(workflow(states)), { input: inputs })).result
}

const kinds: [string, (number | string | boolean)[]][] = [
  ['Numeric', [-1.5, 0, 2]],
  ['String', ['', 'A', 'AB', 'a']],
  ['Timestamp', ['2024-01-01T00:00:00Z', '2024-01-01T00:30:00+00:00', '2024-01-01T00:30:01.5Z']],
]

describe('comparisons', () => {
  it.each(kinds)('%s order values, by a constant and by a path', async (type, values) => {
    const operators: Record<string, (left: number, right: number) => boolean> = {
      Equals: (left, right) => left === right,
      LessThan: (left, right) => left < right,
      LessThanEquals: (left, right) => left <= right,
      GreaterThan: (left, right) => left > right,
      GreaterThanEquals: (left, right) => left >= right,
    }
    const pairs = values.flatMap((a, i) => values.map((b, k) => ({ a, b, i, k })))
    for (const [operator, expected] of Object.entries(operators)) {
      const byPath = { Variable: '$.a', [`${type}${operator}Path`]: '$.b' }
      expect(await holdsFor(byPath, pairs)).toEqual(pairs.map(({ i, k }) => expected(i, k)))
      for (const [k, right] of values.entries()) {
        const byConstant = { Variable: '$', [`${type}${operator}`]: right }
        expect(await holdsFor(byConstant, values)).toEqual(values.map((_, i) => expected(i, k)))
      }
    }
  })

  it.each<[Fields, unknown[], unknown[]]>([
    [{ NumericEquals: 1 }, [1], ['1', true, null, [], [1], {}]],
    [{ StringEquals: '1' }, ['1'], [1, null, ['1']]],
    [{ BooleanEquals: false }, [false], [true, 0, 'false', null]],
    [{ TimestampEquals: '2024-01-01T00:00:00Z' }, ['2024-01-01T01:00:00+01:00'], ['2024-01-01', 0]],
    [{ NumericLessThan: 5 }, [4], ['4', null, 5]],
    [{ StringMatches: 'log-*.txt' }, ['log-a.txt', 'log-.txt'], ['log-a.txtx', 'a', 5]],
    [{ StringMatches: '*' }, ['', 'anything'], [null]],
    [{ StringMatches: 'a*b*c' }, ['abc', 'a--b--c'], ['acb', 'ab']],
    [{ StringMatches: 'a*a' }, ['aa'], ['a']],
    [{ StringMatches: String.raw`\*\\` }, ['*\\'], ['x\\', '*']],
    [{ IsNull: true }, [null], [0, '', false]],
    [{ IsNull: false }, [0], [null]],
    [{ IsString: true }, ['', '1'], [1, null]],
    [{ IsNumeric: true }, [1, 1.5], ['1', null]],
    [{ IsBoolean: true }, [true, false], [0, 'true']],
    [
      { IsTimestamp: true },
      ['2024-02-29T00:00:00Z', '2024-01-01T00:00:00.123-08:00'],
      ['2024-01-01', '2024-01-01t00:00:00Z', '2023-02-29T00:00:00Z', 5],
    ],
    [{ IsPresent: true }, [null, false, 0], []],
    [{ IsPresent: false }, [], [null, 1]],
  ])('%j', async (comparison, yes, no) => {
    const rule = { Variable: '$.v', ...comparison }
    const inputs = [...yes, ...no].map((v) => ({ v }))
    expect(await holdsFor(rule, inputs)).toEqual([...yes.map(() => true), ...no.map(() => false)])
  })

  it('do not mind what is missing only for IsPresent', async () => {
    expect(await holds({ Variable: '$.a.b', IsPresent: true }, {})).toBe(false)
    expect(await holds({ Variable: '$.a[1]', IsPresent: false }, { a: [0] })).toBe(true)
    for (const rule of [{ IsNull: true }, { NumericEquals: 1 }, { StringEqualsPath: '$.x' }]) {
      expect(await holds({ Variable: '$.a', ...rule }, { x: '' })).toContain(
        "States.Runtime: An error occurred while executing the state 'C' (entered at the event id #2). " +
          "Invalid path '$.a': The choice state's condition path references an invalid value.",
      )
    }
    expect(await holds({ Variable: '$.a', NumericEqualsPath: '$.x' }, { a: 1 })).toContain(
      "Invalid path '$.x'",
    )
  })

  it('match wildcards in time in proportion to the text', async () => {
    const rule = { Variable: '$.v', StringMatches: `${'*a'.repeat(200)}b` }
    expect(await holds(rule, { v: 'a'.repeat(50_000) })).toBe(false)
  })
})

describe('And, Or and Not', () => {
  const big = { Variable: '$.n', NumericGreaterThan: 10 }
  const text = { Variable: '$.n', IsString: true }

  it.each<[Fields, unknown, boolean]>([
    [{ And: [big, { Not: text }] }, 11, true],
    [{ And: [big, text] }, 11, false],
    [{ Or: [big, text] }, 'x', true],
    [{ Or: [big, text] }, 1, false],
    [{ Not: { And: [big, { Or: [text, big] }] } }, 11, false],
  ])('%j', async (rule, n, expected) => {
    expect(await holds(rule, { n })).toBe(expected)
  })

  it('look no further than they need', async () => {
    const missing = { Variable: '$.missing', NumericEquals: 1 }
    expect(await holds({ And: [text, missing] }, { n: 1 })).toBe(false)
    expect(await holds({ Or: [{ Variable: '$.n', IsNumeric: true }, missing] }, { n: 1 })).toBe(
      true,
    )
  })
})

it('a rule reads the effective input, variables and the Context object', async () => {
  const states: Record<string, Fields> = {
    A: { Type: 'Pass', Assign: { limit: 5 }, Next: 'C' },
    C: {
      Type: 'Choice',
      InputPath: '$.in',
      OutputPath: '$.n',
      Choices: [
        {
          And: [
            { Variable: '$.n', NumericEqualsPath: '$limit' },
            { Variable: '$$.State.Name', StringEquals: 'C' },
          ],
          Assign: { 'taken.$': '$.n' },
          Next: 'E',
        },
      ],
    },
    E: { Type: 'Pass', Parameters: { 'in.$': '$', 'taken.$': '$taken' }, End: true },
  }
  const ran = await run(JSON.stringify(workflow(states)), { input: { in: { n: 5 } } })
  expect(ran.result).toEqual({ in: 5, taken: 5 })
  const other = await run(JSON.stringify(workflow(states)), { input: { in: { n: 6 } } })
  expect(other).toMatchObject({ status: 'FAILED', error: 'States.Runtime' })
  expect(other.cause).toContain('The state does not point to a next state.')
})
