import { afterEach, describe, expect, it, vi } from 'vitest'
import { powertoolsMetrics } from '../../../platform/aws/function-metrics.ts'
import { RecordingLogger } from '../../../platform/testing/memory-observability.ts'

interface Line {
  readonly [name: string]: unknown
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string
      readonly Dimensions: readonly (readonly string[])[]
      readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[]
    }[]
  }
}

/** The lines that `work` writes to standard output. */
function linesOf(work: () => void): Line[] {
  const written: string[] = []
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    written.push(String(chunk))
    return true
  })
  work()
  vi.restoreAllMocks()
  return written.map((line) => JSON.parse(line) as Line)
}

afterEach(() => vi.restoreAllMocks())

describe('the metrics of a function', () => {
  it('are handed over when they are flushed, one line for each set of dimensions', () => {
    const metrics = powertoolsMetrics(new RecordingLogger())
    const lines = linesOf(() => {
      metrics.record('ModelsRegistered', 1, 'Count', { algorithm: 'svc' })
      metrics.record('ModelsRegistered', 2, 'Count', { algorithm: 'majority' })
      metrics.record('FitTime', 12.5, 'Milliseconds', { algorithm: 'svc' })
      metrics.flush()
    })
    expect(lines).toMatchObject([
      { algorithm: 'svc', ModelsRegistered: 1, FitTime: 12.5 },
      { algorithm: 'majority', ModelsRegistered: 2 },
    ])
    const [{ Namespace, Dimensions, Metrics } = {}] = lines[0]!._aws.CloudWatchMetrics
    expect(Namespace).toBe('Millrace')
    expect(Dimensions).toEqual([['service', 'algorithm']])
    expect(Metrics).toEqual([
      { Name: 'ModelsRegistered', Unit: 'Count' },
      { Name: 'FitTime', Unit: 'Milliseconds' },
    ])
  })

  it('are handed over once, and nothing is written where there are none', () => {
    const metrics = powertoolsMetrics(new RecordingLogger())
    const lines = linesOf(() => {
      metrics.record('Sweeps', 1, 'Count')
      metrics.flush()
      metrics.flush()
    })
    expect(lines).toHaveLength(1)
    expect(lines[0]!._aws.CloudWatchMetrics[0]!.Dimensions).toEqual([['service']])
  })

  it('keep their dimensions when there are more than one line takes', () => {
    const metrics = powertoolsMetrics(new RecordingLogger())
    const lines = linesOf(() => {
      for (let i = 0; i < 250; i++) metrics.record('Rows', i, 'Count', { kind: 'seen' })
      metrics.flush()
    })
    expect(lines.every(({ kind }) => kind === 'seen')).toBe(true)
    const values = lines.flatMap(({ Rows }) => Rows as number[])
    expect(values).toEqual(Array.from({ length: 250 }, (_, i) => i))
  })

  it('never fail the work that they tell of', () => {
    const logger = new RecordingLogger()
    const metrics = powertoolsMetrics(logger)
    const lines = linesOf(() => {
      metrics.record('', 1, 'Count')
      metrics.record('Rows', Number.NaN, 'Count', { Rows: 'a metric and a dimension' })
      metrics.record('Kept', 1, 'Count', { of: 'others' })
      metrics.flush()
    })
    expect(lines).toMatchObject([{ Kept: 1, of: 'others' }])
    expect(logger.lines.length).toBeGreaterThan(0)
  })
})
