import { describe, expect, it } from 'vitest'
import {
  csvLimits,
  csvLineEnd,
  datasetFromCsv,
  parseCsv,
  readCsvDataset,
  seededRandom,
} from '../../../ml/data/index.ts'
import { CsvValues } from '../../../ml/data/csv-values.ts'
import { errorOf } from './npy-bytes.ts'

type Options = { target?: string | null }

/** What the table is as a whole: a dataset, its columns and its line ends, or why it is none. */
function whole(bytes: Uint8Array, options: Options) {
  const table = parseCsv(bytes)
  return {
    dataset: datasetFromCsv(table, { ...options, text: 'categories' }),
    columns: table.columns.map(({ name, kind }) => ({ name, kind })),
    lineEnd: csvLineEnd(bytes),
  }
}

/** The same while its bytes come in blocks, in memory that is overwritten by the next one. */
function streamed(bytes: Uint8Array, blockBytes: number, options: Options) {
  const block = new Uint8Array(new SharedArrayBuffer(blockBytes))
  const read = async (start: number, end: number) => {
    block.fill(0x22)
    block.set(bytes.subarray(start, end))
    return block.subarray(0, end - start)
  }
  return readCsvDataset({ size: bytes.length, read }, blockBytes, options)
}

async function outcomeOf(make: () => unknown): Promise<unknown> {
  try {
    return await make()
  } catch (error) {
    const { name, message, offset, found, row, column } = error as Record<string, unknown>
    return { name, message, offset, found, row, column }
  }
}

const encode = (text: string) => new TextEncoder().encode(text)

describe('a CSV that is read block by block', () => {
  it('is what it is as a whole, wherever its bytes are cut: made tables', async () => {
    const random = seededRandom(8)
    const kinds = new Map<string, number>()
    for (let k = 0; k < 300; k++) {
      const bytes = madeTable(random)
      const options = pick(random, [{}, {}, { target: null }, { target: 'a' }, { target: 'none' }])
      const expected = await outcomeOf(() => whole(bytes, options))
      const { name = 'read' } = expected as { name?: string }
      kinds.set(name, (kinds.get(name) ?? 0) + 1)
      for (const blockBytes of [1, 2 + Math.floor(random() * 40), 5000]) {
        const got = await outcomeOf(() => streamed(bytes, blockBytes, options))
        expect(got, `${blockBytes}: ${Buffer.from(bytes).toString('latin1')}`).toEqual(expected)
      }
    }
    // The tables are of all sorts.
    expect([...kinds.keys()].sort()).toEqual(
      ['CsvInvalid', 'IntegerInexact', 'ShapeInvalid', 'TargetNotFound', 'read'].sort(),
    )
    for (const [kind, count] of kinds) expect(count, kind).toBeGreaterThan(1)
    expect(kinds.get('read')).toBeGreaterThan(100)
  })

  const long = 'x'.repeat(csvLimits.recordBytes)
  it.each([
    ['a long line', `a,b\n1,2\n${long}${long}y\n1\n`],
    ['a long line at the end', `a,b\n1,2\n1,${long}`],
    ['a line that is as long as can be', `a,b\n1,${long.slice(2)}\n`],
    ['a long line before text that is not UTF-8', `a,b\n${long}${long}\n\xff`],
    ['a long line before a NUL byte', `a,b\n${long}${long}\n\xff\0`],
    ['a long record', `a,b\n1,"${'lines\n'.repeat(csvLimits.recordBytes / 5)}"\n`],
    ['a ragged row before a long line', `a,b\n1\n${long}${long}\n`],
    [
      'too many columns',
      `${Array.from({ length: csvLimits.columns + 1 }, (_, j) => `c${j}`).join()}\n`,
    ],
  ])('is refused as it is as a whole: %s', async (_, text) => {
    const bytes = Buffer.from(text, 'latin1')
    const expected = await outcomeOf(() => whole(bytes, {}))
    for (const blockBytes of [100_003, 4_000_000]) {
      expect(await outcomeOf(() => streamed(bytes, blockBytes, {}))).toEqual(expected)
    }
  })

  it.each([
    ['rows as all the others', ''],
    [
      'a cell that is longer than what is parsed at a time',
      `"${'two\nlines ""'.repeat(20_000)}",3\n`,
    ],
    ['a quote after a vertical tab', '\v"x" ,3\n'],
    ['line ends of another kind', '1,2\r\n3,4\r\n'],
    ['a ragged row late', '1,2\n3\n'],
    ['a broken quote late', '1,"2"x\n'],
    ['a quote that is left open', '1,"2\n'],
  ])('is what it is as a whole where it has many rows: %s', async (_, rows) => {
    const plain = (from: number) =>
      Array.from({ length: 3000 }, (_, i) => `${(i + from) / 8}, "é ${i % 3}"\n`).join('')
    const bytes = encode(`a,b\n${plain(0)}${rows}${plain(7)}`)
    const expected = await outcomeOf(() => whole(bytes, {}))
    for (const blockBytes of [1009, 65_536, 4_000_000]) {
      expect(await outcomeOf(() => streamed(bytes, blockBytes, {}))).toEqual(expected)
    }
  })

  it('is read again as far as there are numbers in a column of text, and no further', async () => {
    const lines = Array.from({ length: 1000 }, (_, i) => `${i === 200 ? 'x' : `0${i % 9}.0`},1`)
    const bytes = encode(`a,b\n${lines.join('\n')}\n`)
    const starts: number[] = []
    const read = async (start: number, end: number) => {
      starts.push(start)
      return bytes.subarray(start, end)
    }
    const { dataset } = await readCsvDataset({ size: bytes.length, read }, 1000)
    expect(dataset.categories?.[0]).toEqual([...'012345678'].map((k) => `0${k}.0`).concat('x'))
    expect(starts.filter((start) => start < 1400)).toEqual([0, 1000, 0, 1000])
    expect(starts.filter((start) => start > 2000)).toHaveLength(Math.ceil(bytes.length / 1000) - 3)
  })

  it('is refused when the source is cut short', async () => {
    const read = async (start: number, end: number) => encode('a,b\n1,2\n').subarray(start, end)
    expect(await errorOf(() => readCsvDataset({ size: 10, read }, 4))).toMatchObject({
      name: 'CsvInvalid',
      offset: 8,
    })
  })
})

describe('the values of a CSV', () => {
  it('grow by chunks, and come in the order of their rows', () => {
    // Two columns, of which the second is known to be text in its 35th row: chunks of 10 rows.
    const values = new CsvValues(2, 20)
    const cells = Array.from({ length: 57 }, (_, i) => [`${i}`, i === 34 ? 'x' : `${i % 3}`])
    cells.forEach((row, i) => values.add(row, i))
    expect(values.rowsToRepeat).toBe(34)
    cells.slice(0, 34).forEach((row, i) => values.repeat(row, i))
    const labels = values.labels()
    expect(labels).toEqual([null, ['0', '1', '2', 'x']])
    const taken: number[][] = []
    values.drain(labels, 57, (chunk, first) => {
      for (let at = 0; at < chunk.length; at += 2) {
        taken[first + at / 2] = [chunk[at]!, chunk[at + 1]!]
      }
    })
    expect(taken).toEqual(cells.map((_, i) => [i, i === 34 ? 3 : i % 3]))
  })
})

function pick<T>(random: () => number, choices: readonly T[]): T {
  return choices[Math.floor(random() * choices.length)]!
}

const numbers = [
  ...['0', '-0', '1', '2.50', '1e3', '-7', '.5', '9007199254740992', 'inf', 'NA', ''],
  ...['0.30000000000000004', '1e-400', '\t7 ', '\u00a02', '"8"'],
]
const texts = [
  'x',
  'é',
  '日本',
  '😀',
  'a b',
  ' pad ',
  ' "q" ',
  '\v"v"',
  '"a" "b"',
  '" 1"',
  '"q"',
  '"a, b"',
  '"a""b"',
  '"l\nm"',
  '"r\r\ns"',
  '__proto__',
  '\u00a0n',
  '""',
  'null',
  '1.0',
]

/** A table, mostly a good one. */
function madeTable(random: () => number): Uint8Array {
  const chance = (share: number) => random() < share
  const lineEnd = pick(random, ['\n', '\r\n', '\r'])
  const width = chance(0.1) ? 1 : 2 + Math.floor(random() * 3)
  const rows = chance(0.1) ? 0 : Math.floor(random() * 12)
  const names = ['a', '"b, c"', 'ü', ' d ', 'e'].slice(0, width)
  // From which row on there may be text.
  const textFrom = names.map(() => pick(random, [0, 0, 1, 3, 8, Infinity, Infinity]))
  const lines = Array.from({ length: rows }, (_, i) =>
    textFrom
      .map((from) => pick(random, i >= from && chance(0.7) ? texts : numbers))
      .map((cell) => (chance(0.01) ? '9007199254740993' : cell))
      .join(','),
  )
  const blank = () => (chance(0.1) ? pick(random, [lineEnd, ` ${lineEnd}`, lineEnd + lineEnd]) : '')
  const body = [names.join(','), ...lines].map((line) => blank() + line + lineEnd).join('')
  const text = (chance(0.2) ? '\ufeff' : '') + body + blank()
  const bytes = Buffer.from(chance(0.3) ? text.trimEnd() : text)
  return chance(0.45) ? broken(bytes, random) : bytes
}

const scraps = [
  ',',
  '"',
  '\n',
  '\r',
  '1',
  ' ',
  ',9007199254740993',
  '\0',
  '\xff',
  '\xe2\x82',
  '"x"y',
  '\u00a0',
]

/** With something put in, or cut off. */
function broken(bytes: Buffer, random: () => number): Uint8Array {
  const at = Math.floor(random() * (bytes.length + 1))
  if (random() < 0.2) return bytes.subarray(0, at)
  const scrap = Buffer.from(pick(random, scraps), 'latin1')
  return Buffer.concat([bytes.subarray(0, at), scrap, bytes.subarray(at)])
}
