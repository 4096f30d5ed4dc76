/**
 * Writes the tables of docs/drift.md anew, between its markers. Seeded: the same on every machine.
 *
 *     node bench/drift/table.ts
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  changeNames,
  delayOf,
  earlyOf,
  errorDelayOf,
  errorEarlyOf,
  falseAlarmsAt,
  falseAlarmsOf,
} from './cells.ts'
import {
  contenders,
  errorContenders,
  type ContenderName,
  type ErrorContenderName,
} from './contenders.ts'
import { distributions, type DistributionName } from './streams.ts'

const page = join(import.meta.dirname, '../../docs/drift.md')
const features = Object.keys(contenders) as ContenderName[]
const errors = Object.keys(errorContenders) as ErrorContenderName[]
const rates = [0.01, 0.05, 0.1, 0.2, 0.3, 0.5]
const errorChanges = changeNames.filter((change) => change !== 'variance')

const tables = {
  'false alarms': table(
    ['distribution', ...features],
    (Object.keys(distributions) as DistributionName[]).map((distribution) => [
      distribution,
      ...features.map((contender) => falseAlarmsOf(contender, distribution)),
    ]),
  ),
  'false alarms on errors': table(
    ['error rate', ...errors],
    rates.map((rate) => [
      String(rate),
      ...errors.map((contender) => falseAlarmsAt(contender, rate)),
    ]),
  ),
  delays: table(
    ['detector', ...changeNames, 'fired before'],
    features.map((contender) => [
      contender,
      ...changeNames.map((change) => delayOf(contender, change)),
      earlyOf(contender),
    ]),
  ),
  'delays on errors': table(
    ['detector', ...errorChanges, 'fired before'],
    errors.map((contender) => [
      contender,
      ...errorChanges.map((change) => errorDelayOf(contender, change)),
      errorEarlyOf(contender),
    ]),
  ),
}

let text = readFileSync(page, 'utf8')
for (const [name, lines] of Object.entries(tables)) {
  const markers = new RegExp(`(<!-- table: ${name} -->\n)[^]*?(\n<!-- end of table -->)`)
  if (!markers.test(text)) throw new Error(`docs/drift.md has no place for the table "${name}"`)
  text = text.replace(markers, (_, start: string, end: string) => `${start}\n${lines}\n${end}`)
}
writeFileSync(page, text)

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((_, j) => Math.max(...[heads, ...rows].map((row) => row[j]!.length)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, j) => cell.padEnd(widths[j]!)).join(' | ')} |`
  return [line(heads), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
