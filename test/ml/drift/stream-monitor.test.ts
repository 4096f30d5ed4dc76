import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../ml/data/index.ts'
import { maxBlocks, StreamMonitor, type StreamMonitorOptions } from '../../../ml/drift/index.ts'

const options: StreamMonitorOptions = {
  detectors: {
    ADWIN: { delta: 0.0002 },
    PageHinkley: { delta: 0.25, threshold: 50, alpha: 1 },
  },
  minimumEffect: 0.2,
}

const normal = (random: () => number) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

/** Where a stream's mean moves by `by` after `at` values, and back after as many again. */
function moving(at: number, by: number, seed = 1): number[] {
  const random = seededRandom(seed)
  return Array.from({ length: 3 * at }, (_, i) => normal(random) + (i >= at && i < 2 * at ? by : 0))
}

describe('StreamMonitor', () => {
  it('finds a change and its return, each about when it was', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const monitor = new StreamMonitor(options)
      const found = moving(400, 1, seed).flatMap((value, i) => monitor.update(value, i))
      const [rise, fall] = found.filter(
        ({ detectedAt }, i) => detectedAt !== found[i - 1]?.detectedAt,
      )
      expect(Math.abs(rise!.changedSince - 400)).toBeLessThanOrEqual(32)
      expect(Math.abs(fall!.changedSince - 800)).toBeLessThanOrEqual(32)
      expect(rise!.detectedAt).toBeLessThan(500)
      expect(rise!.after.mean - rise!.before.mean).toBeCloseTo(1, 0)
      expect(rise!.statistic).toBeGreaterThan(0)
      expect(rise!.before.count + rise!.after.count).toBe(rise!.detectedAt + 1)
    }
  })

  it('has all its detectors begin anew at a detection of one', () => {
    const monitor = new StreamMonitor(options)
    const at = moving(400, 1).findIndex((value, i) => monitor.update(value, i).length > 0)
    expect(at).toBeGreaterThan(400)
    expect(monitor.detectors.map(({ width }) => width)).toEqual([0, 0])
    expect(monitor.blocks.at(-1)!.isDrift).toBe(true)
  })

  it('goes on exactly from its state, wherever that was taken', () => {
    const values = moving(300, 0.8)
    const whole = new StreamMonitor(options)
    const detections = values.flatMap((value, i) => whole.update(value, i))
    expect(detections.length).toBeGreaterThan(0)
    let carried = new StreamMonitor(options)
    const found = values.flatMap((value, i) => {
      const state: unknown = JSON.parse(JSON.stringify(carried.state()))
      carried = StreamMonitor.from(state, options)
      return carried.update(value, i)
    })
    expect(found).toEqual(detections)
    expect(carried.state()).toEqual(whole.state())
  })

  it('is silent of a fall where only a rise matters, and starts anew from it', () => {
    const monitor = new StreamMonitor({ ...options, direction: 'up' })
    const values = moving(400, -1)
    const found = values.flatMap((value, i) => monitor.update(value, i))
    expect(found.every(({ changedSince }) => changedSince > 700)).toBe(true)
    expect(found.length).toBeGreaterThan(0)
  })

  it('is told what was before: a stream that begins elsewhere has changed', () => {
    const random = seededRandom(7)
    const monitor = new StreamMonitor(options)
    monitor.prime(
      Float64Array.from({ length: 200 }, () => normal(random)),
      -1,
    )
    const found = Array.from({ length: 100 }, (_, i) => i).flatMap((i) =>
      monitor.update(2 + normal(random), i),
    )
    expect(found[0]).toMatchObject({ changedSince: 0, before: { from: -1, to: -1, count: 200 } })
  })

  it('keeps a bounded history of all values, closer where it is recent', () => {
    const random = seededRandom(3)
    const monitor = new StreamMonitor(options)
    let sum = 0
    for (let i = 0; i < 50_000; i++) {
      const value = normal(random)
      sum += value
      monitor.update(value, i)
    }
    const { blocks } = monitor
    expect(blocks.length).toBeLessThanOrEqual(maxBlocks)
    expect(blocks.reduce((total, { count }) => total + count, 0)).toBe(50_000)
    expect(blocks.reduce((total, { count, mean }) => total + count * mean, 0)).toBeCloseTo(sum, 6)
    for (const [i, { from }] of blocks.slice(1).entries()) expect(from).toBe(blocks[i]!.to + 1)
    expect(blocks.at(-2)!.count).toBe(16)
    expect(Math.max(...blocks.map(({ count }) => count))).toBeLessThan(10_000)
  })

  it('raises no alarm in 200,000 values of streams that do not change', () => {
    const streams: ((random: () => number) => number)[] = [
      normal,
      (random) => -Math.log(1 - random()) - 1,
      (random) => (random() < 0.02 ? 1 : 0),
      (random) => (random() < 0.5 ? 1 : 0),
    ]
    const flags: StreamMonitorOptions = {
      detectors: {
        ADWIN: { delta: 0.0002 },
        PageHinkley: { delta: 0.1, threshold: 15, alpha: 1 },
        DDM: { warmStart: 100, driftThreshold: 4 },
      },
      minimumEffect: 0.05,
      leastDeviation: 0.2,
    }
    for (const [s, draw] of streams.entries()) {
      const random = seededRandom(40 + s)
      const monitor = new StreamMonitor(s < 2 ? options : flags)
      const found = []
      for (let i = 0; i < 50_000; i++) found.push(...monitor.update(draw(random), i))
      expect(found).toEqual([])
    }
  })

  it('is blinded by nothing: no numbers, the largest ones, constants', () => {
    const monitor = new StreamMonitor(options)
    for (const value of [NaN, Infinity, -Infinity, 1e300, -1e300]) monitor.update(value, 0)
    expect(monitor).toMatchObject({ skipped: 5, count: 0 })
    for (let i = 0; i < 500; i++) expect(monitor.update(7, i)).toEqual([])
    const found = Array.from({ length: 100 }, (_, i) => monitor.update(9, 500 + i)).flat()
    expect(found[0]!.after.mean).toBeGreaterThan(found[0]!.before.mean)
  })

  it.each([
    [{ detectors: {}, direction: 'down' }],
    [{ detectors: { DDM: { warmStart: -1 } } }],
    [{ detectors: { KSWIN: {} } }],
    [{ detectors: {}, minimumEffect: NaN }],
    [{ detectors: {}, colour: 'red' }],
    [null],
  ])('refuses the options %j', (given) => {
    const make = () => new StreamMonitor(given as StreamMonitorOptions)
    expect(make).toThrow(expect.objectContaining({ name: 'DriftOptionsInvalid' }))
  })

  it('refuses a state that is none, or of other detectors', () => {
    const state = new StreamMonitor(options).state()
    const broken: unknown[] = [
      null,
      {},
      { ...state, count: -1 },
      { ...state, blocks: { ...state.blocks, counts: [0] } },
      { ...state, detectors: state.detectors.slice(1) },
      { ...state, detectors: [{}, {}] },
    ]
    for (const one of broken) {
      expect(() => StreamMonitor.from(one, options)).toThrow(
        expect.objectContaining({ name: 'DriftStateInvalid' }),
      )
    }
  })
})
