import { describe, expect, it } from 'vitest'
import { matrixFromRows } from '../../../../ml/data/matrix.ts'
import { StandardScaler } from '../../../../ml/models/index.ts'
import { iris } from '../datasets.ts'
import golden from '../fixtures/standard-scaler.json' with { type: 'json' }

describe('StandardScaler', () => {
  it('gives each column mean 0 and population standard deviation 1', () => {
    const { data, rows, cols } = new StandardScaler().fit(iris.X).transform(iris.X)
    for (let j = 0; j < cols; j++) {
      const column = Array.from({ length: rows }, (_, i) => data[i * cols + j]!)
      const mean = column.reduce((sum, value) => sum + value, 0) / rows
      const variance = column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows
      expect(mean).toBeCloseTo(0, 12)
      expect(variance).toBeCloseTo(1, 12)
    }
  })

  it('scales as scikit-learn does, constant columns by 1', () => {
    const X = matrixFromRows(golden.X)
    const scaler = new StandardScaler().fit(X)
    golden.mean.forEach((mean, j) => expect(scaler.mean[j]! / mean).toBeCloseTo(1, 14))
    golden.scale.forEach((scale, j) => expect(scaler.scale[j]! / scale).toBeCloseTo(1, 14))
    scaler.transform(X).data.forEach((value, k) => {
      expect(Math.abs(value - golden.transformed.flat()[k]!)).toBeLessThan(1e-3)
    })
  })

  it('applies what it learned to other rows', () => {
    const scaler = new StandardScaler().fit(matrixFromRows([[0], [2]]))
    expect([...scaler.transform(matrixFromRows([[5], [1]])).data]).toEqual([4, 0])
  })

  it('refuses to scale before it learned, or rows of another width', () => {
    expect(() => new StandardScaler().transform(iris.X)).toThrow(
      expect.objectContaining({ name: 'NotFitted' }),
    )
    expect(() => new StandardScaler().fit(iris.X).transform(matrixFromRows([[1]]))).toThrow(
      expect.objectContaining({ name: 'ShapeMismatch' }),
    )
  })
})
