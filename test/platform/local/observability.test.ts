import { describe, expect, it } from 'vitest'
import { jsonLogger, jsonMetrics } from '../../../platform/local/observability.ts'
import { ManualClock } from '../../../platform/testing/memory-observability.ts'

const clock = new ManualClock(Date.UTC(2026, 0, 1))
const time = '2026-01-01T00:00:00.000Z'

function lines() {
  const written: string[] = []
  return { stream: { write: (line: string) => written.push(line) }, written }
}

describe('log lines', () => {
  it('are JSON, one a line whatever is in them, from the level that was asked for', () => {
    const { stream, written } = lines()
    const logger = jsonLogger(stream, { clock, level: 'warn' })
    logger.debug('no')
    logger.info('no')
    logger.warn('two\nlines', { key: 'a\nb' })
    logger.error('bad', { level: 'forged', message: 'forged', time: 'forged' })
    expect(written.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true)
    expect(written.map((line) => JSON.parse(line) as unknown)).toEqual([
      { key: 'a\nb', time, level: 'warn', message: 'two\nlines' },
      { time, level: 'error', message: 'bad' },
    ])
  })

  it('begin at info when nothing is said', () => {
    const { stream, written } = lines()
    const logger = jsonLogger(stream, { clock })
    logger.debug('no')
    logger.info('yes')
    expect(written).toHaveLength(1)
  })
})

describe('measurements', () => {
  it('are JSON, one a line', () => {
    const { stream, written } = lines()
    jsonMetrics(stream, { clock }).record('rows', 3, 'Count', { model: 'a' })
    expect(written.map((line) => JSON.parse(line) as unknown)).toEqual([
      { time, metric: 'rows', value: 3, unit: 'Count', dimensions: { model: 'a' } },
    ])
  })
})
