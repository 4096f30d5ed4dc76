import type { Matrix } from '../data/matrix.ts'
import { ModelError } from './errors.ts'

/**
 * No feature, target or learned number is beyond this: sums of products over any matrix that fits in
 * memory then stay finite.
 */
export const largestMagnitude = 1e140

/** No row counts more than this. */
const greatestWeight = 1e12

/** One-vs-one keeps a model a pair of classes: 500 classes are 124,750 pairs. */
export const mostClasses = 500

/**
 * Throws unless `X` is a well-formed matrix of finite numbers with at least one row and column:
 * DatasetEmpty, ShapeMismatch (also when it has not `cols` columns), ValueNotFinite, ValueTooLarge.
 * With `acceptsMissing` a number may be NaN. Rows are named from `firstRow` on.
 */
export function checkFeatures(
  X: Matrix,
  cols?: number,
  acceptsMissing = false,
  firstRow = 0,
): void {
  if (!isMatrix(X)) {
    throw new ModelError('ShapeMismatch', 'features are { data: Float64Array, rows, cols }')
  }
  const { data, rows } = X
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
  const k = firstUnusable(data, data.length, acceptsMissing)
  if (k < 0) return
  throw badValue(data[k]!, `row ${firstRow + Math.floor(k / X.cols)}, column ${k % X.cols}`)
}

/** The same for a single row of `cols` features. */
export function checkRow(row: Float64Array, cols: number, acceptsMissing = false): void {
  if (!hasLength(row)) throw new ModelError('ShapeMismatch', 'a row is a Float64Array')
  if (row.length !== cols) throw wrongWidth(row.length, cols)
  const j = firstUnusable(row, cols, acceptsMissing)
  if (j >= 0) throw badValue(row[j]!, `column ${j}`)
}

/** The quantities of `rows` rows. Throws ShapeMismatch, ValueNotFinite, ValueTooLarge. */
export function checkTargets(y: ArrayLike<number>, rows: number): Float64Array {
  checkTargetCount(y, rows)
  for (let i = 0; i < rows; i++) {
    if (!isUsable(y[i]!)) throw badValue(y[i]!, `the target of row ${i}`)
  }
  return y instanceof Float64Array ? y : Float64Array.from(y)
}

/**
 * What each of `rows` rows counts, by default 1. Throws OptionInvalid when `owner` takes no weights,
 * ShapeMismatch, and ValueNotFinite or ValueTooLarge for one that is not from 0 to 1e12.
 */
export function checkWeights(
  weights: ArrayLike<number> | undefined,
  rows: number,
  owner: { readonly algorithm: string; readonly acceptsWeights: boolean },
): Float64Array {
  if (weights === undefined) return new Float64Array(rows).fill(1)
  if (!owner.acceptsWeights) {
    throw new ModelError('OptionInvalid', `${owner.algorithm} takes no sampleWeight`)
  }
  const checked = checkWeightCount(weights, rows)!
  for (let i = 0; i < rows; i++) {
    const weight = checked[i]!
    if (!(weight >= 0 && weight <= greatestWeight)) {
      throw new ModelError(
        weight > greatestWeight && weight < Infinity ? 'ValueTooLarge' : 'ValueNotFinite',
        `the weight of row ${i} is ${weight}: it must be from 0 to ${greatestWeight}`,
      )
    }
  }
  return checked
}

/** Weights as they are given, for rows that are yet to be drawn. Throws ShapeMismatch. */
export function checkWeightCount(
  weights: ArrayLike<number> | undefined,
  rows: number,
): Float64Array | undefined {
  if (weights === undefined) return undefined
  if (hasLength(weights) && weights.length === rows) return Float64Array.from(weights)
  throw new ModelError(
    'ShapeMismatch',
    `${rows} rows need as many weights, got ${countOf(weights)}`,
  )
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
  checkTargetCount(y, rows)
  const labels = new Int32Array(rows)
  /** Distinct targets, by when they first came. */
  const numberOf = new Map<number, number>()
  for (let i = 0; i < rows; i++) {
    const target = y[i]!
    let number = numberOf.get(target)
    if (number === undefined) {
      if (!isUsable(target)) throw badValue(target, `the target of row ${i}`)
      number = numberOf.size
      numberOf.set(target, number)
    }
    labels[i] = number
  }
  if (numberOf.size < 2) {
    throw new ModelError(
      'OneClass',
      `all ${rows} targets are ${y[0]}: a classifier needs at least two classes`,
    )
  }
  if (numberOf.size > mostClasses) {
    throw new ModelError(
      'TooManyClasses',
      `${numberOf.size} distinct targets, at most ${mostClasses}: is the target a quantity?`,
    )
  }
  const classes = Float64Array.from(numberOf.keys()).sort()
  const rank = new Int32Array(classes.length)
  classes.forEach((value, c) => (rank[numberOf.get(value)!] = c))
  for (let i = 0; i < rows; i++) labels[i] = rank[labels[i]!]!
  return { classes, labels }
}

function checkTargetCount(y: ArrayLike<number>, rows: number): void {
  if (!hasLength(y) || y.length !== rows) {
    throw new ModelError('ShapeMismatch', `${rows} rows need as many targets, got ${countOf(y)}`)
  }
}

function isMatrix(X: unknown): X is Matrix {
  if (typeof X !== 'object' || X === null) return false
  const { data, rows, cols } = X as Partial<Matrix>
  return data instanceof Float64Array && isSize(rows) && isSize(cols)
}

function hasLength(values: unknown): values is ArrayLike<number> {
  return typeof values === 'object' && values !== null && 'length' in values
}

function countOf(values: unknown): string {
  return hasLength(values) ? String(values.length) : String(values)
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** Values that are looked at together: the greatest of them is found faster than each is judged. */
const together = 256

/** The place of the first value that cannot be used, or -1. */
function firstUnusable(values: Float64Array, count: number, acceptsMissing: boolean): number {
  for (let start = 0; start < count; start += together) {
    const end = Math.min(count, start + together)
    let greatest = 0
    for (let k = start; k < end; k++) greatest = Math.max(greatest, Math.abs(values[k]!))
    // Of values with a NaN among them the greatest is NaN.
    if (greatest <= largestMagnitude) continue
    for (let k = start; k < end; k++) {
      if (!isUsable(values[k]!) && !(acceptsMissing && Number.isNaN(values[k]!))) return k
    }
  }
  return -1
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
