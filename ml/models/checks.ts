import type { Matrix } from '../data/matrix.ts'
import { ModelError } from './errors.ts'

/**
 * No feature, target or learned number is beyond this: sums of products over any matrix that fits in
 * memory then stay finite.
 */
export const largestMagnitude = 1e140

/** One-vs-one keeps a model a pair of classes: 500 classes are 124,750 pairs. */
export const mostClasses = 500

/**
 * Throws unless `X` is a well-formed matrix of finite numbers with at least one row and column:
 * DatasetEmpty, ShapeMismatch (also when it has not `cols` columns), ValueNotFinite, ValueTooLarge.
 */
export function checkFeatures(X: Matrix, cols?: number): void {
  const { data, rows } = X
  if (!(data instanceof Float64Array) || !isSize(rows) || !isSize(X.cols)) {
    throw new ModelError('ShapeMismatch', 'features are { data: Float64Array, rows, cols }')
  }
  if (data.length !== rows * X.cols) {
    throw new ModelError(
      'ShapeMismatch',
      `a ${rows} × ${X.cols} matrix holds ${rows * X.cols} values, got ${data.length}`,
    )
  }
  if (rows === 0 || X.cols === 0) {
    throw new ModelError(
      'DatasetEmpty',
      `the matrix is ${rows} × ${X.cols}: it needs at least one row and one column`,
    )
  }
  if (cols !== undefined && X.cols !== cols) throw wrongWidth(X.cols, cols)
  for (let k = 0; k < data.length; k++) {
    if (!isUsable(data[k]!)) {
      throw badValue(data[k]!, `row ${Math.floor(k / X.cols)}, column ${k % X.cols}`)
    }
  }
}

/** The same for a single row of `cols` features. */
export function checkRow(row: Float64Array, cols: number): void {
  if (row.length !== cols) throw wrongWidth(row.length, cols)
  for (let j = 0; j < cols; j++) {
    if (!isUsable(row[j]!)) throw badValue(row[j]!, `column ${j}`)
  }
}

/** Targets as class numbers: row i is of class `classes[labels[i]]`. */
export interface EncodedTargets {
  /** Distinct targets, ascending. */
  readonly classes: Float64Array
  readonly labels: Int32Array
}

/**
 * The targets of `rows` rows as class numbers. Throws ShapeMismatch, ValueNotFinite, OneClass,
 * TooManyClasses.
 */
export function encodeTargets(y: ArrayLike<number>, rows: number): EncodedTargets {
  if (y.length !== rows) {
    throw new ModelError('ShapeMismatch', `${rows} rows need as many targets, got ${y.length}`)
  }
  const distinct = new Set<number>()
  for (let i = 0; i < rows; i++) {
    const target = y[i]!
    if (!isUsable(target)) throw badValue(target, `the target of row ${i}`)
    distinct.add(target)
  }
  if (distinct.size < 2) {
    throw new ModelError(
      'OneClass',
      `all ${rows} targets are ${y[0]}: a classifier needs at least two classes`,
    )
  }
  if (distinct.size > mostClasses) {
    throw new ModelError(
      'TooManyClasses',
      `${distinct.size} distinct targets, at most ${mostClasses}: is the target a quantity?`,
    )
  }
  const classes = Float64Array.from(distinct).sort()
  const numberOf = new Map(Array.from(classes, (value, index) => [value, index]))
  return { classes, labels: Int32Array.from({ length: rows }, (_, i) => numberOf.get(y[i]!)!) }
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isUsable(value: number): boolean {
  return value >= -largestMagnitude && value <= largestMagnitude
}

function wrongWidth(found: number, expected: number): ModelError {
  return new ModelError('ShapeMismatch', `the model takes ${expected} features, got ${found}`)
}

function badValue(value: number, place: string): ModelError {
  return Number.isFinite(value)
    ? new ModelError(
        'ValueTooLarge',
        `${place} is ${value}, beyond ±${largestMagnitude}: rescale it`,
      )
    : new ModelError('ValueNotFinite', `${place} is ${value}: it must be a finite number`)
}
