import { describe, expect, it } from 'vitest'
import { openEngine, virtualClock } from '../../engine/index.ts'
import { machine, run } from './support.ts'

async function evaluate(expression: string, input: unknown = {}, random?: () => number) {
  const ran = await run(
    machine({ A: { Type: 'Pass', Output: `{% ${expression} %}`, End: true } }),
    {
      input,
      clock: virtualClock({ start: Date.UTC(2024, 1, 29, 12, 30) }),
      ...(random === undefined ? {} : { random }),
    },
  )
  return ran.status === 'SUCCEEDED' ? ran.result : `${ran.error}: ${ran.cause}`
}

describe("the service's functions", () => {
  it.each<[string, unknown]>([
    ['$partition([1,2,3,4,5], 2)', [[1, 2], [3, 4], [5]]],
    ['$partition([1,2,3], 2.9)', [[1, 2], [3]]],
    ['$range(0, 10, 5)', [0, 5, 10]],
    ['$range(3, 1, -1)', [3, 2, 1]],
    ['$range(-1.7, 2, 1)', [-1, 0, 1, 2]],
    ['$range(1, 9, 9)', 1],
    ['$hash("a", "MD5")', '0cc175b9c0f1b6a831c399e269772661'],
    ['$hash("a", "SHA-1")', '86f7e437faa5a7fce15d1ddcb9eaeaea377667b8'],
    ['$length($hash("a", "SHA-512"))', 128],
    ['$parse("{\\"a\\":[1,null]}")', { a: [1, null] }],
    ['$random(42) = $random(42) and $random(1) != $random(2)', true],
    ['$random()', 0.25],
    ['$now()', '2024-02-29T12:30:00.000Z'],
    ['$now("[D01].[M01].[Y0001]")', '29.02.2024'],
    ['$millis()', Date.UTC(2024, 1, 29, 12, 30)],
    ['$pad("x", -5, "ab")', 'ababx'],
    ['$pad("foo", 5) & "|"', 'foo  |'],
    ['$join(["a", "b"], ", ")', 'a, b'],
    ['$map([1..3], function($i) { $i * 2 })', [2, 4, 6]],
  ])('%s', async (expression, result) => {
    expect(await evaluate(expression, {}, () => 0.25)).toEqual(result)
  })

  it('$uuid makes random UUIDs', async () => {
    const [a, b] = (await evaluate('[$uuid(), $uuid()]')) as string[]
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
    expect(a).toMatch(uuid)
    expect(b).toMatch(uuid)
    expect(a).not.toBe(b)
  })

  it.each([
    ['$hash("a", "SHA-3")', 'MD5, SHA-1'],
    ['$parse("{")', '$parse takes JSON'],
    ['$random(1, 2)', 'T0410'],
    ['$error("boom")', 'boom'],
  ])('%s fails the state', async (expression, message) => {
    const result = await evaluate(expression)
    expect(result).toContain('States.QueryEvaluationError')
    expect(result).toContain('threw an error during evaluation')
    expect(result).toContain(message)
  })
})

describe('what an expression answers', () => {
  it.each<[string, string]>([
    ['$string', 'returned an unsupported result type'],
    ['{"f": function($x) { $x }}', 'returned an unsupported result type'],
    ['$states.input.missing', 'returned nothing (undefined)'],
    ['$partition([], 2)', 'returned nothing (undefined)'],
    ['$partition([1], 0)', 'returned nothing (undefined)'],
    ['$range(5, 1, 1)', 'returned nothing (undefined)'],
    ['$range(0, 1, 0)', 'returned nothing (undefined)'],
    ['$hash("a")', 'returned nothing (undefined)'],
    ['$states.result', 'returned nothing (undefined)'],
    ['$', 'returned nothing (undefined)'],
  ])('is JSON: %s', async (expression, message) => {
    expect(await evaluate(expression, { field: 1 })).toContain(message)
  })

  it.each<[string, unknown, unknown]>([
    ['$states.input', [1], [1]],
    ['$states.input', [[1]], [[1]]],
    ['$states.input', [], []],
    ['$states.input.a[b = 1].c', { a: [{ b: 1, c: 2 }, { b: 3 }] }, 2],
    ['$states.input.a[b = 1].c[]', { a: [{ b: 1, c: 2 }, { b: 3 }] }, [2]],
    ['{"a": $x, "b": [1, $x]}', {}, { b: [1] }],
    ['$states.input.`__proto__`', JSON.parse('{"__proto__":{"a":1}}'), { a: 1 }],
  ])('keeps arrays and fields as they are: %s of %j', async (expression, input, result) => {
    expect(await evaluate(expression, input)).toEqual(result)
  })
})

describe('the depth of an expression', () => {
  const sum = (terms: number) => Array.from({ length: terms }, () => '1').join('+')
  const recursion = (n: number) => `($f := function($n) { $n = 0 ? 0 : 1 + $f($n - 1) }; $f(${n}))`

  it.each<[string, unknown]>([
    [sum(100), 100],
    [`${'('.repeat(99)}1${')'.repeat(99)}`, 1],
    [recursion(31), 31],
    ['$count([1..200000])', 200_000],
    ['$count($range(1, 360145, 1))', 360_145],
  ])('may be 100: %#', async (expression, result) => {
    expect(await evaluate(expression)).toBe(result)
  })

  it.each([
    sum(101),
    `${'('.repeat(100)}1${')'.repeat(100)}`,
    recursion(32),
    '$range(1, 360146, 1)',
  ])('may not be more: %#', async (expression) => {
    expect(await evaluate(expression)).toContain('threw an error during evaluation')
  })
})

describe('hostile expressions', () => {
  it.each([
    ['a loop', '($f := function($n) { $f($n + 1) }; $f(0))'],
    ['a recursion without end', '($f := function($n) { 1 + $f($n + 1) }; $f(0))'],
    ['a pattern that backtracks', '$match("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", /^(a+)+$/)'],
    ['arrays of arrays', '$map([1..100000], function($i) { [1..100000] })'],
    ['a string that doubles', '($f := function($s) { $f($s & $s) }; $f("ab"))'],
    ['wide padding', '$pad("x", 500000000)'],
    [
      'a structure that shares its parts',
      '($f := function($x, $n) { $n = 0 ? $x : $f({"a": $x, "b": $x}, $n - 1) }; $f(1, 60))',
    ],
    [
      'the text of one',
      '($f := function($x, $n) { $n = 0 ? $x : $f({"a": $x, "b": $x}, $n - 1) }; $string($f(1, 60)))',
    ],
  ])('%s ends the state, not the process', async (_, expression) => {
    expect(await evaluate(expression)).toContain('States.QueryEvaluationError')
    expect(await evaluate('1 + 1')).toBe(2)
  })

  it.each([
    '$states.input.constructor',
    '$states.input.__proto__',
    '$lookup($states.input, "constructor")',
    '$states.input.toString',
    '$string.constructor',
  ])('%s has nothing', async (expression) => {
    expect(await evaluate(expression, { a: 1 })).toContain('returned nothing (undefined)')
  })

  it('do not reach the prototypes of the process', async () => {
    await evaluate('$merge([{"__proto__": {"polluted": 1}}])')
    await evaluate('$states.input ~> |$|{"__proto__": {"polluted": 1}}|', { a: {} })
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })

  it('leave other executions and the process as they are', async () => {
    const engine = await openEngine({ tasks: () => undefined })
    const loop = '{% ($f := function($n) { $f($n + 1) }; $f(0)) %}'
    const { stateMachineArn } = await engine.createStateMachine({
      name: 'loop',
      definition: machine({
        A: { Type: 'Pass', Output: '{% $states.input.n + 1 %}', Next: 'B' },
        B: {
          Type: 'Choice',
          Choices: [{ Condition: '{% $states.input = 1 %}', Next: 'C' }],
          Default: 'D',
        },
        C: { Type: 'Pass', Output: loop, End: true },
        D: { Type: 'Succeed' },
      }),
    })
    const start = async (n: number) => {
      const { executionArn } = await engine.startExecution({ stateMachineArn, input: `{"n":${n}}` })
      return engine.waitFor(executionArn)
    }
    const ended = await Promise.all([start(0), start(1), start(2)])
    expect(ended.map(({ status, output }) => output ?? status)).toEqual(['FAILED', '2', '3'])
    await engine.close()
  })
})
