import { describe, expect, it } from 'vitest'
import { matrix, matrixFromRows, rowOf, takeRows, type Matrix } from '../../../../ml/data/matrix.ts'
import { permutation, seededRandom } from '../../../../ml/data/random.ts'
import { Lloyd } from '../../../../ml/models/clustering/lloyd.ts'
import { KMeans } from '../../../../ml/models/index.ts'
import { rowsOfMatrix } from '../../../../ml/models/row-source.ts'
import { blobs, mapValues } from '../datasets.ts'
import golden from '../fixtures/clustering.json' with { type: 'json' }
import { errorNamed, expectClose } from '../golden.ts'

const points = matrixFromRows(golden.points)
const start = { data: points.data.slice(0, 15), rows: 5, cols: 3 }

/** Rows around k random centres. */
function clouds(rows: number, cols: number, k: number, seed: number): Matrix {
  const random = seededRandom(seed)
  const centres = Float64Array.from({ length: k * cols }, () => random() * 10)
  const data = Float64Array.from({ length: rows * cols }, (_, at) => {
    const row = Math.floor(at / cols)
    return centres[(row % k) * cols + (at % cols)]! + 3 * (random() + random() - 1)
  })
  return matrix(data, rows, cols)
}

/** Lloyd's algorithm that compares every row with every centroid, each time. */
function plainLloyd(X: Matrix, first: Float64Array, iterations: number) {
  const k = first.length / X.cols
  const centroids = first.slice()
  const nearestOf = (row: Float64Array) => {
    let [nearest, least] = [0, Infinity]
    for (let c = 0; c < k; c++) {
      const square = row.reduce((sum, v, j) => sum + (v - centroids[c * X.cols + j]!) ** 2, 0)
      if (square < least) [nearest, least] = [c, square]
    }
    return { nearest, least }
  }
  for (let iteration = 0; iteration < iterations; iteration++) {
    const sums = new Float64Array(first.length)
    const counts = new Float64Array(k)
    for (let i = 0; i < X.rows; i++) {
      const { nearest } = nearestOf(rowOf(X, i))
      counts[nearest]!++
      for (let j = 0; j < X.cols; j++) sums[nearest * X.cols + j]! += X.data[i * X.cols + j]!
    }
    sums.forEach((sum, at) => (centroids[at] = sum / counts[Math.floor(at / X.cols)]!))
  }
  let inertia = 0
  for (let i = 0; i < X.rows; i++) inertia += nearestOf(rowOf(X, i)).least
  return { centroids, inertia }
}

describe('KMeans', () => {
  it('gets from the same start where scikit-learn gets', () => {
    const model = new KMeans({ nClusters: 5, init: start }).fit(points)
    expect(model.inertia / golden.inertia).toBeCloseTo(1, 12)
    expect(model.iterations).toBe(golden.iterations)
    const numbers = [...model.predict(points)]
    const pairs = new Set(golden.labels.map((label, i) => `${label} is ${numbers[i]}`))
    expect(pairs.size).toBe(5)
    const rows = Array.from({ length: 5 }, (_, c) => [...rowOf(model.centroids, c)])
    golden.centroids.forEach((centroid, label) => {
      expectClose(rows[numbers[golden.labels.indexOf(label)]!]!, centroid)
    })
  })

  it('gives a cluster that lost all rows the farthest one, as scikit-learn does', () => {
    const far = matrixFromRows([...golden.points, [100, 100, 100]])
    const init = matrixFromRows([
      [0, 0, 0],
      [1, 0, 0],
      [500, 500, 500],
      [600, 500, 500],
    ])
    const model = new KMeans({ nClusters: 4, init }).fit(far)
    expect(model.inertia / golden.empty.inertia).toBeCloseTo(1, 12)
    expectClose(model.centroids.data, golden.empty.centroids.flat())
  })

  it('skips no row that comparing always would move', () => {
    for (const [rows, cols, k] of [
      [300, 1, 3],
      [500, 2, 7],
      [400, 5, 12],
      [200, 3, 33],
    ] as const) {
      const X = clouds(rows, cols, k, rows)
      const first = X.data.slice(0, k * cols)
      for (const iterations of [1, 2, 5, 30]) {
        const expected = plainLloyd(X, first, iterations)
        const lloyd = new Lloyd(rowsOfMatrix(X), k)
        const shifted = first.map((value, at) => value - lloyd.origin[at % cols]!)
        const options = { maxIter: iterations, tolerance: -1, onIteration: () => undefined }
        const { inertia } = lloyd.run(shifted, options)
        expect(inertia / expected.inertia).toBeCloseTo(1, 11)
      }
    }
  })

  it('ends where each centroid is the mean of the rows that are nearest to it', () => {
    const X = clouds(1000, 4, 6, 3)
    const model = new KMeans({ nClusters: 6, tol: 0, seed: 4 }).fit(X)
    const labels = model.predict(X)
    for (let c = 0; c < 6; c++) {
      const own = [...labels.keys()].filter((i) => labels[i] === c)
      for (let j = 0; j < 4; j++) {
        const mean = own.reduce((sum, i) => sum + X.data[i * 4 + j]!, 0) / own.length
        expect(model.centroids.data[c * 4 + j]).toBeCloseTo(mean, 11)
      }
    }
  })

  it('is no worse for more starts, and the same for the same seed', () => {
    const X = clouds(600, 3, 9, 5)
    const fit = (nInit: number, seed: number) => new KMeans({ nClusters: 9, nInit, seed }).fit(X)
    for (const init of ['k-means++', 'random'] as const) {
      const runs = [1, 5, 20].map((nInit) =>
        new KMeans({ nClusters: 9, nInit, init, seed: 1 }).fit(X),
      )
      expect(runs[1]!.inertia).toBeLessThanOrEqual(runs[0]!.inertia)
      expect(runs[2]!.inertia).toBeLessThanOrEqual(runs[1]!.inertia)
    }
    expect(fit(3, 7).toTensors()).toEqual(fit(3, 7).toTensors())
    expect(fit(1, 7).centroids).not.toEqual(fit(1, 8).centroids)
  })

  it('finds clusters that are apart from any start that k-means++ draws', () => {
    const { X, y } = blobs(90, 3, 8, { apart: 60 })
    for (let seed = 0; seed < 20; seed++) {
      const labels = new KMeans({ nClusters: 8, seed }).fit(X).predict(X)
      expect(new Set(Array.from(y, (truth, i) => `${truth} ${labels[i]}`)).size).toBe(8)
    }
  })

  it('numbers clusters by their centroids, whatever the order of the rows', () => {
    const { X } = blobs(80, 3, 8, { apart: 50 })
    const first = new KMeans({ nClusters: 8, seed: 1 }).fit(X)
    for (let seed = 1; seed < 10; seed++) {
      const order = permutation(80, seededRandom(seed))
      const model = new KMeans({ nClusters: 8, seed }).fit(takeRows(X, order))
      expect(model.predict(X)).toEqual(first.predict(X))
      expectClose(model.centroids.data, [...first.centroids.data])
    }
    const { data } = first.centroids
    for (let c = 1; c < 8; c++) expect(data[c * 3]!).toBeGreaterThan(data[c * 3 - 3]! - 1)
  })

  it('finds the same clusters far away from 0', () => {
    const near = new KMeans({ nClusters: 5, init: start }).fit(points)
    const moved = mapValues(points, (value) => value + 1e9)
    const init = mapValues(start, (value) => value + 1e9)
    const far = new KMeans({ nClusters: 5, init }).fit(moved)
    expect(far.predict(moved)).toEqual(near.predict(points))
    expect(far.inertia / near.inertia).toBeCloseTo(1, 5)
  })

  it('takes as many clusters as rows, and more than distinct rows', () => {
    const rows = matrixFromRows([[1], [5], [9]])
    const each = new KMeans({ nClusters: 3 }).fit(rows)
    expect([...each.predict(rows)]).toEqual([0, 1, 2])
    expect(each.inertia).toBe(0)
    const same = matrixFromRows([[2], [2], [2], [7]])
    const model = new KMeans({ nClusters: 3 }).fit(same)
    expect(model.inertia).toBe(0)
    expect(model.centroids.data.every(Number.isFinite)).toBe(true)
    for (const init of ['k-means++', 'random'] as const) {
      const equal = new KMeans({ nClusters: 2, init }).fit(matrixFromRows([[4], [4], [4]]))
      expect([...equal.centroids.data]).toEqual([4, 4])
    }
  })

  it('refuses impossible options and first centroids that do not fit', () => {
    expect(() => new KMeans({ nClusters: 9 }).fit(matrixFromRows([[1], [2]]))).toThrow(
      errorNamed('OptionInvalid', '2 rows'),
    )
    expect(() => new KMeans({ nClusters: 4, init: start }).fit(points)).toThrow(
      errorNamed('OptionInvalid', '5 × 3'),
    )
    expect(() => new KMeans({ init: matrixFromRows([[NaN]]) })).toThrow(
      errorNamed('ValueNotFinite'),
    )
    expect(() => new KMeans({ init: 'given' as never }).fit(points)).toThrow(
      errorNamed('OptionInvalid', 'not there'),
    )
    for (const options of [{ nClusters: 0 }, { tol: -1 }, { init: 'kmeans' }, { k: 3 }]) {
      expect(() => new KMeans(options as never)).toThrow(errorNamed('OptionInvalid'))
    }
  })
})

describe('The arithmetic of k-means', () => {
  it('gives the same bits in WebAssembly and in plain TypeScript', () => {
    for (const [rows, cols, k] of [
      [1, 1, 1],
      [7, 1, 2],
      [100, 2, 3],
      [257, 3, 8],
      [300, 8, 9],
      [300, 5, 17],
      [513, 7, 40],
    ] as const) {
      const X = clouds(rows, cols, Math.min(k, rows), rows + k)
      const runs = (['wasm', 'plain'] as const).map((kind) => {
        const lloyd = new Lloyd(rowsOfMatrix(X), k, kind)
        const first = lloyd.rows.data.slice(0, k * cols)
        const options = { maxIter: 20, tolerance: 0, onIteration: () => undefined }
        const { origin, variance } = lloyd
        return { origin, variance, result: lloyd.run(first, options) }
      })
      expect(runs[0]).toEqual(runs[1])
    }
  })
})
