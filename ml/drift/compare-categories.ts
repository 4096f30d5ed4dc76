import type { CategoryCounts } from './baseline.ts'
import { chanceOfNew, chiSquare } from './chi-square.ts'
import { countCategories } from './columns.ts'
import { minimumValues, type CategoryTests, type FeatureComparison } from './compare-feature.ts'
import { populationStabilityIndex } from './two-sample.ts'

/**
 * Compares the values of one categorical feature: those of the baseline's sample and the new ones,
 * each the number of a category. Any other finite value is a new category.
 */
export function compareCategories(
  { labels }: CategoryCounts,
  referenceColumn: Float64Array,
  batchColumn: Float64Array,
): FeatureComparison {
  const reference = countCategories(referenceColumn, labels.length)
  const batch = countCategories(batchColumn, labels.length)
  const referenceCount = total(reference)
  const count = total(batch)
  return {
    referenceCount,
    count,
    missing: batchColumn.length - count,
    mean: null,
    deviation: null,
    tests: null,
    categoryTests:
      Math.min(referenceCount, count) >= minimumValues ? testsOf(labels, reference, batch) : null,
  }
}

function testsOf(
  labels: readonly string[],
  reference: readonly number[],
  batch: readonly number[],
): CategoryTests {
  const n = total(reference)
  const m = total(batch)
  const known = labels.length
  const test = chiSquare(reference.slice(0, known), batch.slice(0, known))
  const chance = chanceOfNew(batch[known]!, n, m)
  const differences = reference.map((count, k) => batch[k]! / m - count / n)
  const size = (k: number) => Math.abs(differences[k]!)
  const most = differences.reduce((best, _, k) => (size(k) > size(best) ? k : best), 0)
  return {
    chiSquare: test,
    newShare: batch[known]! / m,
    pValue: Math.min(1, 2 * Math.min(test.pValue, chance)),
    totalVariation: differences.reduce((sum, _, k) => sum + size(k), 0) / 2,
    psi: populationStabilityIndex(reference, batch),
    mostChanged: {
      label: labels[most] ?? null,
      before: reference[most]! / n,
      after: batch[most]! / m,
    },
  }
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0)
}
