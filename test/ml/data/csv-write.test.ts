import { describe, expect, it } from 'vitest'
import { csvLineEnd, csvRecord, parseCsv, seededRandom } from '../../../ml/data/index.ts'

const encode = (text: string) => new TextEncoder().encode(text)
const header = 'a,b\n'

describe('csvRecord', () => {
  it('writes numbers that are read back as the same doubles', () => {
    const random = seededRandom(7)
    const view = new DataView(new ArrayBuffer(8))
    const numbers = [0, -0, 1e21, 1e300, 5e-324, 2 ** 53, 2 ** 60 + 2 ** 40, 0.1 + 0.2, -1e-7]
    while (numbers.length < 5000) {
      view.setUint32(0, random() * 2 ** 32)
      view.setUint32(4, random() * 2 ** 32)
      const value = view.getFloat64(0)
      if (Number.isFinite(value)) numbers.push(value, Math.trunc(value), Math.trunc(value % 1e22))
    }
    const text = header + numbers.map((value) => csvRecord([value, 1])).join('')
    const [column] = parseCsv(encode(text)).columns
    expect([...column!.values]).toEqual(numbers)
  })

  it('writes text that is read back as it was', () => {
    const random = seededRandom(8)
    const parts = [',', '"', '\n', '\r', ' ', '\t', '\uFEFF', 'x', '=', '\u00a0', "'", '\\', 'é']
    const texts = Array.from({ length: 3000 }, () =>
      Array.from(
        { length: 1 + random() * 5 },
        () => parts[Math.floor(random() * parts.length)],
      ).join(''),
    )
    for (const end of ['\n', '\r\n', '\r'] as const) {
      const text = `a,b${end}${texts.map((one) => csvRecord([one, 1], end)).join('')}`
      expect(csvLineEnd(encode(text))).toBe(end)
      expect(parseCsv(encode(text)).columns[0]!.values).toEqual(texts)
    }
  })

  it('writes a missing cell as none, and a record of nothing else as one', () => {
    expect(csvRecord([null, 1, ''])).toBe(',1,\n')
    expect(parseCsv(encode(`a\n${csvRecord([null])}${csvRecord([1])}`)).rows).toBe(2)
  })
})

describe('csvLineEnd', () => {
  it.each([
    ['a,b\r\n1,2\n', '\r\n'],
    ['"a\r\nb",c\n1,2', '\n'],
    ['a\r1\r', '\r'],
    ['a', '\n'],
  ])('of %j is %j', (text, end) => {
    expect(csvLineEnd(encode(text))).toBe(end)
  })
})
