import { describe, expect, it } from 'vitest'
import { type Fields, run, workflow } from './support.ts'

/** A definition in JSONPath, the language's default. */
function machine(states: Record<string, Fields>): string {
  return JSON.stringify(workflow(states))
}

/** What a payload template makes of a path or an intrinsic function, or the failure. */
async function evaluate(query: string, input: unknown = {}) {
  const ran = await run(machine({ P: { Type: 'Pass', Parameters: { 'v.$': query }, End: true } }), {
    input,
  })
  return ran.status === 'SUCCEEDED'
    ? (ran.result as { v: unknown }).v
    : `${ran.error}: ${ran.cause?.replace(/^An error .*?\(entered at the event id #2\)\. /, '')}`
}

/** What a single state makes of an input, or the failure. */
async function through(state: Fields, input: unknown) {
  const ran = await run(machine({ S: { End: true, ...state } }), { input })
  return ran.status === 'SUCCEEDED' ? ran.result : `${ran.error}: ${ran.cause}`
}

const store = {
  book: [
    { category: 'reference', author: 'Rees', title: 'Sayings', price: 8.95 },
    { category: 'fiction', author: 'Waugh', title: 'Sword', price: 12.99, isbn: '0-1' },
    { category: 'fiction', author: 'Tolkien', title: 'Lord', price: 22.99, isbn: '0-2' },
  ],
  bicycle: { color: 'red', price: 19.95 },
}

describe('paths of random data', () => {
  it.each(Array.from({ length: 12 }, (_, seed) => seed))(
    'lead to each of its values, and ResultPath changes only its own place: %i',
    async (seed) => {
      const data = { root: randomValue(generator(seed), 4) }
      const places = placesIn(data.root, ['root'])
      const parameters = places.map((place) => ({ 'v.$': pathTo(place) }))
      const read = (await through({ Type: 'Pass', Parameters: { all: parameters } }, data)) as {
        all: { v: unknown }[]
      }
      expect(read.all.map(({ v }) => v)).toEqual(places.map((place) => valueAt(data, place)))

      for (const place of places.slice(0, 5)) {
        const changed = structuredClone(data)
        const last = place.at(-1)!
        ;(valueAt(changed, place.slice(0, -1)) as Record<string | number, unknown>)[last] = 'new'
        const fields = { Type: 'Pass', Result: 'new', ResultPath: pathTo(place) }
        expect(await through(fields, data)).toEqual(changed)
      }
    },
  )

  type Place = readonly (string | number)[]

  function randomValue(random: () => number, depth: number): unknown {
    const kind = Math.floor(random() * (depth === 0 ? 3 : 5))
    const length = Math.floor(random() * 4)
    if (kind === 0) return Math.floor(random() * 100)
    if (kind === 1) return [true, null, ''][length % 3]
    if (kind === 2) return 'text'
    const items = Array.from({ length }, () => randomValue(random, depth - 1))
    const names = ['a', 'b c', "it's", '__proto__', '0', 'é.$']
    return kind === 3
      ? items
      : Object.fromEntries(items.map((item, i) => [names[i + length]!, item]))
  }

  function placesIn(value: unknown, place: Place): Place[] {
    if (value === null || typeof value !== 'object') return [place]
    const names = Array.isArray(value) ? [...value.keys()] : Object.keys(value)
    const inner = names.flatMap((name) =>
      placesIn((value as Record<string | number, unknown>)[name], [...place, name]),
    )
    return [place, ...inner]
  }

  function valueAt(value: unknown, place: Place): unknown {
    return place.reduce((at, name) => (at as Record<string | number, unknown>)[name], value)
  }

  function pathTo(place: Place): string {
    const steps = place.map((name) =>
      typeof name === 'number' ? `[${name}]` : `['${name.replaceAll("'", "\\'")}']`,
    )
    return `$${steps.join('')}`
  }

  /** Uniform in [0, 1), the same for the same seed (mulberry32). */
  function generator(seed: number): () => number {
    let state = seed
    return () => {
      state = (state + 0x6d2b79f5) | 0
      let t = Math.imul(state ^ (state >>> 15), 1 | state)
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
    }
  }
})

describe('a definite path', () => {
  it.each<[string, unknown]>([
    ['$', { store }],
    ['$.store.bicycle.color', 'red'],
    ["$['store']['bicycle']['color']", 'red'],
    ['$["store"].bicycle', store.bicycle],
    ['$.store.book[0].author', 'Rees'],
    ['$.store.book[-1].author', 'Tolkien'],
    ["$.store.bicycle['color','price']", store.bicycle],
    ['$.store.book.length()', 3],
    ['$.store.bicycle.keys()', ['color', 'price']],
    ['$.store.book.last().author', 'Tolkien'],
  ])('answers one value: %s', async (path, value) => {
    expect(await evaluate(path, { store })).toEqual(value)
  })

  it.each<[string, unknown, unknown]>([
    ["$['a b']", { 'a b': 1 }, 1],
    ["$['it\\'s']", { "it's": 1 }, 1],
    [String.raw`$['a\"b']`, { 'a\\"b': 1 }, 1],
    [String.raw`$.a\.b`, { 'a.b': 1 }, 1],
    ['$.é1', { é1: 1 }, 1],
    ['$.a-b', { 'a-b': 1 }, 1],
    ['$.__proto__', JSON.parse('{"__proto__":1}'), 1],
    ['$.a', { a: null }, null],
    ['$[1]', [1, 2], 2],
  ])('takes odd names: %s', async (path, input, value) => {
    expect(await evaluate(path, input)).toEqual(value)
  })

  it.each([
    ['$.missing', {}],
    ['$.a.b.c', { a: {} }],
    ['$.a.b', { a: 'text' }],
    ['$.a[0]', { a: {} }],
    ['$.a[5].b', { a: [1] }],
    ['$.constructor', {}],
    ['$.a.length', { a: [1] }],
    ['$.a.sum()', { a: [1, 2] }],
    ['$.a.first()', { a: [] }],
    ['$x', {}],
    ['$$.Nothing', {}],
  ])('fails the state when it leads nowhere: %s', async (path, input) => {
    const answer = await evaluate(path, input)
    expect(answer).toMatch(
      /^States\.Runtime: The JSONPath '.*' specified for the field 'v\.\$' could/,
    )
  })

  it('names the path, the field and the input in the cause', async () => {
    expect(await evaluate('$.a.b', { c: 1 })).toBe(
      `States.Runtime: The JSONPath '$.a.b' specified for the field 'v.$' could not be found in the input '{"c":1}'`,
    )
  })

  it('answers null past the end of an array, as the service does in payload templates', async () => {
    expect(await evaluate('$.a[5]', { a: [1] })).toBeNull()
    expect(await through({ Type: 'Pass', InputPath: '$.a[5]' }, { a: [1] })).toContain(
      "Invalid path '$.a[5]' : No results for path: $['a'][5]",
    )
  })
})

describe('an indefinite path', () => {
  it.each<[string, unknown]>([
    ['$.store.book[*].author', ['Rees', 'Waugh', 'Tolkien']],
    ['$..author', ['Rees', 'Waugh', 'Tolkien']],
    ['$.store..price', [8.95, 12.99, 22.99, 19.95]],
    ['$.store.*.color', ['red']],
    ['$.store.book[0,2].author', ['Rees', 'Tolkien']],
    ['$.store.book[:2].author', ['Rees', 'Waugh']],
    ['$.store.book[1:].author', ['Waugh', 'Tolkien']],
    ['$.store.book[-2:].author', ['Waugh', 'Tolkien']],
    ["$..book[0]['author','title']", [{ author: 'Rees', title: 'Sayings' }]],
    ['$.store.book[?(@.isbn)].author', ['Waugh', 'Tolkien']],
    ['$.store.book[?(!@.isbn)].author', ['Rees']],
    ['$.store.book[?(@.price < 10)].author', ['Rees']],
    ['$.store.book[?(@.price <= $.store.bicycle.price)].author', ['Rees', 'Waugh']],
    ["$.store.book[?(@.category == 'fiction' && @.price > 20)].title", ['Lord']],
    ["$.store.book[?(@.author == 'Rees' || @.price > 20)].title", ['Sayings', 'Lord']],
    ["$.store.book[?(!(@.author == 'Rees'))].title", ['Sword', 'Lord']],
    ["$.store.book[?(@.author in ['Rees', 'Waugh'])].title", ['Sayings', 'Sword']],
    ['$.store.book[?(@.title =~ /l.*/i)].title', ['Lord']],
    ['$.store.book[?(@.title =~ /(s|l).*d/i)].title', ['Sword', 'Lord']],
    ["$.store[?(@.color != 'blue')].price", []],
    ['$..[?(@.color)].price', [19.95]],
    ['$.none[*]', []],
    ['$.none.deeper[1:]', []],
    ['$.store.book[7:]', []],
  ])('answers all that it finds: %s', async (path, value) => {
    expect(await evaluate(path, { store })).toEqual(value)
  })

  it.each<[string, unknown[], unknown]>([
    ['@ > 1', [1, 2, 3], [2, 3]],
    ["@ == '1'", [1, '1', true], [1, '1']],
    ['@ == null', [null, 0, false], [null]],
    ["@ < 'b'", ['a', 'b', 1], ['a']],
    ['@.a size 2', [{ a: [1, 2] }, { a: 'ab' }, { a: 1 }], [{ a: [1, 2] }, { a: 'ab' }]],
    ['@.a empty true', [{ a: [] }, { a: [1] }], [{ a: [] }]],
    ["@ contains 'x'", [['x'], 'axa', ['y'], 1], [['x'], 'axa']],
    ['@ subsetof [1, 2]', [[1], [1, 3]], [[1]]],
    ['@ anyof [1, 2]', [[1, 9], [3]], [[1, 9]]],
    ['@ noneof [1, 2]', [[1, 9], [3]], [[3]]],
    ['@ nin [1]', [1, 2], [2]],
    ['@ == {"a": [1]}', [{ a: [1] }, { a: [2] }], [{ a: [1] }]],
    ['@.missing == @.absent', [{}], [{}]],
    ['@.missing != 1', [{}], [{}]],
  ])('filters: %s of %j', async (condition, items, value) => {
    expect(await evaluate(`$[?(${condition})]`, items)).toEqual(value)
  })
})

describe('hostile paths and data', () => {
  it('ends a pattern that backtracks', async () => {
    const answer = await evaluate('$[?(@ =~ /(a+)+/)]', [`${'a'.repeat(50)}!`])
    expect(answer).toContain('took too long')
    expect(await evaluate('$[?(@ =~ /(a+)+/)]', ['aa', 'b'])).toEqual(['aa'])
  })

  it('bounds the values that it looks at', async () => {
    const items = Array.from({ length: 1200 }, (_, i) => i)
    expect(await evaluate('$[?(@ in $)][?(@ in $)]', items)).toEqual([])
    expect(await evaluate('$..*..*..*.none', nested(400))).toContain('looks at more than')
  })

  it('does not reach prototypes', async () => {
    const input = JSON.parse('{"__proto__":{"polluted":1},"a":1}') as unknown
    const template = { 'x.$': '$', '__proto__.$': '$.a' }
    const result = await through(
      { Type: 'Pass', Parameters: JSON.parse(JSON.stringify(template)) as Fields },
      input,
    )
    expect(Object.hasOwn(result as object, '__proto__')).toBe(true)
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })

  function nested(depth: number): unknown {
    return depth === 0 ? [1, 2] : [nested(depth - 1), depth]
  }
})
