import { describe, expect, it } from 'vitest'
import { matrix, matrixFromRows, takeRows, type Matrix } from '../../../ml/data/matrix.ts'
import { permutation, seededRandom } from '../../../ml/data/random.ts'
import type { Clusterer, FitProgress } from '../../../ml/models/index.ts'
import { ClusteringPipeline, decodeAnyModel, encodeModel } from '../../../ml/models/index.ts'
import { blobs, mapValues } from './datasets.ts'
import { errorNamed } from './golden.ts'

/** What every clusterer keeps to; `create` makes one that looks for three clusters. */
export function testClusterer(name: string, create: () => Clusterer): void {
  const { X, y } = blobs(60, 4, 3, { apart: 30 })
  const other = blobs(40, 3, 4, { apart: 30, seed: 2 }).X
  const asPipeline = (model: Clusterer) =>
    model instanceof ClusteringPipeline ? model : ClusteringPipeline.of(model)

  const expectSane = (model: Clusterer, features: Matrix) => {
    const predicted = model.predict(features)
    expect(predicted.length).toBe(features.rows)
    expect(predicted.every((c) => Number.isInteger(c) && c >= 0 && c < model.clusterCount)).toBe(
      true,
    )
  }

  describe(`${name} keeps the clusterer contract`, () => {
    it('finds clusters that are apart', () => {
      const model = create().fit(X)
      expect([model.clusterCount, model.featureCount]).toEqual([3, 4])
      const labels = model.predict(X)
      expect(new Set(Array.from(y, (truth, i) => `${truth} ${labels[i]}`)).size).toBe(3)
    })

    it('answers for one row what it answers for many', () => {
      const model = create().fit(X)
      const rows = Array.from({ length: X.rows }, (_, i) => X.data.slice(i * 4, i * 4 + 4))
      expect(rows.map((row) => model.predictRow(row))).toEqual([...model.predict(X)])
    })

    it('forgets at a refit what it learned before', () => {
      const model = create().fit(other).fit(X)
      expect(encodeModel(asPipeline(model))).toEqual(encodeModel(asPipeline(create().fit(X))))
    })

    it('learns the same from the same, and leaves its input as it was', () => {
      const before = X.data.slice()
      const files = Array.from({ length: 20 }, () => encodeModel(asPipeline(create().fit(X))))
      for (const file of files) expect(file).toEqual(files[0])
      expect(X.data).toEqual(before)
    })

    it('predicts to the bit the same from its file', () => {
      const model = asPipeline(create().fit(X))
      const bytes = encodeModel(model, { note: 'a file' })
      const loaded = decodeAnyModel(bytes)
      expect(loaded).toMatchObject({ task: 'clustering', metadata: { note: 'a file' } })
      expect(loaded.algorithm).toBe(model.algorithm)
      expect(loaded.model.predict(X)).toEqual(model.predict(X))
      expect(encodeModel(loaded.model, { note: 'a file' })).toEqual(bytes)
    })

    it('numbers clusters the same when the rows come in another order', () => {
      const expected = create().fit(X).predict(X)
      for (let seed = 1; seed <= 5; seed++) {
        const order = permutation(X.rows, seededRandom(seed))
        expect(create().fit(takeRows(X, order)).predict(X)).toEqual(expected)
      }
    })

    it('finds the same clusters when the columns come in another order or unit', () => {
      const pairsOf = (labels: Float64Array) =>
        new Set(Array.from(create().fit(X).predict(X), (label, i) => `${label} ${labels[i]}`)).size
      const turned = mapValues(X, (_, i, j) => X.data[i * 4 + ((j + 1) % 4)]!)
      expect(pairsOf(create().fit(turned).predict(turned))).toBe(3)
      for (const unit of [1e12, 1e-12]) {
        const scaled = mapValues(X, (value) => value * unit)
        expect(pairsOf(create().fit(scaled).predict(scaled))).toBe(3)
      }
    })

    it('takes constant columns, duplicates, a single column, fewer rows than columns', () => {
      const constant = mapValues(X, (value, _, j) => (j === 1 ? 0.1 : value))
      expectSane(create().fit(constant), constant)
      const equal = mapValues(X, () => 7)
      expectSane(create().fit(equal), equal)
      const doubled = takeRows(
        X,
        Array.from({ length: 120 }, (_, i) => i >> 1),
      )
      expectSane(create().fit(doubled), doubled)
      const column = blobs(30, 1, 2).X
      expectSane(create().fit(column), column)
      const wide = blobs(4, 9, 2).X
      expectSane(create().fit(wide), wide)
      const least = matrixFromRows([[1], [2], [4]])
      expectSane(create().fit(least), least)
    })

    it('refuses NaN, infinity and values too large, by row and column', () => {
      const fitted = create().fit(X)
      for (const [bad, error] of [
        [NaN, 'ValueNotFinite'],
        [-Infinity, 'ValueNotFinite'],
        [1e200, 'ValueTooLarge'],
      ] as const) {
        const broken = mapValues(X, (value, i, j) => (i === 7 && j === 2 ? bad : value))
        expect(() => create().fit(broken)).toThrow(errorNamed(error, 'row 7, column 2'))
        expect(() => fitted.predict(broken)).toThrow(errorNamed(error, 'row 7, column 2'))
        expect(() => fitted.predictRow(Float64Array.of(0, bad, 0, 0))).toThrow(
          errorNamed(error, 'column 1'),
        )
      }
    })

    it('refuses shapes that do not fit, emptiness, too few rows, and to answer before a fit', () => {
      const fitted = create().fit(X)
      expect(() => fitted.predict(other)).toThrow(errorNamed('ShapeMismatch'))
      expect(() => fitted.predictRow(new Float64Array(3))).toThrow(errorNamed('ShapeMismatch'))
      expect(() => create().fit({ ...X, rows: 61 })).toThrow(errorNamed('ShapeMismatch'))
      expect(() => create().fit(matrix(new Float64Array(0), 0, 4))).toThrow(
        errorNamed('DatasetEmpty'),
      )
      expect(() => create().fit(matrixFromRows([[1], [2]]))).toThrow(errorNamed('OptionInvalid'))
      for (const attempt of [
        () => create().predict(X),
        () => create().predictRow(new Float64Array(4)),
        () => create().clusterCount,
        () => create().featureCount,
        () => create().toTensors(),
      ]) {
        expect(attempt).toThrow(errorNamed('NotFitted'))
      }
    })

    it('ends at its signal and stays as it was', () => {
      const reason = new Error('enough')
      const model = create().fit(other)
      const before = encodeModel(asPipeline(model))
      expect(() => model.fit(X, { signal: AbortSignal.abort(reason) })).toThrow(
        expect.objectContaining({ name: 'FitAborted', cause: reason }),
      )
      expect(encodeModel(asPipeline(model))).toEqual(before)
    })

    it('tells of progress that never falls, and looks at the signal after each word', () => {
      const seen: FitProgress[] = []
      create().fit(X, { onProgress: (progress) => seen.push(progress) })
      expect(seen.length).toBeGreaterThan(0)
      seen.forEach(({ fraction, iterations }, k) => {
        expect(fraction).toBeGreaterThanOrEqual(seen[k - 1]?.fraction ?? 0)
        expect(fraction).toBeLessThanOrEqual(1)
        expect(iterations).toBeGreaterThanOrEqual(seen[k - 1]?.iterations ?? 0)
      })
      const controller = new AbortController()
      let words = 0
      const onProgress = () => {
        if (++words === seen.length) controller.abort()
      }
      expect(() => create().fit(X, { signal: controller.signal, onProgress })).toThrow(
        errorNamed('FitAborted'),
      )
      expect(words).toBe(seen.length)
    })
  })
}
