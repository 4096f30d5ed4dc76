/**
 * Pearson's correlation of every two columns, over the rows where both are finite. It is null where
 * one of the two does not vary there. Time is k² · n.
 *
 * @param columns k columns of n values
 * @returns k × k, symmetric
 */
export function correlations(columns: readonly Float64Array[]): (number | null)[][] {
  const scaled = columns.map(toUnit)
  const whole = scaled.map((column) =>
    column.every(Number.isFinite) ? standardized(column) : null,
  )
  const values = columns.map((): (number | null)[] => columns.map(() => null))
  for (let a = 0; a < scaled.length; a++) {
    for (let b = 0; b <= a; b++) {
      const [one, other] = [whole[a]!, whole[b]!]
      const value =
        one !== null && other !== null
          ? product(one, other)
          : correlationWhereBoth(scaled[a]!, scaled[b]!)
      values[a]![b] = value
      values[b]![a] = value
    }
  }
  return values
}

/** Values of magnitude at most 1, whose squares neither overflow nor vanish. */
function toUnit(values: Float64Array): Float64Array {
  let most = 0
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i]!)
    if (size > most && size < Infinity) most = size
  }
  const scaled = new Float64Array(values.length)
  for (let i = 0; i < values.length; i++) scaled[i] = values[i]! / (most || 1)
  return scaled
}

/** Values around 0 whose squares sum up to 1; none of a column that does not vary. */
function standardized(values: Float64Array): Float64Array {
  const n = values.length
  let sum = 0
  for (let i = 0; i < n; i++) sum += values[i]!
  const mean = sum / n
  const away = new Float64Array(n)
  let squares = 0
  for (let i = 0; i < n; i++) {
    const difference = values[i]! - mean
    away[i] = difference
    squares += difference * difference
  }
  if (!(squares > leastSquares(n))) return new Float64Array(0)
  const norm = Math.sqrt(squares)
  for (let i = 0; i < n; i++) away[i]! /= norm
  return away
}

function product(a: Float64Array, b: Float64Array): number | null {
  if (a.length === 0 || b.length === 0) return null
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return Math.max(-1, Math.min(1, sum))
}

function correlationWhereBoth(a: Float64Array, b: Float64Array): number | null {
  const [some, others] = [new Float64Array(a.length), new Float64Array(a.length)]
  let rows = 0
  for (let i = 0; i < a.length; i++) {
    if (!Number.isFinite(a[i]! + b[i]!)) continue
    some[rows] = a[i]!
    others[rows++] = b[i]!
  }
  return product(standardized(some.subarray(0, rows)), standardized(others.subarray(0, rows)))
}

/** What rounding alone makes of a constant column of values up to 1. */
function leastSquares(rows: number): number {
  return rows * (8 * Number.EPSILON) ** 2
}
