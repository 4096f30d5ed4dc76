import { describe, expect, it } from 'vitest'
import { maxJsonNesting, repeatedName, surveyed } from '../../api/json-names.ts'
import { parseJson } from '../../api/requests.ts'

describe('a JSON body', () => {
  it.each([
    ['{"a":1,"a":2}', 'a'],
    ['[{"x" : 1, "y":2 ,"x"\n:3}]', 'x'],
    ['{"__proto__":1,"__proto__":{}}', '__proto__'],
    ['{"\\u0061":1,"a":2}', 'a'],
    ['{"a\\\\":1,"a\\\\":2}', 'a\\'],
    ['{"a":{"b":1},"c":[{"b":1,"d":"{","b":1}]}', 'b'],
  ])('%s has a name that stands twice in one object', (text, name) => {
    expect(repeatedName(text, JSON.parse(text))).toBe(name)
    expect(() => parseJson('application/json', text)).toThrow('twice')
  })

  it.each([
    '{"a":{"a":1},"b":"x:\\"y\\":"}',
    '[{"a":1},{"a":2}]',
    '{"a":["a:","a"],"b":":"}',
    '{"a\\"":1,"a":2}',
    '":"',
    '{}',
    '1',
    'null',
  ])('%s has none', (text) => {
    expect(repeatedName(text, JSON.parse(text))).toBeUndefined()
    expect(parseJson('application/json', text)).toEqual(JSON.parse(text))
  })

  it('nests no deeper than there is need for', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    expect(surveyed(nested(maxJsonNesting)).isTooDeep).toBe(false)
    expect(surveyed(`{"a":${nested(maxJsonNesting)}}`).isTooDeep).toBe(true)
    expect(surveyed(`["${nested(100)}"]`).isTooDeep).toBe(false)
    expect(() => parseJson('application/json', nested(3_000_000))).toThrow('nests')
    expect(() => parseJson('application/json', '{"a":'.repeat(1_000_000))).toThrow('nests')
  })

  it.each(['{"a', '"\\', '"\\"', '{"a":1', '[1,]', '', '{"a":1}}', 'NaN', '{"a":Infinity}'])(
    '%j is none',
    (text) => {
      expect(() => parseJson('application/json', text)).toThrow('not JSON')
    },
  )
})
