import { pricesAsOf } from '../../tasks/planning/prices.ts'
import { simulateBatch, type BatchScenario } from './batches.ts'
import { rates, type PredictionRate } from './rates.ts'
import { simulateTenants, type TenantsScenario } from './tenants.ts'

const [logistic, forest, vectors] = rates.predictions as [
  PredictionRate,
  PredictionRate,
  PredictionRate,
]

/** The tables of docs/scale.md by their names, each computed when it is asked for. Seeded. */
export const tables = {
  rates: () =>
    table(
      ['model', 'a row, µs of one processor', 'of its result, bytes', 'of its file, kB'],
      rates.predictions.map(({ model, secondsPerRow, resultRowBytes, modelBytes }) => [
        model,
        digits(secondsPerRow * 1e6),
        String(resultRowBytes),
        whole(modelBytes / 1000),
      ]),
    ),
  sizes: () =>
    batchTable(
      [1e6, 1e8, 1e10].flatMap((rows) => [8, 100, 900].map((most) => batchOf(forest, rows, most))),
    ),
  models: () => batchTable([logistic, forest, vectors].map((model) => batchOf(model, 1e10, 900))),
  tenants: () =>
    table(
      [
        'uploads a minute',
        'transitions a second',
        'uploads',
        'trained',
        'failed',
        'timed out',
        'undelivered',
        'last one done after',
        'upload to model, median',
        '99th percentile',
        'starts refused',
        'invocations refused',
        'executions at one time',
      ],
      tenants.map(tenantsRow),
    ),
}

/** Of the fixed inputs of the page. */
export const facts = `Measured ${rates.date} on ${rates.machine}, Node ${rates.node}; prices as of ${pricesAsOf}.`

/** The first is simulated whole; of the others as much as is enough. */
const tenants: readonly TenantsScenario[] = [
  { thousands: 1, share: 1 },
  { thousands: 5, share: 1 / 30 },
  { thousands: 10, share: 1 / 30 },
  { thousands: 20, share: 1 / 50 },
  { thousands: 5, share: 1 / 10, transitionsPerSecond: 5000 },
  { thousands: 10, share: 1 / 50, transitionsPerSecond: 5000 },
]

function batchOf(rate: PredictionRate, rows: number, concurrency: number): Named {
  const { secondsPerRow, resultRowBytes, modelBytes, model } = rate
  const scenario = {
    rows,
    rowBytes: 8 * rates.cols,
    ...{ secondsPerRow, resultRowBytes, modelBytes, concurrency },
    accountConcurrency: 900,
  }
  return { model, scenario }
}

interface Named {
  readonly model: string
  readonly scenario: BatchScenario
}

function batchTable(batches: readonly Named[]): string {
  const heads = ['rows', 'model', 'at one time', 'children', 'waves', 'a child, s']
  const sums = ['transitions', 'requests', 'children done', 'joined', 'dollars', 'what binds']
  return table(
    [...heads, ...sums],
    batches.map(({ model, scenario }) => {
      const { estimate, map, dollars, binds } = simulateBatch(scenario)
      const { ranges, waves, childSeconds, transitions, seconds } = estimate
      const requests =
        estimate.s3Gets + estimate.s3Puts + ranges * requestsOfTable + map.invocations
      return [
        power(scenario.rows),
        model,
        String(scenario.concurrency),
        whole(ranges),
        whole(waves),
        digits(childSeconds),
        whole(transitions),
        count(requests),
        duration(map.seconds),
        duration(seconds.join),
        dollars.toFixed(dollars < 0.1 ? 3 : 2),
        binds,
      ]
    }),
  )
}

/** Reads of a child and its transaction. */
const requestsOfTable = 6

function tenantsRow(scenario: TenantsScenario): string[] {
  const { outcome, share } = simulateTenants(scenario)
  const scaled = (counted: number) => count(counted / share)
  const { uploads, succeeded, failed, timedOut, undelivered } = outcome
  return [
    whole(1000 * scenario.thousands),
    whole(scenario.transitionsPerSecond ?? 1500),
    // All digits, so that they add up.
    ...[uploads, succeeded, failed, timedOut, undelivered].map((counted) => whole(counted / share)),
    duration(outcome.seconds),
    duration(outcome.median),
    duration(outcome.p99),
    scaled(outcome.refusedStarts),
    scaled(outcome.throttled),
    scaled(outcome.peakExecutions),
  ]
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((_, j) => Math.max(...[heads, ...rows].map((row) => row[j]!.length)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, j) => cell.padEnd(widths[j]!)).join(' | ')} |`
  return [line(heads), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

function power(rows: number): string {
  return `10^${Math.round(Math.log10(rows))}`
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** Three digits of what is large. */
function count(value: number): string {
  return value < 1e5 ? whole(value) : whole(Number(value.toPrecision(3)))
}

function digits(value: number): string {
  return String(Number(value.toPrecision(2)))
}

function duration(seconds: number): string {
  if (seconds < 100) return `${digits(seconds)} s`
  return seconds < 6000 ? `${whole(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}
