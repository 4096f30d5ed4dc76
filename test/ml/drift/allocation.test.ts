import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { detectorClasses, type DetectorName } from './golden.ts'
import { goldenStreams } from './golden-streams.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** A boxed double takes 12 bytes or more; what is measured beside is the engine's own. */
const mostBytes = 4

describe('a million updates', () => {
  it('allocate nothing each, of any detector', async () => {
    // In a process that has run nothing else: what other tests do to a detector makes it another one
    // to the compiler.
    const script = join(import.meta.dirname, 'allocated-bytes.ts')
    const { stdout } = await promisify(execFile)(process.execPath, [
      // Compiled beside, it would be compiled late where the machine is busy.
      '--no-concurrent-recompilation',
      script,
    ])
    const allocated = JSON.parse(stdout) as Record<DetectorName, number>
    expect(Object.keys(allocated)).toEqual(Object.keys(detectorClasses))
    for (const bytes of Object.values(allocated)) expect(bytes).toBeLessThan(mostBytes)
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

function memory(): number {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return heapUsed + Math.max(external, arrayBuffers)
}
