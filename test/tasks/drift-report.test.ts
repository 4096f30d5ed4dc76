import { beforeAll, describe, expect, it } from 'vitest'
import type { ServingDrift } from '../../events/index.ts'
import type { DriftStatus } from '../../tasks/drift-status.ts'
import { makeDriftReport } from '../../tasks/reporting/make-drift-report.ts'
import { ReadPage } from './report-page.ts'

const minute = (n: number) => new Date(Date.UTC(2026, 1, 1, 0, n)).toISOString()

const blocks = Array.from({ length: 20 }, (_, i) => ({
  from: minute(i),
  to: minute(i + 1),
  count: 16,
  mean: i < 15 ? 0.1 : 0.6,
  deviation: 0.3,
  away: i < 15 ? 0 : 1.7,
  isDrift: i === 19,
}))

const status: DriftStatus = {
  model: 'ada/parts',
  version: 4,
  from: minute(0),
  to: minute(20),
  requests: 300,
  rows: 320,
  broken: 2,
  labels: { counted: 310, repeated: 3, replaced: 2, late: 1, unknown: 5 },
  metric: { name: 'accuracy', value: 0.41, rows: 310, registered: 0.9, registeredRows: 100 },
  streams: [
    {
      name: 'error',
      severity: 'high',
      count: 320,
      skipped: 7,
      expected: { mean: 0.1, deviation: 0.3 },
      blocks,
      detectors: [{ detector: 'ADWIN', estimation: 0.6, width: 80 }],
    },
  ],
  detections: [],
}

const found: ServingDrift = {
  source: 'serving',
  detection: 'd1',
  model: 'ada/parts',
  version: 4,
  stream: 'error',
  detector: 'ADWIN',
  statistic: 0.5,
  threshold: 0.2,
  severity: 'high',
  before: { from: minute(0), to: minute(15), count: 240, mean: 0.1, deviation: 0.3 },
  after: { from: minute(15), to: minute(20), count: 80, mean: 0.6, deviation: 0.49 },
  changedSince: minute(15),
  detectedAt: minute(20),
}

const pageOf = async (status: DriftStatus, detections: ServingDrift[]) =>
  new ReadPage(await makeDriftReport.run({ status, detections }))

describe('the page about drift', () => {
  let page: ReadPage
  beforeAll(async () => {
    page = await pageOf(status, [found])
  })

  it('tells what was served, how it was labelled and how well it was answered', () => {
    expect([page.fact('Requests'), page.fact('Rows'), page.fact('Broken records')]).toEqual([
      '300',
      '320',
      '2',
    ])
    expect(page.fact('Other labels')?.replace(/\s+/g, ' ')).toBe(
      '3 repeated, 2 replaced, 1 late, 5 unknown',
    )
    expect(page.fact('Served accuracy')).toBe('0.41 on 310 rows')
    expect(page.fact('Registered accuracy')).toBe('0.9 on 100 rows')
  })

  it('lists detections with the windows before and after', () => {
    expect(page.table('Changes that were detected, the newest first')).toEqual([
      [
        '2026-02-01 00:20:00 UTC',
        'error',
        'high',
        'ADWIN',
        ...['0.5', '0.2', '0.1', '0.6'],
        '2026-02-01 00:15:00 UTC',
      ],
    ])
    expect(page.html).toContain('Before: 240 values')
    expect(page.html).toContain('After: 80 values')
  })

  it('describes each stream beside what is expected of it', () => {
    const [error] = page.table('What is watched: the latest block beside what is expected')
    expect(error).toEqual([
      ...['error', 'high', '320', '7', '0.1 ± 0.3', '0.6', '1.7'],
      'ADWIN 0.6 of 80',
    ])
  })

  it('marks a detection where it was, and none in a stream without', async () => {
    const marks = (drawn: ReadPage) => drawn.all('g[stroke="var(--bad)"] line').length
    expect(marks(page)).toBe(1)
    expect(marks(await pageOf(status, []))).toBe(0)
    const elsewhere = { ...found, stream: 'missing' }
    expect(marks(await pageOf(status, [elsewhere]))).toBe(0)
  })

  it('draws what was served, and not what the version was trained on long before', async () => {
    const trained = {
      ...blocks[0]!,
      from: '2020-01-01T00:00:00.000Z',
      to: '2020-01-01T00:00:00.000Z',
    }
    const merged = { ...blocks[0]!, from: trained.from }
    const dots = (drawn: ReadPage) => drawn.all('figure circle').length
    const withFirst = (first: object[]) =>
      pageOf(
        {
          ...status,
          streams: [{ ...status.streams[0]!, blocks: [...first, ...blocks.slice(1)] as never }],
        },
        [],
      )
    expect(dots(await withFirst([trained, blocks[0]!]))).toBe(20)
    const partly = await withFirst([merged])
    expect([dots(partly), partly.html.includes('2020')]).toEqual([20, false])
  })

  it('is readable before anything was served', async () => {
    const nothing = { ...status, from: null, to: null, metric: null, streams: [] }
    const empty = await pageOf(nothing, [])
    expect(empty.html).toContain('Nothing was served yet.')
    expect(empty.html).toContain('No change was detected.')
    expect(empty.html).not.toMatch(/NaN|undefined|null/)
  })

  it('has names of streams as text alone', async () => {
    const name = 'feature:</title><script>alert("1")</script>'
    const stream = { ...status.streams[0]!, name }
    const hostile = await pageOf({ ...status, streams: [stream] }, [{ ...found, stream: name }])
    expect(hostile.reaching()).toEqual([])
    expect(hostile.html).not.toContain('<script')
    expect(hostile.table('Changes that were detected, the newest first')[0]![1]).toBe(name)
  })

  it('stays bounded with every stream and many detections', async () => {
    const streams = Array.from({ length: 63 }, (_, i) => ({
      ...status.streams[0]!,
      name: `feature:${i}`,
      blocks: Array.from({ length: 64 }, (_, k) => ({ ...blocks[k % 20]!, from: minute(k) })),
    }))
    const detections = Array.from({ length: 100 }, (_, i) => ({ ...found, stream: `feature:${i}` }))
    const large = await pageOf({ ...status, streams }, detections)
    expect(large.html.length).toBeLessThan(2_000_000)
    expect(large.html).toContain('Drawn are the latest 20.')
  })
})
