import SVM from 'ml-svm'
import { describe, expect, it } from 'vitest'
import { matrixFromRows } from '../../../../ml/data/matrix.ts'
import { seededRandom } from '../../../../ml/data/random.ts'
import { accuracy, MlSvm } from '../../../../ml/models/index.ts'
import { blobs, iris, mapValues } from '../datasets.ts'

describe('MlSvm', () => {
  it('tells three classes apart', () => {
    for (const kernel of ['rbf', 'linear'] as const) {
      const model = new MlSvm({ kernel }).fit(iris.X, iris.y)
      expect(accuracy(iris.y, model.predict(iris.X))).toBeGreaterThanOrEqual(0.94)
    }
  })

  it('decides as the package itself does, from its numbers alone', () => {
    const { X, y } = blobs(60, 3, 2, { apart: 1.5 })
    // Columns of the exact range [0, 1], so that the scaling to it changes nothing.
    const unit = mapValues(X, (value, i, j) =>
      i < 2 ? i : Math.min(1, Math.max(0, (value + 1) / (j + 4))),
    )
    const rows = Array.from({ length: 60 }, (_, i) => [...unit.data.subarray(i * 3, i * 3 + 3)])
    const [first, second] = [0, 1].map((c) => rows.filter((_, i) => y[i] === c))
    for (const kernel of ['rbf', 'linear'] as const) {
      const theirs = new SVM({
        C: 1,
        tol: 1e-4,
        maxPasses: 10,
        maxIterations: 10_000,
        alphaTol: 1e-6,
        kernel,
        kernelOptions: { sigma: 0.5 },
        whitening: false,
        random: seededRandom(3),
      })
      const signs = [...first!.map(() => 1 as const), ...second!.map(() => -1 as const)]
      theirs.train([...first!, ...second!], signs)
      const ours = new MlSvm({ kernel, seed: 3 }).fit(unit, y).decisionFunction(unit)
      const margins = theirs.margin(rows)
      margins.forEach((margin, i) => {
        expect(ours.data[i]).toBeCloseTo(-margin, 9)
      })
    }
  })

  it('draws from its seed, never from the global source', () => {
    const { X, y } = blobs(60, 3, 3, { apart: 1 })
    const original = Math.random
    Math.random = () => {
      throw new Error('the global random source was asked')
    }
    try {
      const tensors = (seed: number) => new MlSvm({ seed }).fit(X, y).toTensors()
      expect(tensors(1)).toEqual(tensors(1))
      expect(tensors(1)).not.toEqual(tensors(2))
    } finally {
      Math.random = original
    }
  })

  it('refuses more rows than it can learn from', () => {
    const { X, y } = blobs(1001, 2, 2)
    expect(() => new MlSvm().fit(X, y)).toThrow(
      expect.objectContaining({
        name: 'RowCapExceeded',
        message: expect.stringContaining('1000') as string,
      }),
    )
  })

  it('says when the passes run out', () => {
    const { X, y } = blobs(60, 3, 2, { apart: 0.1 })
    expect(() => new MlSvm({ maxIter: 1 }).fit(X, y)).toThrow(
      expect.objectContaining({ name: 'NotConverged' }),
    )
  })

  it('refuses a kernel that it does not have', () => {
    expect(() => new MlSvm({ kernel: 'poly' as 'rbf' })).toThrow(
      expect.objectContaining({ name: 'OptionInvalid' }),
    )
  })

  it('scales a row at prediction by the training rows', () => {
    const X = matrixFromRows([
      [100, 7],
      [110, 7],
      [190, 7],
      [200, 7],
    ])
    const model = new MlSvm({ kernel: 'linear' }).fit(X, [0, 0, 1, 1])
    expect(model.predictRow(Float64Array.of(105, 7))).toBe(0)
    expect(model.predictRow(Float64Array.of(195, 7))).toBe(1)
  })
})
