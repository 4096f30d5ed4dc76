import type { Dataset } from './dataset.ts'
import type { Matrix } from './matrix.ts'
import { permutation, seededRandom } from './random.ts'
import { RowHasher } from './row-hash.ts'

export interface Split {
  /** Row numbers, ascending. */
  readonly train: Int32Array
  readonly heldOut: Int32Array
}

type Rows = Pick<Dataset, 'features' | 'target'>

/**
 * Decides for each row, by a hash of its own features and target, whether it is learned from or held
 * out. A row's side depends on nothing else: not on its place, nor on other rows. So equal rows are
 * on one side, and a dataset that grows keeps its split.
 *
 * @param options.heldOut the share of rows to hold out, over 0 and under 1; met on average only
 * @throws RangeError on any other share
 */
export function splitByRow(rows: Rows, options: { heldOut: number }): Split {
  const { heldOut: share } = options
  if (!(share > 0 && share < 1)) {
    throw new RangeError(`the share of rows held out is over 0 and under 1, got ${share}`)
  }
  const n = rows.features.rows
  const side = new Uint8Array(n)
  const threshold = share * 2 ** 32
  let count = 0
  eachRowHash(rows, (i, first) => {
    if (first >= threshold) return
    side[i] = 1
    count++
  })
  const train = new Int32Array(n - count)
  const heldOut = new Int32Array(count)
  let [t, h] = [0, 0]
  for (let i = 0; i < n; i++) {
    if (side[i] === 1) heldOut[h++] = i
    else train[t++] = i
  }
  return { train, heldOut }
}

/**
 * The fold, 0 to `k` - 1, of each row by a hash of its own values: stable as `splitByRow`, and by
 * other bits of the hash, so that the rows that split leaves for training spread over all folds.
 *
 * @throws RangeError unless `k` is an integer from 2
 */
export function foldsByRow(rows: Rows, k: number): Int32Array {
  checkFolds(k)
  const folds = new Int32Array(rows.features.rows)
  eachRowHash(rows, (i, _first, second) => {
    folds[i] = Math.floor((second / 2 ** 32) * k)
  })
  return folds
}

/**
 * The fold, 0 to `k` - 1, of each row, drawn under `seed` such that the rows of each class, and all
 * rows, are spread evenly: no two folds differ by more than one row of a class, nor by more than one
 * row in all.
 *
 * @param y class of each row; NaN counts as a class
 * @throws RangeError unless `k` is an integer from 2 to the number of rows
 */
export function stratifiedFolds(y: Float64Array, k: number, seed: number): Int32Array {
  checkFolds(k)
  if (k > y.length) throw new RangeError(`${y.length} rows cannot be spread over ${k} folds`)
  const members = new Map<number, number[]>()
  y.forEach((label, i) => {
    const rows = members.get(label)
    if (rows === undefined) members.set(label, [i])
    else rows.push(i)
  })
  const random = seededRandom(seed)
  const folds = new Int32Array(y.length)
  let dealt = 0
  for (const label of [...members.keys()].sort(ascending)) {
    const rows = members.get(label)!
    for (const index of permutation(rows.length, random)) folds[rows[index]!] = dealt++ % k
  }
  return folds
}

/** NaN last. */
function ascending(a: number, b: number): number {
  if (Number.isNaN(a)) return 1
  return Number.isNaN(b) ? -1 : a - b
}

function checkFolds(k: number): void {
  if (!Number.isInteger(k) || k < 2) {
    throw new RangeError(`the number of folds is an integer from 2, got ${k}`)
  }
}

/** Which rows are equal: -0 to 0 and NaN to NaN, as `splitByRow` takes them. */
export interface EqualRows {
  /** The group of each row, numbered by when they first come. */
  readonly groupOf: Int32Array
  readonly groups: number
}

/** Rows of one hash count as equal. */
export function equalRows({ data, rows, cols }: Matrix): EqualRows {
  const keys = new Float64Array(rows)
  const hasher = new RowHasher()
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) hasher.add(data[i * cols + j]!)
    const { first, second } = hasher.finish()
    keys[i] = first * 2 ** 21 + (second >>> 11)
  }
  // Open addressing: a Map takes no more than 2^24 keys.
  const slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * rows + 1)))
  const groupOf = new Int32Array(rows)
  let groups = 0
  for (let i = 0; i < rows; i++) {
    let slot = keys[i]! % slots.length
    while (slots[slot]! > 0 && keys[slots[slot]! - 1] !== keys[i]) slot = (slot + 1) % slots.length
    if (slots[slot] === 0) {
      slots[slot] = i + 1
      groupOf[i] = groups++
    } else {
      groupOf[i] = groupOf[slots[slot]! - 1]!
    }
  }
  return { groupOf, groups }
}

function eachRowHash(
  { features, target }: Rows,
  visit: (row: number, first: number, second: number) => void,
): void {
  const { data, rows, cols } = features
  if (target.length !== rows) {
    throw new RangeError(`${rows} rows of features have ${target.length} target values`)
  }
  const hasher = new RowHasher()
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) hasher.add(data[i * cols + j]!)
    hasher.add(target[i]!)
    const { first, second } = hasher.finish()
    visit(i, first, second)
  }
}
