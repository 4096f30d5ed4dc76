import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  delayOf,
  earlyOf,
  errorDelayOf,
  errorEarlyOf,
  falseAlarmsAt,
  falseAlarmsOf,
} from '../../../bench/drift/cells.ts'
import { contenders, errorContenders } from '../../../bench/drift/contenders.ts'
import { distributions } from '../../../bench/drift/streams.ts'

const page = readFileSync(new URL('../../../docs/drift.md', import.meta.url), 'utf8')

describe('the tables of docs/drift.md', () => {
  it('have a row for each distribution and a column for each detector', () => {
    const published = tableOf('false alarms')
    expect([...published.keys()]).toEqual(Object.keys(distributions))
    for (const cells of published.values()) {
      expect([...cells.keys()]).toEqual(Object.keys(contenders))
    }
    expect([...tableOf('delays').keys()]).toEqual(Object.keys(contenders))
    expect([...tableOf('delays on errors').keys()]).toEqual(Object.keys(errorContenders))
  })

  it.each([
    ['PageHinkley, standardised', 'uniform in [0, 1)'],
    ['ADWIN, raw', 'exponential, mean 1'],
    ['HDDM_A, raw', 'Poisson, mean 4'],
    ['EDDM, outliers', 'yes or no, 10% yes'],
  ] as const)('give the false alarms of %s on %s as a rerun does', (contender, distribution) => {
    const published = tableOf('false alarms').get(distribution)!.get(contender)
    expect(falseAlarmsOf(contender, distribution)).toBe(published)
  })

  it('give the false alarms of DDM on errors as a rerun does', () => {
    expect(falseAlarmsAt('DDM', 0.01)).toBe(
      tableOf('false alarms on errors').get('0.01')!.get('DDM'),
    )
  })

  it.each([
    ['PageHinkley, raw', 'abrupt'],
    ['ADWIN, standardised', 'recurring'],
    ['DDM, outliers', 'variance'],
    ['HDDM_A, scaled', 'gradual'],
  ] as const)(
    'give the delay of %s at a change that is %s as a rerun does',
    (contender, change) => {
      const published = tableOf('delays').get(contender)!
      expect(delayOf(contender, change)).toBe(published.get(change))
      expect(earlyOf(contender)).toBe(published.get('fired before'))
    },
  )

  it('give the delay of errors as a rerun does', () => {
    const published = tableOf('delays on errors').get('EDDM')!
    expect(errorDelayOf('EDDM', 'recurring')).toBe(published.get('recurring'))
    expect(errorEarlyOf('EDDM')).toBe(published.get('fired before'))
  })
})

/** The cells of a published table: by row, then by column. */
function tableOf(name: string): Map<string, Map<string, string>> {
  const [, text] = new RegExp(`<!-- table: ${name} -->\n\n([^]*?)\n\n<!-- end of table`).exec(page)!
  const [heads, , ...rows] = text!.split('\n').map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  return new Map(
    rows.map((row) => [row[0]!, new Map(row.slice(1).map((cell, j) => [heads![j + 1]!, cell]))]),
  )
}
