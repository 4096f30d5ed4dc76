import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { detectorClasses, type DetectorName } from './golden.ts'
import { goldenStreams } from './golden-streams.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** A boxed double takes 12 bytes or more; what is measured beside is the engine's own. */
const mostBytes = 4
const updates = 1_000_000

describe('a million updates', () => {
  it.each(Object.keys(detectorClasses) as DetectorName[])('of %s allocate nothing each', (name) => {
    const detector = new detectorClasses[name]({})
    const stream = name === 'PageHinkley' || name === 'ADWIN' ? 'levels' : 'errorsRecurring'
    const values = boxed(goldenStreams[stream]())
    const run = () => {
      for (let i = 0; i < updates; i++) detector.update(values[i % values.length]!)
    }
    // Compiled by the first run, measured by the second; a collection in between only takes away.
    run()
    collect()
    const before = process.memoryUsage().heapUsed
    run()
    const grown = process.memoryUsage().heapUsed - before
    expect(grown / updates).toBeLessThan(mostBytes)
  })

  it('leave an ADWIN at no more than 1.5 kB beside its buckets', () => {
    const values = goldenStreams.levels()
    collect()
    const before = memory()
    const detectors = Array.from({ length: 2000 }, () => new detectorClasses.ADWIN())
    for (const detector of detectors) values.subarray(0, 500).forEach((x) => detector.update(x))
    collect()
    const each = (memory() - before) / detectors.length
    const buckets = 16 * detectors[0]!.state().buckets.totals.length
    expect(each - buckets).toBeLessThan(1536)
  })
})

/** The values as objects made beforehand: passing a bare double to a call may make one each time. */
function boxed(values: Float64Array): number[] {
  const elements: unknown[] = ['not a number', ...values]
  return elements.slice(1) as number[]
}

function memory(): number {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return heapUsed + Math.max(external, arrayBuffers)
}
