import type { Matrix } from '../data/matrix.ts'

/** The mean of each column over what is not NaN; 0 where there is nothing else. */
export function columnMeans({ data, rows, cols }: Matrix): Float64Array {
  const means = new Float64Array(cols)
  const missing = new Float64Array(cols)
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++, at++) {
      const value = data[at]!
      if (value === value) means[j]! += value
      else missing[j]!++
    }
  }
  return means.map((sum, j) => (missing[j] === rows ? 0 : sum / (rows - missing[j]!)))
}

/** Population variances around `means`, in the same way. */
export function columnVariances({ data, rows, cols }: Matrix, means: Float64Array): Float64Array {
  const variances = new Float64Array(cols)
  const missing = new Float64Array(cols)
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++, at++) {
      const value = data[at]!
      if (value === value) variances[j]! += (value - means[j]!) ** 2
      else missing[j]!++
    }
  }
  return variances.map((sum, j) => (missing[j] === rows ? 0 : sum / (rows - missing[j]!)))
}

/** Whether a variance is no more than what rounding the mean of `rows` values can make of 0. */
export function isConstantColumn(variance: number, mean: number, rows: number): boolean {
  return variance <= rows * Number.EPSILON * variance + (rows * mean * Number.EPSILON) ** 2
}
