/** The size of what is learned from, as it reaches the learner: after categories got their columns. */
export interface LearningSize {
  readonly rows: number
  readonly cols: number
  /** Different targets; 1 where the target is no class. */
  readonly classes: number
}

/** Why data of some size is beyond a learner's time or memory, if it is. */
export type SizeLimit = (size: LearningSize) => string | undefined

/** Doubles in one copy of the features: 2 GiB. */
const mostValues = 2 ** 28
/** Multiplications of one least squares problem: half a minute. */
const mostProducts = 4e10
/** Bytes of the largest model: it is encoded, kept and loaded whole. */
const mostModelBytes = 1.25 * 2 ** 30
/** Numbers by row and class that boosting keeps: 2 GiB, 16 bytes each. */
const mostRawPredictions = 2 ** 27

/** Trees of the usual forest. */
const forestTrees = 100
/** A tree that is grown to its end has about a leaf for so many rows of real data. */
const rowsPerLeaf = 4
/** A leaf's own node and its share of the nodes above. */
const nodeBytes = 32

/** All learners hold the features, and most of them once more. */
export const fitsInMemory: SizeLimit = ({ rows, cols }) =>
  rows * cols <= mostValues
    ? undefined
    : `${rows} × ${cols} are more values than the ${mostValues} that fit in memory`

/** A decomposition costs rows × columns × the lesser of both. */
export const solvesInTime: SizeLimit = ({ rows, cols }) =>
  rows * cols * Math.min(rows, cols) <= mostProducts
    ? undefined
    : `least squares of ${rows} × ${cols} take too long: ` +
      `rows × columns × the lesser of both may be ${mostProducts}`

/** A leaf of a tree of classes keeps a number a class. */
export const keepsForest: SizeLimit = (size) => keepsTrees(size, forestTrees)
export const keepsTree: SizeLimit = (size) => keepsTrees(size, 1)

/** Boosting keeps two numbers a row and class while it learns. */
export const keepsRawPredictions: SizeLimit = ({ rows, classes }) =>
  rows * classes <= mostRawPredictions
    ? undefined
    : `${rows} rows of ${classes} classes are more than the ${mostRawPredictions} ` +
      'predictions that fit in memory'

function keepsTrees({ rows, classes }: LearningSize, trees: number): string | undefined {
  const bytes = ((trees * rows) / rowsPerLeaf) * (nodeBytes + 8 * classes)
  if (bytes <= mostModelBytes) return undefined
  const [size, most] = [bytes, mostModelBytes].map((count) => (count / 2 ** 30).toFixed(1))
  return `of ${rows} rows and ${classes} classes the leaves would take about ${size} GiB, at most ${most}`
}
