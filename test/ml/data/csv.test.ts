import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { csvLimits, parseCsv } from '../../../ml/data/index.ts'
import { errorOf } from './npy-bytes.ts'

const csv = (text: string) => parseCsv(Buffer.from(text))

describe('parseCsv', () => {
  it('reads columns of numbers and of text', () => {
    expect(csv('a,b,c\n1,x,0.5\n-2e3,y,+.25\n')).toEqual({
      rows: 2,
      columns: [
        { name: 'a', kind: 'number', values: Float64Array.of(1, -2000) },
        { name: 'b', kind: 'text', values: ['x', 'y'] },
        { name: 'c', kind: 'number', values: Float64Array.of(0.5, 0.25) },
      ],
    })
  })

  it('takes a byte order mark, CRLF, quotes, blanks, empty lines and no last line end', () => {
    const table = csv('\ufeff"a, b" , c\r\n\r\n 1 ,"x ""y""\nz"\r\n2, w')
    expect(table.columns).toEqual([
      { name: 'a, b', kind: 'number', values: Float64Array.of(1, 2) },
      { name: 'c', kind: 'text', values: ['x "y"\nz', 'w'] },
    ])
  })

  it('reads missing cells as NaN among numbers and as no text among text', () => {
    const table = csv('a,b,c\n1,x,\n,,\nNA,NaN,NA\nNaN,null,NaN\nnull,y,null\n')
    expect(table.columns.map(({ values }) => [...values])).toEqual([
      [1, NaN, NaN, NaN, NaN],
      ['x', '', '', '', 'y'],
      [NaN, NaN, NaN, NaN, NaN],
    ])
    expect(table.columns[2]?.kind).toBe('number')
  })

  it('reads infinities, for validation to refuse, and nothing else that Number() takes', () => {
    expect(csv('a\ninf\n-Infinity\n').columns[0]?.values).toEqual(
      Float64Array.of(Infinity, -Infinity),
    )
    for (const cell of ['0x10', '1_000', '1e', '.', '-', '0b1', '1,5'].map((c) => `"${c}"`)) {
      expect(csv(`a\n${cell}\n1\n`).columns[0]?.kind, cell).toBe('text')
    }
  })

  it('reads a table without rows', () => {
    expect(csv('a,b\n')).toMatchObject({ rows: 0, columns: [{ name: 'a' }, { name: 'b' }] })
  })

  it('takes any text as a column name', () => {
    const names = ['__proto__', 'constructor', 'toString', '日本']
    const table = csv(`${names.join(',')}\n1,2,3,4\n`)
    expect(table.columns.map((column) => column.name)).toEqual(names)
    expect(table.columns[0]?.values).toEqual(Float64Array.of(1))
    expect(({} as Record<string, unknown>)['values']).toBeUndefined()
  })

  it('refuses a record with more or fewer cells, with its row and line', async () => {
    expect(await errorOf(() => csv('a,b\n1,2\n\n3\n'))).toMatchObject({
      name: 'CsvInvalid',
      row: 1,
      found: '1 cells',
      message: expect.stringMatching(/Row 2 .*line 4.* 1 cells.* 2 columns/) as unknown,
    })
    expect(await errorOf(() => csv('a,b\n1,2,3\n'))).toMatchObject({ row: 0, found: '3 cells' })
  })

  it('refuses a table without a usable header', async () => {
    for (const text of ['', '\n\n', '\ufeff', '1,2\n3,4\n', 'a,,c\n1,2,3\n', 'a,b,a\n1,2,3\n']) {
      expect(await errorOf(() => csv(text)), text).toMatchObject({ name: 'CsvInvalid' })
    }
    expect(await errorOf(() => csv('a,b, a\n1,2,3\n'))).toMatchObject({ column: 2, found: 'a' })
  })

  it('refuses bytes that are not UTF-8 text, with their offset', async () => {
    for (const [bytes, offset, found] of [
      [Buffer.from('a,b\n1,\x00\n'), 6, 'NUL'],
      [Buffer.from('a,é\n1,2\n', 'latin1'), 2, '0xe9'],
      [Buffer.concat([Buffer.from('é,b\n1,'), Buffer.of(0xff)]), 7, '0xff'],
      [Buffer.concat([Buffer.from('a\n'), Buffer.of(0xe2, 0x82)]), 2, '0xe2'],
    ] as const) {
      expect(await errorOf(() => parseCsv(bytes))).toMatchObject({
        name: 'CsvInvalid',
        offset,
        found,
      })
    }
    expect(await errorOf(() => parseCsv(Buffer.from('a\n1\n', 'utf16le')))).toMatchObject({
      found: 'NUL',
    })
  })

  it('refuses broken quotes and what goes over the limits', async () => {
    const wide = Array.from({ length: csvLimits.columns + 1 }, (_, j) => `c${j}`).join(',')
    for (const text of [
      'a,b\n"1,2\n',
      'a,b\n"1"x,2\n',
      'a,b\n1"x,2\n',
      `${wide}\n`,
      `a\n${'x'.repeat(csvLimits.recordBytes + 1)}\n`,
      `a\r${','.repeat(csvLimits.recordBytes + 1)}`,
      `a\n"${'long line\n'.repeat(csvLimits.recordBytes / 8)}"\n`,
    ]) {
      expect(await errorOf(() => csv(text)), text.slice(0, 20)).toMatchObject({
        name: 'CsvInvalid',
      })
    }
  })

  it('refuses an integer that a double cannot hold, and rounds fractions as ever', async () => {
    expect(await errorOf(() => csv('a,b\n1,9007199254740993\n'))).toMatchObject({
      name: 'IntegerInexact',
      row: 0,
      column: 1,
      found: '9007199254740993',
    })
    expect(csv('a\n9007199254740992\n+18014398509481984\n1e300\n').columns[0]?.values).toEqual(
      Float64Array.of(2 ** 53, 2 ** 54, 1e300),
    )
    expect(csv('a\n9007199254740993\nx\n').columns[0]?.kind).toBe('text')
  })

  it('reads a long cell that almost is a number in linear time', () => {
    const cell = `${'1'.repeat(500_000)}x`
    expect(csv(`a\n${cell}\n`).columns[0]?.values).toEqual([cell])
  })

  const diamonds = new URL('../../../../shared/data/diamonds.csv', import.meta.url)
  it.skipIf(!existsSync(diamonds))('reads the diamonds (when at hand beside this checkout)', () => {
    const table = parseCsv(readFileSync(diamonds))
    expect(table.rows).toBe(5000)
    expect(table.columns.map(({ name, kind }) => `${name}:${kind}`).join()).toBe(
      'carat:number,cut:text,color:text,clarity:text,depth:number,table:number,price:number,' +
        'x:number,y:number,z:number',
    )
  })
})
