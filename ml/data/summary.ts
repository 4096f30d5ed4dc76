import { mean, quantileSorted, standardDeviation, uniqueCountSorted } from 'simple-statistics'
import type { Matrix } from './matrix.ts'
import { RowHasher } from './row-hash.ts'

/** All of it is JSON: a figure is null where there is no finite value, or where it overflows. */
export interface ColumnSummary {
  readonly name: string
  /** Rows in all. */
  readonly count: number
  /** Rows that are NaN. */
  readonly missing: number
  /** Rows that are infinite. */
  readonly infinite: number
  /** Distinct finite values. */
  readonly distinct: number
  readonly min: number | null
  readonly max: number | null
  readonly mean: number | null
  /** Of the population: the divisor is the number of finite values. */
  readonly standardDeviation: number | null
  /** Linear between neighbours, as numpy.quantile. `q50` is the median. */
  readonly quantiles: {
    readonly q05: number | null
    readonly q25: number | null
    readonly q50: number | null
    readonly q75: number | null
    readonly q95: number | null
  }
}

/**
 * Describes each column by its finite values (simple-statistics). It depends on the values only, not
 * on the order of the rows. O(n log n) a column.
 *
 * @param m n × d
 * @param names d column names
 * @throws RangeError when there is not one name a column
 */
export function summarize(m: Matrix, names: readonly string[]): ColumnSummary[] {
  if (names.length !== m.cols) {
    throw new RangeError(`${m.cols} columns have ${names.length} names`)
  }
  return names.map((name, j) => {
    const column = new Float64Array(m.rows)
    for (let i = 0; i < m.rows; i++) column[i] = m.data[i * m.cols + j]!
    return summarizeColumn(column, name)
  })
}

/** Describes one column as `summarize` does; `values` is not changed. */
export function summarizeColumn(values: Float64Array, name: string): ColumnSummary {
  const sortable = new Float64Array(values.length)
  let [finite, missing] = [0, 0]
  for (const value of values) {
    if (Number.isFinite(value)) sortable[finite++] = value === 0 ? 0 : value
    else if (Number.isNaN(value)) missing++
  }
  // Sorted first, so that sums are the same in whatever order the rows came.
  const sorted = Array.from(sortable.subarray(0, finite).sort())
  const figure = (of: (sorted: number[]) => number): number | null => {
    const result = finite === 0 ? NaN : of(sorted)
    return Number.isFinite(result) ? result : null
  }
  const quantile = (p: number) => figure((x) => quantileSorted(x, p))
  return {
    name,
    count: values.length,
    missing,
    infinite: values.length - missing - finite,
    distinct: uniqueCountSorted(sorted),
    min: sorted[0] ?? null,
    max: sorted.at(-1) ?? null,
    mean: figure(mean),
    standardDeviation: figure(standardDeviation),
    quantiles: {
      q05: quantile(0.05),
      q25: quantile(0.25),
      q50: quantile(0.5),
      q75: quantile(0.75),
      q95: quantile(0.95),
    },
  }
}

export interface Duplicates {
  /** Rows equal to another one that is not itself counted: n rows that are all equal count n - 1. */
  readonly count: number
  /** `count` over all rows, from 0; 0 without rows. */
  readonly share: number
}

/**
 * How many rows repeat another one exactly (-0 equals 0, NaN equals NaN). O(n log n) comparisons,
 * whatever the rows: those of one hash are put in order by their values.
 */
export function duplicateRows({ data, rows, cols }: Matrix, target?: Float64Array): Duplicates {
  const first = new Uint32Array(rows)
  const second = new Uint32Array(rows)
  const hasher = new RowHasher()
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) hasher.add(data[i * cols + j]!)
    if (target !== undefined) hasher.add(target[i]!)
    const hash = hasher.finish()
    first[i] = hash.first
    second[i] = hash.second
  }
  const compare = (a: number, b: number): number => {
    if (first[a] !== first[b]) return first[a]! < first[b]! ? -1 : 1
    if (second[a] !== second[b]) return second[a]! < second[b]! ? -1 : 1
    for (let j = 0; j < cols; j++) {
      const order = compareValues(data[a * cols + j]!, data[b * cols + j]!)
      if (order !== 0) return order
    }
    return target === undefined ? 0 : compareValues(target[a]!, target[b]!)
  }
  const order = Int32Array.from({ length: rows }, (_, i) => i).sort(compare)
  let count = 0
  for (let k = 1; k < rows; k++) if (compare(order[k - 1]!, order[k]!) === 0) count++
  return { count, share: rows === 0 ? 0 : count / rows }
}

/** Ascending, NaN last and equal to itself. */
function compareValues(a: number, b: number): number {
  if (a < b) return -1
  if (a > b) return 1
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
}
