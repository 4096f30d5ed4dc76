import { matrix, takeRows, type Matrix } from '../../../../ml/data/matrix.ts'
import fixture from '../fixtures/trees.json' with { type: 'json' }
import { mapValues } from '../datasets.ts'
import { rowsOf } from '../golden.ts'

const X = rowsOf(fixture.X)
const missing = new Set(fixture.missing)

/** The features by the names that the fixture has for them; NaN is a missing value. */
const features: Record<string, Matrix> = {
  X,
  gaps: mapValues(X, (value, i, j) => (missing.has(i * X.cols + j) ? NaN : value)),
  groups: mapValues(X, (value, i, j) => (j === 0 ? (fixture.groups[i] ?? NaN) : value)),
}

const targets = {
  y: Float64Array.from(fixture.y),
  grouped: Float64Array.from(fixture.grouped),
  two: Float64Array.from(fixture.two),
  three: Float64Array.from(fixture.three),
}

/** The rows to learn from and the rows to ask about. */
export function problem(name: string, target: keyof typeof targets) {
  const { train } = fixture
  const all = features[name]!
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, k) => from + k)
  return {
    X: takeRows(all, range(0, train)),
    y: targets[target].slice(0, train),
    queries: takeRows(all, range(train, all.rows)),
    answers: targets[target].slice(train),
  }
}

/** A column vector, as which the fixture has what a regressor answers. */
export function column(values: Float64Array): Matrix {
  return matrix(values, values.length, 1)
}

export { fixture }
