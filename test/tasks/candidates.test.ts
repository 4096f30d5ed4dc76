import { expect, it } from 'vitest'
import type { Dataset, Split } from '../../ml/data/index.ts'
import { candidatesFor, sizeToLearn } from '../../tasks/candidates.ts'

const dataset: Dataset = {
  features: { data: new Float64Array(3 * 20), rows: 20, cols: 3 },
  featureNames: ['size', 'city', 'colour'],
  target: Float64Array.from({ length: 20 }, (_, i) => i % 4),
  targetName: null,
  textFeatures: [],
  categories: [null, Array.from({ length: 50 }, (_, k) => `city ${k}`), ['red', 'green']],
}
const split: Split = { train: Int32Array.of(0, 1, 2, 4, 5, 6), heldOut: Int32Array.of(3, 7) }

it('The size of what is learned from counts a column a category', () => {
  expect(sizeToLearn(dataset, split)).toEqual({ rows: 6, cols: 3, encodedCols: 53, classes: 3 })
})

it('What would not fit in memory once categories have their columns is left out, and told', () => {
  const size = { rows: 100_000, cols: 3, encodedCols: 9000, classes: 2 }
  const asked = { algorithms: ['logistic-regression', 'gradient-boosting'] }
  const plan = candidatesFor(asked, 'classification', size)
  expect(plan.names).toEqual(['gradient-boosting', 'majority'])
  expect(plan.leftOut).toEqual([
    {
      algorithm: 'logistic-regression',
      reason: expect.stringContaining('100000 × 9000') as string,
      instead: 'gradient-boosting',
    },
  ])
  expect(candidatesFor(asked, 'classification', { ...size, encodedCols: 3 }).leftOut).toEqual([])
})
