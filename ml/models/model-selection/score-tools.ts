import type { Matrix } from '../../data/matrix.ts'

/** Probabilities over the classes that were learned, as columns of all classes. */
export function spreadOver(
  probabilities: Matrix,
  learned: Float64Array,
  classes: Float64Array,
): Matrix {
  if (learned.length === classes.length) return probabilities
  const columns = Array.from(learned, (value) => classes.indexOf(value))
  const { rows, cols } = probabilities
  const data = new Float64Array(rows * classes.length)
  for (let i = 0; i < rows; i++) {
    columns.forEach((column, c) => {
      data[i * classes.length + column] = probabilities.data[i * cols + c]!
    })
  }
  return { data, rows, cols: classes.length }
}

export function meanOf(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}
