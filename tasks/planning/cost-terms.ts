import type { LearningTask } from '../shapes.ts'

/** What one fit learns from. */
export interface FitSize {
  readonly rows: number
  readonly cols: number
  /** Of a classification; 1 of a regression, whose target is one quantity, and 0 without a target. */
  readonly classes: number
}

/** Rates of a cost, by the names of its terms. */
export type Rate = Readonly<Partial<Record<CostTerm, number>>>

/** What times and memory grow with. A cost is the sum of some of them, each at its rate. */
const terms = {
  once: () => 1,
  rows: ({ rows }: FitSize) => rows,
  /** Targets are drawn at random, of which caches hold ever less. */
  scatteredTargets: ({ rows, classes }: FitSize) => (classes === 0 ? 0 : rows ** 1.5),
  columns: ({ cols }: FitSize) => cols,
  cells: ({ rows, cols }: FitSize) => rows * cols,
  /** A process is slow at first: its code is compiled while it runs. */
  firstCells: ({ rows, cols }: FitSize) => Math.min(rows * cols, 30_000),
  rowsByClass: ({ rows, classes }: FitSize) => rows * classes,
  columnsByClass: ({ cols, classes }: FitSize) => cols * classes,
  cellsByClass: ({ rows, cols, classes }: FitSize) => rows * cols * classes,
  /** A decomposition. */
  products: ({ rows, cols }: FitSize) => rows * cols * Math.min(rows, cols),
  /** Rows are sorted by each column, or divided level by level. */
  sortedCells: ({ rows, cols }: FitSize) => rows * cols * Math.log2(rows + 1),
  /** The same where a split looks at the square root of the columns. */
  sortedRootCells: ({ rows, cols }: FitSize) => rows * Math.sqrt(cols) * Math.log2(rows + 1),
  sortedRowsByClass: ({ rows, classes }: FitSize) => rows * classes * Math.log2(rows + 1),
  /** Boosting grows a tree for each class, of two classes one, whose leaves hold so many rows at least. */
  boostedLeaves: (size: FitSize) => boostedTrees(size) * leavesOf(size),
  boostedLeafColumns: (size: FitSize) => boostedTrees(size) * leavesOf(size) * size.cols,
  boostedRows: (size: FitSize) => boostedTrees(size) * size.rows,
  boostedCells: (size: FitSize) => boostedTrees(size) * size.rows * size.cols,
  /** Every row beside every other. */
  pairs: ({ rows }: FitSize) => rows * rows,
  pairCells: ({ rows, cols }: FitSize) => rows * rows * cols,
  /** Every two classes against each other. */
  classPairs: ({ classes }: FitSize) => (classes * (classes - 1)) / 2,
  /** Rows of two classes beside each other, of all two. */
  kernels: ({ rows, classes }: FitSize) => (2 * rows * rows * (classes - 1)) / classes,
  kernelCells: ({ rows, cols, classes }: FitSize) =>
    (2 * rows * rows * cols * (classes - 1)) / classes,
} as const satisfies Readonly<Record<string, (size: FitSize) => number>>

function boostedTrees({ classes }: FitSize): number {
  return classes > 2 ? classes : 1
}

/** Of a tree of the usual size, or as far as the rows go. */
function leavesOf({ rows }: FitSize): number {
  return Math.min(31, Math.max(2, rows / 30))
}

/** The classes of what is to be learned, where so many different targets were found. */
export function classesOf(task: LearningTask, found: number): number {
  if (task === 'classification') return found
  return task === 'regression' ? 1 : 0
}

export type CostTerm = keyof typeof terms

export function termOf(term: CostTerm, size: FitSize): number {
  return terms[term](size)
}

/** The cost at these rates. */
export function costAt(rate: Rate, size: FitSize): number {
  return Object.entries(rate).reduce(
    (sum, [term, value]) => sum + value * terms[term as CostTerm](size),
    0,
  )
}

const floor = ['once', 'rows'] as const
const leastSquares = ['once', 'cells', 'products'] as const
const machines = ['once', 'cells', 'classPairs', 'kernels', 'kernelCells'] as const
const logistic = ['once', 'cells', 'cellsByClass', 'columnsByClass'] as const
const boosting: readonly CostTerm[] = [
  ...(['once', 'boostedLeaves', 'boostedLeafColumns'] as const),
  ...(['boostedRows', 'boostedCells'] as const),
]
const forest = ['once', 'sortedRootCells', 'sortedRowsByClass', 'rowsByClass'] as const
const tree = ['once', 'sortedCells', 'rowsByClass'] as const
const neighbors = ['once', 'cells', 'pairs', 'pairCells'] as const

/** By the form of each algorithm's cost what the time of one fit, and of judging it, grows with. */
const forms: Readonly<Record<string, readonly CostTerm[]>> = {
  majority: floor,
  mean: floor,
  svc: machines,
  'ml-svm': machines,
  'svc-linear': ['once', 'classPairs', 'cells', 'cellsByClass'],
  'logistic-regression': logistic,
  'linear-regression': leastSquares,
  ridge: leastSquares,
  'gradient-boosting': boosting,
  'random-forest': forest,
  'extra-trees': forest,
  'decision-tree': tree,
  'k-neighbors': neighbors,
  'k-means': ['once', 'rows', 'cells'],
}

/** What the time of an algorithm grows with; of one that is not known here, with the square of the rows. */
export function costFormOf(algorithm: string): readonly CostTerm[] {
  return forms[algorithm] ?? ['once', 'cells', 'pairCells']
}
