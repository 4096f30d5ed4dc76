import { equalRows, type Matrix } from '../ml/data/index.ts'
import {
  kFold,
  predefinedSplit,
  stratifiedKFold,
  timeSeriesSplit,
  type Fold,
} from '../ml/models/index.ts'
import type { LearningTask } from './shapes.ts'

/** Folds of cross-validation; of more than `manyRows` rows fewer will do. */
const maxFolds = 5
const foldsOfManyRows = 3
const manyRows = 50_000

/** Different rows a fold, below which equal ones are what the data is like rather than copies. */
const leastRowsOfFold = 2

export interface TuningFoldsOptions {
  readonly seed: number
  /** Whether the rows stand in the order in which they happened. */
  readonly timeOrder: boolean
}

/**
 * The folds by which settings and candidates are compared. In time order each is judged on rows later
 * than all it learned from: the later half of the rows, part by part. Else every row is judged once,
 * classes spread evenly, and rows of equal features are in one fold, as none is judged by what learned
 * its copy; so too where the earlier rows are too few or of one class only.
 *
 * @param y the target of each row
 */
export function tuningFolds(
  task: LearningTask,
  X: Matrix,
  y: Float64Array,
  { seed, timeOrder }: TuningFoldsOptions,
): Fold[] {
  const most = foldsOf(y.length)
  const inTime = timeOrder ? timeFolds(task, y, most) : []
  if (inTime.length > 0) return inTime
  return copiesTogether(task, X, y, most, seed) ?? dealt(task, y, Math.min(most, y.length), seed)
}

/** Folds of so many rows, at most. */
export function foldsOf(rows: number): number {
  return rows > manyRows ? foldsOfManyRows : maxFolds
}

/** Every fold learns from half of the rows or more, as `clusterReasons` reckons with. */
function timeFolds(task: LearningTask, y: Float64Array, most: number): Fold[] {
  const folds = Math.min(most, Math.floor(y.length / 2))
  if (folds < 2) return []
  const testSize = Math.max(1, Math.floor(y.length / (2 * folds)))
  const split = timeSeriesSplit(y.length, { folds, testSize })
  // Rows that are sorted by class say nothing of another one before it came.
  return split.filter((fold) => tellsClasses(task, y, fold))
}

/** Folds of whole groups of equal rows; none where that leaves too few to learn from. */
function copiesTogether(
  task: LearningTask,
  X: Matrix,
  y: Float64Array,
  folds: number,
  seed: number,
): Fold[] | undefined {
  const { groupOf, groups } = equalRows(X)
  if (groups === X.rows || groups < leastRowsOfFold * folds) return undefined
  const { unitOf, classes } = unitsOf(task, groupOf, y)
  const foldOf = new Int32Array(classes.length)
  dealt(task, classes, folds, seed).forEach(({ test }, fold) => {
    for (const unit of test) foldOf[unit] = fold
  })
  const split = predefinedSplit(
    unitOf.map((unit) => foldOf[unit]!),
    folds,
  )
  return split.every((fold) => tellsClasses(task, y, fold)) ? split : undefined
}

/** What is dealt out as one, and as which class. */
interface Units {
  readonly unitOf: Int32Array
  readonly classes: Float64Array
}

/**
 * Groups, each as its rarest class, so that every class comes to as many folds as it can; a class of
 * which all rows are equal row by row, as no fold could learn it else.
 */
function unitsOf(task: LearningTask, groupOf: Int32Array, y: Float64Array): Units {
  const classOf = (row: number) => (task === 'classification' ? y[row]! : 0)
  const countOf = new Map<number, number>()
  const firstGroup = new Map<number, number>()
  const manifold = new Set<number>()
  groupOf.forEach((group, row) => {
    const label = classOf(row)
    countOf.set(label, (countOf.get(label) ?? 0) + 1)
    if (firstGroup.get(label) === undefined) firstGroup.set(label, group)
    else if (firstGroup.get(label) !== group) manifold.add(label)
  })
  const unitOfGroup = new Int32Array(groupOf.length).fill(-1)
  const classes: number[] = []
  const unitOf = groupOf.map((group, row) => {
    const label = classOf(row)
    const known = manifold.has(label) ? unitOfGroup[group]! : -1
    if (known < 0) {
      const unit = classes.push(label) - 1
      if (manifold.has(label)) unitOfGroup[group] = unit
      return unit
    }
    if (countOf.get(label)! < countOf.get(classes[known]!)!) classes[known] = label
    return known
  })
  return { unitOf, classes: Float64Array.from(classes) }
}

function dealt(task: LearningTask, y: Float64Array, folds: number, seed: number): Fold[] {
  return task === 'classification'
    ? stratifiedKFold(y, { folds, seed })
    : kFold(y.length, { folds, seed })
}

/** Whether a fold learns from more than one class, where there are classes. */
function tellsClasses(task: LearningTask, y: Float64Array, { train }: Fold): boolean {
  return task !== 'classification' || train.some((row) => y[row] !== y[train[0]!])
}
