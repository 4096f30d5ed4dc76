import type { Matrix } from '../data/matrix.ts'

export function columnMeans({ data, rows, cols }: Matrix): Float64Array {
  const means = new Float64Array(cols)
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++, at++) means[j]! += data[at]!
  }
  return means.map((sum) => sum / rows)
}

/** Population variances around `means`. */
export function columnVariances({ data, rows, cols }: Matrix, means: Float64Array): Float64Array {
  const variances = new Float64Array(cols)
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++, at++) variances[j]! += (data[at]! - means[j]!) ** 2
  }
  return variances.map((sum) => sum / rows)
}
