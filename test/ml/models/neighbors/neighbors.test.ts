import { describe, expect, it } from 'vitest'
import { matrixFromRows, rowOf, type Matrix } from '../../../../ml/data/matrix.ts'
import { seededRandom } from '../../../../ml/data/random.ts'
import { KNeighborsClassifier, KNeighborsRegressor } from '../../../../ml/models/index.ts'
import { NeighborIndex, type Metric } from '../../../../ml/models/neighbors/neighbor-index.ts'
import { iris } from '../datasets.ts'
import linear from '../fixtures/linear.json' with { type: 'json' }
import golden from '../fixtures/neighbors.json' with { type: 'json' }
import { errorNamed, expectClose } from '../golden.ts'

/** What a look at every row finds. */
function nearestOf(X: Matrix, point: Float64Array, count: number, metric: Metric) {
  const distances = Array.from({ length: X.rows }, (_, i) => {
    const differences = rowOf(X, i).map((value, j) => value - point[j]!)
    return metric === 'manhattan'
      ? differences.reduce((sum, value) => sum + Math.abs(value), 0)
      : Math.sqrt(differences.reduce((sum, value) => sum + value * value, 0))
  })
  const order = distances.map((_, i) => i).sort((a, b) => distances[a]! - distances[b]! || a - b)
  return {
    found: order.slice(0, count),
    distances: order.slice(0, count).map((i) => distances[i]!),
  }
}

describe('NeighborIndex', () => {
  it('finds what a look at every row finds, equally near rows by their numbers', () => {
    for (const [rows, cols, steps] of [
      [1, 3, 0],
      [16, 2, 0],
      [17, 1, 0],
      [500, 3, 0],
      // Few distinct values: many equally near rows, and ranges that cannot be split.
      [400, 2, 4],
      [300, 1, 2],
      [200, 30, 0],
    ] as const) {
      const random = seededRandom(rows + cols)
      const value = () => (steps === 0 ? random() : Math.floor(random() * steps))
      const data = Float64Array.from({ length: rows * cols }, value)
      const X = { data, rows, cols }
      for (const metric of ['euclidean', 'manhattan'] as const) {
        const index = new NeighborIndex(X, 7, metric)
        for (let query = 0; query < 20; query++) {
          const point = Float64Array.from({ length: cols }, value)
          index.search(point)
          const expected = nearestOf(X, point, 7, metric)
          expect([...index.found]).toEqual(expected.found)
          expect([...index.distances]).toEqual(expected.distances)
        }
        expect(index.toRows()).toEqual(data)
      }
    }
  })
})

/**
 * Values that lead a selection by the middle element astray: each pivot turns out to be one of the
 * smallest left (McIlroy, "A killer adversary for quicksort", 1999).
 */
function killerOf(rows: number): Float64Array {
  const values = new Float64Array(rows).fill(Infinity)
  const order = Int32Array.from({ length: rows }, (_, i) => i)
  let [next, candidate] = [0, -1]
  const compare = (a: number, b: number) => {
    if (values[a] === Infinity && values[b] === Infinity) values[a === candidate ? a : b] = next++
    if (values[a] === Infinity) candidate = a
    else if (values[b] === Infinity) candidate = b
    return values[a]! - values[b]!
  }
  let [low, high] = [0, rows - 1]
  const target = rows >>> 1
  while (low < high) {
    const pivot = order[(low + high) >>> 1]!
    let [i, j] = [low, high]
    while (i <= j) {
      while (order[i] !== pivot && compare(order[i]!, pivot) < 0) i++
      while (order[j] !== pivot && compare(order[j]!, pivot) > 0) j--
      if (i > j) break
      const kept = order[i]!
      order[i++] = order[j]!
      order[j--] = kept
    }
    if (target <= j) high = j
    else if (target >= i) low = i
    else break
  }
  return values.map((value) => (value === Infinity ? next++ : value))
}

/** A typed array that counts how often its elements are read. */
function counted(values: Float64Array) {
  const counter = { reads: 0 }
  const data = new Proxy(values, {
    get(target, key) {
      counter.reads++
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  return { data, counter }
}

describe('NeighborIndex of rows in an order made to be slow', () => {
  it('is made with not many times the reads of any other order', () => {
    const rows = 4000
    const random = seededRandom(1)
    const [usual, killer] = [Float64Array.from({ length: rows }, random), killerOf(rows)].map(
      (values) => {
        const { data, counter } = counted(values)
        new NeighborIndex({ data, rows, cols: 1 }, 5, 'euclidean')
        return counter.reads
      },
    )
    expect(killer! / usual!).toBeLessThan(6)
  })

  it('finds the same', () => {
    const data = killerOf(3000)
    const X = { data, rows: 3000, cols: 1 }
    const index = new NeighborIndex(X, 7, 'euclidean')
    for (const query of [0, 17.2, 1499.9, 2800]) {
      const point = Float64Array.of(query)
      index.search(point)
      expect([...index.found]).toEqual(nearestOf(X, point, 7, 'euclidean').found)
    }
  })
})

describe('KNeighbors', () => {
  // The same factors as in the fixture: they leave no two rows equally near.
  const factors = [1, 1.01, 0.99]
  const X = matrixFromRows(
    Array.from({ length: 150 }, (_, i) => factors.map((f, j) => f * iris.X.data[i * 4 + j]!)),
  )
  const optionsOf = ({ n_neighbors: nNeighbors, weights, metric }: Partial<Snake>) => ({
    ...(nNeighbors ? { nNeighbors } : {}),
    ...(weights ? { weights: weights as 'distance' } : {}),
    ...(metric ? { metric: metric as 'manhattan' } : {}),
  })
  interface Snake {
    n_neighbors: number
    weights: string
    metric: string
  }

  it('classifies as scikit-learn does', () => {
    const queries = matrixFromRows(golden.queries)
    for (const { options, predictions, probabilities } of golden.classifiers) {
      const model = new KNeighborsClassifier(optionsOf(options)).fit(X, iris.y)
      expect([...model.predict(queries)]).toEqual(predictions)
      expectClose(model.predictProba(queries).data, probabilities.flat())
    }
  })

  it('estimates as scikit-learn does', () => {
    const queries = matrixFromRows(linear.queries)
    for (const { options, predictions } of golden.regressors) {
      const model = new KNeighborsRegressor(optionsOf(options)).fit(
        matrixFromRows(linear.X),
        linear.y,
      )
      expectClose(model.predict(queries), predictions)
    }
  })

  it('answers by distance with the rows at the very point alone', () => {
    const points = matrixFromRows([[0], [0], [1], [2]])
    const model = new KNeighborsRegressor({ nNeighbors: 4, weights: 'distance' })
    model.fit(points, [4, 6, 100, 200])
    expect(model.predictRow(Float64Array.of(0))).toBe(5)
    expect(model.predictRow(Float64Array.of(1e-320))).toBeCloseTo(5, 12)
  })

  it('answers by all rows where there are fewer than neighbours', () => {
    const model = new KNeighborsRegressor({ nNeighbors: 50 }).fit(
      matrixFromRows([[0], [9]]),
      [1, 4],
    )
    expect(model.predictRow(Float64Array.of(5))).toBe(2.5)
  })

  it('refuses what is no number of neighbours', () => {
    for (const nNeighbors of [0, 1.5, -1, NaN]) {
      expect(() => new KNeighborsClassifier({ nNeighbors })).toThrow(errorNamed('OptionInvalid'))
    }
  })
})
