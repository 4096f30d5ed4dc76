import { describe, expect, it } from 'vitest'
import { memoryPorts } from '../../../platform/testing/index.ts'
import { estimateBatch } from '../../../tasks/planning/batch-plan.ts'
import { sketchDataset } from '../../../tasks/planning/dataset-sketch.ts'
import { nearLimits, type NearLimit } from '../../../tasks/planning/near-limits.ts'
import { deployedFunctions } from '../../../tasks/planning/places.ts'
import { planTraining } from '../../../tasks/planning/training-plan.ts'
import type { TrainingConfiguration } from '../../../tasks/training-configuration.ts'
import { irisNpy, npyOf } from '../../fixtures/iris.ts'
import { train } from '../../fixtures/train.ts'

async function limitsOf(bytes: Uint8Array, configuration: TrainingConfiguration, rows = 1e6) {
  const read = (start: number, end: number) => Promise.resolve(bytes.subarray(start, end))
  const sketch = await sketchDataset({ size: bytes.length, read }, 'npy', configuration)
  const plan = planTraining(sketch, configuration, deployedFunctions)
  return nearLimits(sketch, plan, estimateBatch({ rows, rowBytes: 40 }))
}

const named = (limits: readonly NearLimit[], name: string) =>
  limits.find(({ limit }) => limit === name)!

/** So many classes of three rows each. */
function manyClasses(classes: number): Uint8Array {
  return npyOf(
    Array.from({ length: classes * 8 }, (_, i) => [i + (i % 3) / 7, (i * 7919) % 97, i % classes]),
  )
}

describe('near limits', () => {
  it('stand in order, each with its share', async () => {
    const limits = await limitsOf(irisNpy(), {})
    for (const { used, most, share } of limits) expect(share).toBeCloseTo(used / most)
    const shares = limits.map(({ share }) => share)
    expect(shares).toEqual(shares.toSorted((a, b) => b - a))
    expect(named(limits, 'upload of a training').used).toBe(irisNpy().length)
    expect(named(limits, 'time of a function').most).toBe(900)
  })

  it.each([3, 60, 100])('reckon with what Evaluate answers of %i classes', async (classes) => {
    const configuration = { algorithms: ['decision-tree'], trials: 1 }
    const bytes = manyClasses(classes)
    const limits = await limitsOf(bytes, { ...configuration, task: 'classification' })
    const run = await train(memoryPorts(), 'uploads/many.npy', bytes, {
      configuration: { ...configuration, task: 'classification' },
    })
    const { evaluation } = run.calls['Register']![0] as { evaluation: object }
    const ratio = named(limits, 'output of a state').used / JSON.stringify(evaluation).length
    expect(ratio).toBeGreaterThan(0.6)
    expect(ratio).toBeLessThan(1.8)
  })

  it('reckon with the children of a batch, as far as they run at one time', async () => {
    const children = async (rows: number) =>
      named(await limitsOf(irisNpy(), {}, rows), 'children at one time').used
    expect(await children(10)).toBe(1)
    expect(await children(1e9)).toBe(8)
  })
})
