import { describe, expect, it } from 'vitest'
import { csvLineEnd, CsvRecords, parseCsv } from '../../../ml/data/index.ts'

/** The records of a text, found while it comes in pieces of so many bytes. */
function recordsOf(text: string, pieceBytes: number): string[] {
  const bytes = new TextEncoder().encode(text)
  const records = new CsvRecords(csvLineEnd(bytes))
  const ends = [0]
  const onEnd = (end: number) => ends.push(end)
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    records.push(bytes.subarray(at, at + pieceBytes), onEnd)
  }
  records.end(onEnd)
  const decoder = new TextDecoder()
  return ends.slice(1).map((end, i) => decoder.decode(bytes.subarray(ends[i], end)))
}

describe('CsvRecords', () => {
  it.each([
    ['lines', 'a,b\n1,2\n3,4\n'],
    ['a last line without its end', 'a,b\n1,2\n3,4'],
    ['ends of two bytes', 'a,b\r\n1,"x\ny"\r\n3,4\r\n'],
    ['ends of one return', 'a,b\r1,"x\r\ny"\r3,4\r'],
    ['quotes in quotes', 'a,b\n"x""\n""",2\n"",""\n'],
    ['empty lines between', 'a,b\n\n1,2\n \n\n3,4\n\n\n'],
    ['one column with empty cells', 'a\n1\n""\nNaN\n" "\n""""\n'],
    ['a mark at the start', '\uFEFFa,b\n1,2\n'],
  ])('finds the records that parseCsv reads: %s', (_, text) => {
    const { rows } = parseCsv(new TextEncoder().encode(text))
    const whole = recordsOf(text, 1000)
    expect(whole).toHaveLength(rows + 1)
    for (const pieceBytes of [1, 2, 3, 7]) expect(recordsOf(text, pieceBytes)).toEqual(whole)
  })
})
