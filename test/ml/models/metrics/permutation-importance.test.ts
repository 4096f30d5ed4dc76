import { describe, expect, it } from 'vitest'
import { matrixFromRows, type Matrix } from '../../../../ml/data/index.ts'
import { permutationImportance } from '../../../../ml/models/index.ts'

const X = matrixFromRows(Array.from({ length: 200 }, (_, i) => [i % 2, i % 7, 3]))
const truth = Array.from({ length: 200 }, (_, i) => i % 2)

/** The accuracy of a model that answers the first feature. */
const score = ({ data, cols }: Matrix) =>
  truth.filter((value, i) => data[i * cols] === value).length / truth.length

describe('permutation importance', () => {
  it('is what the score loses: a half for the one feature that tells the class, nothing for others', () => {
    const [first, second, third] = permutationImportance(X, score, { seed: 1 })
    expect(first!.mean).toBeGreaterThan(0.4)
    expect(first!.mean).toBeLessThan(0.6)
    expect(first!.deviation).toBeGreaterThan(0)
    expect([second, third]).toEqual([
      { mean: 0, deviation: 0 },
      { mean: 0, deviation: 0 },
    ])
  })

  it('shuffles a feature among the rows, and leaves the others and the matrix as they are', () => {
    const before = X.data.slice()
    const seen: number[][] = []
    permutationImportance(
      X,
      ({ data, cols }) => {
        seen.push(Array.from({ length: cols }, (_, j) => columnsDiffering(data, cols, j)))
        return 0
      },
      { repeats: 1 },
    )
    expect(X.data).toEqual(before)
    expect(seen).toHaveLength(4)
    expect(seen.map((differing) => differing.filter((count) => count > 0).length)).toEqual([
      0, 1, 1, 0,
    ])

    function columnsDiffering(data: Float64Array, cols: number, j: number): number {
      const rows = Array.from({ length: data.length / cols }, (_, i) => i * cols + j)
      const sorted = (values: Float64Array) => rows.map((at) => values[at]!).sort((a, b) => a - b)
      expect(sorted(data)).toEqual(sorted(before))
      return rows.filter((at) => data[at] !== before[at]).length
    }
  })

  it('is the same for the same seed, and of as many columns as asked', () => {
    const once = permutationImportance(X, score, { seed: 7, columns: 1 })
    expect(once).toHaveLength(1)
    expect(permutationImportance(X, score, { seed: 7, columns: 1 })).toEqual(once)
    expect(permutationImportance(X, score, { seed: 8, columns: 1 })).not.toEqual(once)
  })

  it('refuses options out of range', () => {
    expect(() => permutationImportance(X, score, { repeats: 0 })).toThrow(/repeats/)
  })
})
