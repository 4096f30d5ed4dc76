import { permutation, seededRandom } from '../../data/random.ts'
import { ModelError } from '../errors.ts'
import { checkSeed, refuseUnknownOptions } from '../options.ts'

/** Rows to learn from and rows to judge by, each ascending. */
export interface Fold {
  readonly train: Int32Array
  readonly test: Int32Array
}

export interface FoldsOptions {
  /** Default 5. */
  readonly folds?: number
  /** A 32-bit integer by which rows are dealt out; without one they are taken in their order. */
  readonly seed?: number
}

/**
 * Every row is judged in one fold; sizes differ by at most one (scikit-learn's KFold). Throws
 * OptionInvalid for an impossible number of folds.
 */
export function kFold(rows: number, options: FoldsOptions = {}): Fold[] {
  const { folds, seed } = foldsOptions('kFold', options)
  checkFolds('kFold', folds, rows, 'rows')
  const order =
    seed === undefined
      ? Int32Array.from({ length: rows }, (_, i) => i)
      : permutation(rows, seededRandom(seed))
  const foldOf = new Int32Array(rows)
  let at = 0
  for (let fold = 0; fold < folds; fold++) {
    const size = Math.floor(rows / folds) + (fold < rows % folds ? 1 : 0)
    for (const end = at + size; at < end; at++) foldOf[order[at]!] = fold
  }
  return predefinedSplit(foldOf, folds)
}

/**
 * As `kFold`, with the rows of each class spread evenly: no two folds differ by more than one row of
 * a class (scikit-learn's StratifiedKFold).
 *
 * @param y the class of each row
 */
export function stratifiedKFold(y: ArrayLike<number>, options: FoldsOptions = {}): Fold[] {
  const { folds, seed } = foldsOptions('stratifiedKFold', options)
  checkFolds('stratifiedKFold', folds, y.length, 'rows')
  const members = rowsByClass(y)
  const random = seed === undefined ? undefined : seededRandom(seed)
  const foldOf = new Int32Array(y.length)
  // Classes stand one after the other, and every folds-th place is one fold's.
  let before = 0
  for (const rows of members.values()) {
    const places = new Int32Array(rows.length)
    for (let fold = 0, at = 0; fold < folds; fold++) {
      const first = (((fold - before) % folds) + folds) % folds
      for (let k = first; k < rows.length; k += folds) places[at++] = fold
    }
    const order = random ? permutation(rows.length, random) : undefined
    rows.forEach((row, k) => (foldOf[row] = places[order ? order[k]! : k]!))
    before += rows.length
  }
  return predefinedSplit(foldOf, folds)
}

/**
 * Rows of one group are never on both sides, so that a model is judged on groups it does not know;
 * groups go, the largest first, to the fold with the fewest rows (scikit-learn's GroupKFold). Throws
 * OptionInvalid for more folds than groups.
 *
 * @param groups the group of each row
 */
export function groupKFold(
  groups: ArrayLike<number>,
  options: Pick<FoldsOptions, 'folds'> = {},
): Fold[] {
  refuseUnknownOptions('groupKFold', ['folds'], options)
  const { folds = 5 } = options
  const sizes = new Map<number, number>()
  for (let i = 0; i < groups.length; i++) {
    sizes.set(groups[i]!, (sizes.get(groups[i]!) ?? 0) + 1)
  }
  checkFolds('groupKFold', folds, sizes.size, 'groups')
  const largestFirst = [...sizes].sort(([a, n], [b, m]) => m - n || b - a)
  const filled = new Array<number>(folds).fill(0)
  const foldOfGroup = new Map<number, number>()
  for (const [group, size] of largestFirst) {
    const fold = filled.indexOf(Math.min(...filled))
    filled[fold]! += size
    foldOfGroup.set(group, fold)
  }
  return predefinedSplit(
    Int32Array.from({ length: groups.length }, (_, i) => foldOfGroup.get(groups[i]!)!),
    folds,
  )
}

/**
 * Every row is judged in the fold that is told of it (scikit-learn's PredefinedSplit). Throws
 * OptionInvalid for a fold that there is not.
 *
 * @param foldOf the fold of each row, from 0 to `folds` - 1
 */
export function predefinedSplit(foldOf: ArrayLike<number>, folds: number): Fold[] {
  checkFolds('predefinedSplit', folds, foldOf.length, 'rows')
  const sizes = new Int32Array(folds)
  for (let i = 0; i < foldOf.length; i++) {
    const fold = foldOf[i]!
    if (!(fold in sizes)) {
      throw new ModelError(
        'OptionInvalid',
        `predefinedSplit: row ${i} is of fold ${fold} of ${folds}`,
      )
    }
    sizes[fold]!++
  }
  return Array.from(sizes, (size, fold) => {
    const train = new Int32Array(foldOf.length - size)
    const test = new Int32Array(size)
    let [learned, judged] = [0, 0]
    for (let i = 0; i < foldOf.length; i++) {
      if (foldOf[i] === fold) test[judged++] = i
      else train[learned++] = i
    }
    return { train, test }
  })
}

export interface TimeSeriesOptions {
  /** Default 5. */
  readonly folds?: number
  /** Rows judged in each fold. Default as many as leave as much for the first training. */
  readonly testSize?: number
  /** Rows left out between training and judging. Default 0. */
  readonly gap?: number
  /** The most rows to learn from, the latest. Default all. */
  readonly maxTrainSize?: number
}

/**
 * Rows in the order of time: each fold is judged on rows later than all it learned from
 * (scikit-learn's TimeSeriesSplit). Throws OptionInvalid for sizes that do not fit the rows.
 */
export function timeSeriesSplit(rows: number, options: TimeSeriesOptions = {}): Fold[] {
  refuseUnknownOptions('timeSeriesSplit', ['folds', 'testSize', 'gap', 'maxTrainSize'], options)
  const { folds = 5, testSize, gap = 0, maxTrainSize = Infinity } = options
  checkFolds('timeSeriesSplit', folds, rows - 1, 'rows but one')
  const size = testSize ?? Math.floor(rows / (folds + 1))
  const areWhole = [size, gap].every(Number.isInteger)
  const first = rows - folds * size
  if (!areWhole || size < 1 || gap < 0 || !(maxTrainSize >= 1) || first - gap < 1) {
    throw new ModelError(
      'OptionInvalid',
      `timeSeriesSplit: ${folds} folds of ${size} rows after a gap of ${gap} do not fit ${rows} rows`,
    )
  }
  return Array.from({ length: folds }, (_, fold) => {
    const start = first + fold * size
    const end = start - gap
    return { train: range(Math.max(0, end - maxTrainSize), end), test: range(start, start + size) }
  })
}

export interface TrainTestOptions {
  /** The share of rows to judge by, rounded up. Default 0.25. */
  readonly testSize?: number
  /** A 32-bit integer. */
  readonly seed: number
  /** The class of each row, whose shares are kept on both sides. */
  readonly stratify?: ArrayLike<number>
}

/** One random split. Throws OptionInvalid where a side would be empty or lack a class. */
export function trainTestSplit(rows: number, options: TrainTestOptions): Fold {
  refuseUnknownOptions('trainTestSplit', ['testSize', 'seed', 'stratify'], options)
  const { testSize = 0.25, seed, stratify } = options
  checkSeed('trainTestSplit', seed)
  const count = Math.ceil(rows * testSize)
  if (!(testSize > 0 && testSize < 1) || count >= rows) {
    throw new ModelError(
      'OptionInvalid',
      `trainTestSplit: a share of ${testSize} of ${rows} rows leaves a side empty`,
    )
  }
  const isTest = new Int32Array(rows)
  const random = seededRandom(seed)
  const order = permutation(rows, random)
  if (!stratify) {
    for (let k = 0; k < count; k++) isTest[order[k]!] = 1
  } else {
    if (stratify.length !== rows) {
      throw new ModelError('ShapeMismatch', `${rows} rows have ${stratify.length} classes`)
    }
    drawByClass(stratify, order, count, isTest)
  }
  return predefinedSplit(isTest, 2)[1]!
}

/** Marks `count` rows, each class by its share, rounded such that the sum is right. */
function drawByClass(
  classes: ArrayLike<number>,
  order: Int32Array,
  count: number,
  isTest: Int32Array,
): void {
  const members = new Map<number, number[]>()
  for (const row of order) {
    const rows = members.get(classes[row]!)
    if (rows) rows.push(row)
    else members.set(classes[row]!, [row])
  }
  const shares = [...members].sort(([a], [b]) => a - b)
  const exact = shares.map(([, rows]) => (rows.length * count) / order.length)
  const sizes = exact.map(Math.floor)
  const left = count - sizes.reduce((sum, size) => sum + size, 0)
  const byRest = [...exact.keys()].sort((a, b) => (exact[b]! % 1) - (exact[a]! % 1) || a - b)
  for (const c of byRest.slice(0, left)) sizes[c]!++
  shares.forEach(([label, rows], c) => {
    if (sizes[c] === 0 || sizes[c] === rows.length) {
      throw new ModelError(
        'OptionInvalid',
        `trainTestSplit: ${rows.length} rows of class ${label} are too few for both sides`,
      )
    }
    for (const row of rows.slice(0, sizes[c])) isTest[row] = 1
  })
}

/** The rows of each class, by when it first comes. */
function rowsByClass(y: ArrayLike<number>): Map<number, Int32Array> {
  const counts = new Map<number, number>()
  for (let i = 0; i < y.length; i++) counts.set(y[i]!, (counts.get(y[i]!) ?? 0) + 1)
  const members = new Map(Array.from(counts, ([label, count]) => [label, new Int32Array(count)]))
  for (let i = y.length - 1; i >= 0; i--) {
    const left = counts.get(y[i]!)! - 1
    counts.set(y[i]!, left)
    members.get(y[i]!)![left] = i
  }
  return members
}

function range(start: number, end: number): Int32Array {
  return Int32Array.from({ length: end - start }, (_, k) => start + k)
}

function foldsOptions(
  owner: string,
  options: FoldsOptions,
): { readonly folds: number; readonly seed: number | undefined } {
  refuseUnknownOptions(owner, ['folds', 'seed'], options)
  const { folds = 5, seed } = options
  if (seed !== undefined) checkSeed(owner, seed)
  return { folds, seed }
}

function checkFolds(owner: string, folds: number, most: number, what: string): void {
  if (Number.isInteger(folds) && folds >= 2 && folds <= most) return
  throw new ModelError(
    'OptionInvalid',
    `${owner}: option folds takes a whole number from 2 to the ${most} ${what}, got ${folds}`,
  )
}
