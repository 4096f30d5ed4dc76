import type { Matrix } from '../../data/matrix.ts'
import { ModelError } from '../errors.ts'

/** Throws ShapeMismatch unless there are as many `others` as targets, DatasetEmpty for none. */
export function requirePairs(yTrue: ArrayLike<number>, others: number, what: string): void {
  if (yTrue.length !== others) {
    throw new ModelError(
      'ShapeMismatch',
      `${yTrue.length} targets need as many ${what}, got ${others}`,
    )
  }
  if (yTrue.length === 0) throw new ModelError('DatasetEmpty', 'there is no row to measure')
}

/** Throws ValueNotFinite. */
export function requireFinite(values: ArrayLike<number>, what: string): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      throw new ModelError('ValueNotFinite', `${what} ${i} is ${values[i]}`)
    }
  }
}

/** What rounding may add to a probability that is a sum of others. */
const rounding = 1e-9

/** Throws ValueNotFinite unless it is a number from 0 to 1, but for what rounding does. */
export function requireProbability(value: number, row: number): void {
  if (value >= -rounding && value <= 1 + rounding) return
  throw new ModelError(
    'ValueNotFinite',
    `a probability of row ${row} is ${value}: it must be from 0 to 1`,
  )
}

/**
 * The number of each row's class; `probabilities` is rows × classes. Throws DatasetEmpty,
 * ShapeMismatch, OptionInvalid for classes that repeat, ValueNotFinite for what is no probability.
 */
export function labelsOf(
  yTrue: ArrayLike<number>,
  { data, rows, cols }: Matrix,
  classes: ArrayLike<number>,
): Int32Array {
  requirePairs(yTrue, rows, 'rows of probabilities')
  if (cols !== classes.length || data.length !== rows * cols) {
    throw new ModelError(
      'ShapeMismatch',
      `${classes.length} classes need as many columns of probabilities, got ${cols}`,
    )
  }
  const indexOf = classIndex(classes)
  for (let at = 0; at < data.length; at++) requireProbability(data[at]!, Math.floor(at / cols))
  return Int32Array.from({ length: yTrue.length }, (_, i) => requireClass(indexOf, yTrue[i]!, i))
}

/** The place of each class. Throws OptionInvalid where one is there twice. */
export function classIndex(classes: ArrayLike<number>): Map<number, number> {
  const indexOf = new Map(Array.from(classes, (value, index) => [value, index]))
  if (indexOf.size === classes.length) return indexOf
  throw new ModelError('OptionInvalid', 'classes are a list of different numbers')
}

/** The place of a row's class. Throws ShapeMismatch when it is none. */
export function requireClass(indexOf: Map<number, number>, value: number, row: number): number {
  const index = indexOf.get(value)
  if (index === undefined) {
    const known = [...indexOf.keys()].slice(0, 10).join(', ')
    throw new ModelError('ShapeMismatch', `row ${row} has ${value}, none of the classes ${known}`)
  }
  return index
}
