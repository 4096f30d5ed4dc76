import { describe, expect, it } from 'vitest'
import { plotDrift } from '../../cli/drift-plot.ts'
import type { DriftStatus } from '../../tasks/drift-status.ts'

const time = '2026-02-01T00:00:00.000Z'
const window = { from: time, to: time, count: 100, deviation: 0.1 }

function streamOf(
  name: string,
  severity: 'low' | 'medium' | 'high',
  aways: readonly number[],
  drifts: readonly number[] = [],
): DriftStatus['streams'][number] {
  return {
    name,
    severity,
    count: 1600,
    skipped: 0,
    expected: { mean: 0, deviation: 1 },
    detectors: [],
    blocks: aways.map((away, i) => ({
      ...window,
      count: 16,
      mean: away,
      away,
      isDrift: drifts.includes(i),
    })),
  }
}

const status: DriftStatus = {
  model: 'ada/parts',
  version: 3,
  from: time,
  to: time,
  requests: 1500,
  rows: 1600,
  broken: 1,
  labels: { counted: 700, repeated: 2, replaced: 0, late: 0, unknown: 0 },
  metric: { name: 'accuracy', value: 0.51, rows: 500, registered: 0.97, registeredRows: 100 },
  streams: [
    streamOf('feature:length\u001b[2J of a part', 'low', [-4, -0.1, 0.1, 4]),
    streamOf('error', 'high', [0, 0, 3, 3], [2]),
  ],
  detections: [
    {
      source: 'serving',
      detection: 'a',
      model: 'ada/parts',
      version: 3,
      stream: 'error',
      detector: 'ADWIN',
      statistic: 0.5,
      threshold: 0.1,
      severity: 'high',
      before: { ...window, mean: 0.03 },
      after: { ...window, mean: 0.49 },
      changedSince: time,
      detectedAt: time,
    },
  ],
}

const plain = (_: unknown, text: string) => text
const plotted = (columns: number, of = status) => plotDrift(of, { columns, style: plain })

describe('the plot of drift', () => {
  it('has a row a stream, errors first, with a mark behind the block of a change', () => {
    const lines = plotted(80)
    const error = lines.findIndex((line) => line.startsWith('error'))
    expect(lines[error]).toMatch(/^error +1600 +\+3\.0 ▅▅█│█$/)
    expect(lines[error + 1]).toMatch(/^feature:length.* 1600 +\+4\.0 ▁▄▅█$/)
  })

  it('tells the metric beside that at registration, the labels, and detections in words', () => {
    const text = plotted(120).join('\n')
    expect(text).toContain('accuracy 0.5100 of the last 500 labels, 0.9700 of 100 rows')
    expect(text).toContain('700 labels, 2 repeated, 1 broken')
    expect(text).toContain(
      'error rose from 0.0300 to 0.4900 since 2026-02-01 00:00:00 (ADWIN, high)',
    )
  })

  it.each([20, 30, 40, 59, 60, 200])('fits its streams into %i columns', (columns) => {
    const long = Array.from({ length: 64 }, (_, i) => i % 4)
    const streams = [streamOf('feature:a rather long name of a column', 'low', long, [5, 60, 63])]
    const rows = plotted(columns, { ...status, streams }).filter((line) =>
      /[▁▂▃▄▅▆▇█]$|│$/.test(line),
    )
    expect(rows.length).toBeGreaterThan(0)
    for (const row of rows) expect([...row].length).toBeLessThanOrEqual(columns)
  })

  it('lets no name move the cursor, and uses colour only by its style', () => {
    expect(plotted(80).join('').includes('\u001b')).toBe(false)
  })

  it('says where nothing was served', () => {
    expect(plotted(80, { ...status, streams: [] })).toEqual([
      'ada/parts version 3  nothing served yet',
    ])
  })
})
