import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Fields, run, workflow } from './support.ts'

async function evaluate(call: string, input: unknown = {}, random?: () => number) {
  const state: Fields = { Type: 'Pass', Parameters: { 'v.$': call }, End: true }
  const ran = await run(JSON.stringify(workflow({ P: state })), {
    input,
    ...(random === undefined ? {} : { random }),
  })
  return ran.status === 'SUCCEEDED'
    ? (ran.result as { v: unknown }).v
    : `${ran.error}: ${ran.cause?.split('. ').slice(1).join('. ')}`
}

describe('intrinsic functions', () => {
  it.each<[string, unknown]>([
    ['States.Array()', []],
    ["States.Array(1, 'a', true, null, $.o)", [1, 'a', true, null, { a: 1 }]],
    ['States.ArrayPartition($.list, 2)', [[1, 2], [3, 2], [1]]],
    ['States.ArrayPartition($.list, 2.4)', [[1, 2], [3, 2], [1]]],
    ['States.ArrayContains($.list, 3)', true],
    ['States.ArrayContains($.objects, $.o)', true],
    ["States.ArrayContains($.list, '3')", false],
    ['States.ArrayRange(1, 9, 2)', [1, 3, 5, 7, 9]],
    ['States.ArrayRange(3, 1, -1)', [3, 2, 1]],
    ['States.ArrayRange(1, 0, 1)', []],
    ['States.ArrayGetItem($.list, 2)', 3],
    ['States.ArrayLength($.list)', 5],
    ['States.ArrayUnique($.list)', [1, 2, 3]],
    ['States.ArrayUnique($.objects)', [{ a: 1 }, { a: 1, b: 2 }]],
    ["States.Base64Encode('Data to encode')", 'RGF0YSB0byBlbmNvZGU='],
    ["States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", 'Data to encode'],
    ["States.Hash('input data', 'MD5')", '812f45842bc6d66ee14572ce20db8e86'],
    ['States.JsonMerge($.o, $.p, false)', { a: 2, c: { d: 1 } }],
    ['States.JsonToString($.o)', '{"a":1}'],
    ["States.StringToJson('[1, null]')", [1, null]],
    ["States.StringToJson('')", null],
    ['States.MathAdd(1, -3)', -2],
    ['States.MathAdd(1.5, -1.5)', 1],
    ['States.MathAdd(1.49, 0)', 1],
    ["States.StringSplit('This.is+a,test=string', '.+,=')", ['This', 'is', 'a', 'test', 'string']],
    ["States.StringSplit(',,a,,b,', ',')", ['a', 'b']],
    ["States.StringSplit('a😀b😁', '😀')", ['a', 'b😁']],
    ["States.Format('Hello {}, {} {}', 'you', 1.5, true)", 'Hello you, 1.5 true'],
    ["States.Format('{} {}', null, $.o)", 'null {"a":1}'],
    [String.raw`States.Format('\{{}\} \'{}\' \\', 'a\{b', 2)`, `{a{b} '2' \\`],
    ["States.Format($.template, 'x')", 'n=x'],
    ["States.Format('{}', States.ArrayGetItem(States.StringSplit('a-b', '-'), 1))", 'b'],
    ["States.Format('{} {}', $$.State.Name, $$.Execution.Input.template)", 'P n={}'],
    ["States.StringSplit('a\nb', '\n')", ['a', 'b']],
  ])('%s', async (call, value) => {
    const input = {
      list: [1, 2, 3, 2, 1],
      o: { a: 1 },
      p: { a: 2, c: { d: 1 } },
      objects: [{ a: 1 }, { a: 1, b: 2 }, { b: 2, a: 1 }],
      template: 'n={}',
    }
    expect(await evaluate(call, input)).toEqual(value)
  })

  it.each(['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'])('hash by %s', async (algorithm) => {
    const digest = createHash(algorithm.toLowerCase().replace('-', '')).update('é').digest('hex')
    expect(await evaluate(`States.Hash('é', '${algorithm}')`)).toBe(digest)
  })

  it('draw numbers from the first, inclusive, to the second, exclusive', async () => {
    expect(await evaluate('States.MathRandom(1, 5)', {}, () => 0)).toBe(1)
    expect(await evaluate('States.MathRandom(1, 5)', {}, () => 0.999)).toBe(4)
    const seeded = await evaluate('States.MathRandom(-1000, 1000, 7)', {}, () => 0)
    expect(await evaluate('States.MathRandom(-1000, 1000, 7)', {}, () => 0.9)).toBe(seeded)
    const drawn = await Promise.all(
      Array.from({ length: 8 }, (_, i) => evaluate(`States.MathRandom(0, 1000000, ${i})`)),
    )
    expect(new Set(drawn).size).toBe(8)
  })

  it('make random UUIDs', async () => {
    const [a, b] = (await evaluate('States.Array(States.UUID(), States.UUID())')) as string[]
    expect(a).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(a).not.toBe(b)
  })

  it.each([
    ['States.ArrayPartition($.list, 0)', 'ArrayPartition'],
    ['States.ArrayPartition(1, 1)', 'ArrayPartition'],
    ['States.ArrayContains($.o, 1)', 'ArrayContains'],
    ['States.ArrayRange(1, 2, 0)', 'ArrayRange'],
    ['States.ArrayRange(1, 1001, 1)', 'ArrayRange'],
    ["States.ArrayRange('a', 2, 1)", 'ArrayRange'],
    ['States.ArrayGetItem($.list, 3)', 'ArrayGetItem'],
    ['States.ArrayGetItem($.list, -1)', 'ArrayGetItem'],
    ['States.ArrayGetItem($.list, 0.5)', 'ArrayGetItem'],
    ['States.ArrayLength($.o)', 'ArrayLength'],
    ['States.ArrayUnique($.o)', 'ArrayUnique'],
    ['States.Base64Encode(5)', 'Base64Encode'],
    ['States.Base64Encode($.long)', 'Base64Encode'],
    ["States.Base64Decode('not base64!')", 'Base64Decode'],
    ["States.Format('{}')", 'Format'],
    ["States.Format('', 1)", 'Format'],
    ["States.Format('{', 1)", "matching '}' not found"],
    ["States.Hash('a', 'sha-256')", 'Hash'],
    ["States.Hash($.o, 'MD5')", 'Hash'],
    ['States.JsonMerge($.o, $.o, true)', 'JsonMerge'],
    ['States.JsonMerge($.o, 1, false)', 'JsonMerge'],
    ["States.StringToJson('{')", 'StringToJson'],
    ["States.MathAdd(1, '1')", 'MathAdd'],
    ['States.MathRandom(1, 1)', 'MathRandom'],
    ["States.MathRandom(1, 5, 'x')", 'MathRandom'],
    ["States.StringSplit('a', '')", 'StringSplit'],
    ["States.StringSplit(1, ',')", 'StringSplit'],
  ])('%s fails the state', async (call, said) => {
    const input = { list: [1, 2, 3], o: {}, long: 'x'.repeat(10_001) }
    const answer = await evaluate(call, input)
    expect(answer).toContain(
      `States.Runtime: The function '${call}' had the following error: Invalid arguments in States.`,
    )
    expect(answer).toContain(said)
  })

  it('name the argument that leads nowhere, and the whole call', async () => {
    const call = "States.Format('{}', States.Array($.other[7]))"
    expect(await evaluate(call, { other: [] })).toBe(
      `States.Runtime: The function '${call}' had the following error: The JsonPath argument for ` +
        `the field '$.other[7]' could not be found in the input '{"other":[]}'`,
    )
  })

  it('take 10,000 characters, counted as characters', async () => {
    const input = { text: '😀'.repeat(10_000) }
    const encoded = await evaluate('States.Base64Encode($.text)', input)
    expect(encoded).toBe(Buffer.from(input.text).toString('base64'))
  })
})
