import type { Matrix } from '../../../data/matrix.ts'
import { seededRandom, type Random } from '../../../data/random.ts'
import { checkpoint, type FitOptions } from '../../classifier.ts'
import { TreeWriter, type TreeNodes } from '../tree-nodes.ts'
import { BestSplitter } from './best-splitter.ts'
import type { Criterion } from './criterion.ts'
import { RandomSplitter } from './random-splitter.ts'
import { ColumnDraw, type Splitter } from './splitter.ts'

/** How the trees of a fit grow. */
export interface ForestPlan {
  readonly trees: number
  readonly splits: 'best' | 'random'
  /** Rows that each tree draws with replacement; 0 where every tree takes every row once. */
  readonly drawnRows: number
  readonly columnsPerSplit: number
  /** Infinity for none. */
  readonly maxDepth: number
  readonly minSamplesSplit: number
  readonly minSamplesLeaf: number
  readonly minImpurityDecrease: number
  readonly seed: number
}

export interface GrownForest {
  readonly nodes: TreeNodes
  /** By column, the share of the impurity that its splits took away, tree by tree. */
  readonly importances: Float64Array
}

/** Values looked at between two looks at the signal: some milliseconds. */
const valuesBetweenChecks = 2 ** 20

/** Grows trees of the plan one after another, each from a seed of its own. */
export function growForest(
  X: Matrix,
  criterion: Criterion,
  plan: ForestPlan,
  options: FitOptions,
): GrownForest {
  // Each tree has its own numbers, whatever the trees before it drew.
  let drawn: Random = seededRandom(plan.seed)
  const random = () => drawn()
  const draw = new ColumnDraw(X.cols, plan.columnsPerSplit, random)
  const splitter =
    plan.splits === 'best'
      ? new BestSplitter(X, criterion, plan.minSamplesLeaf, draw, () => {
          checkpoint(options, { fraction: 0, iterations: 0 })
        })
      : new RandomSplitter(X, criterion, plan.minSamplesLeaf, draw, random)
  const writer = new TreeWriter(criterion.outputs)
  const importances = new Float64Array(X.cols)
  for (let t = 0; t < plan.trees; t++) {
    const look = (settled: number) => {
      checkpoint(options, { fraction: (t + settled) / plan.trees, iterations: t })
    }
    look(0)
    drawn = seededRandom((plan.seed + Math.imul(t, 0x9e3779b9)) | 0)
    draw.reset()
    if (plan.drawnRows > 0) drawRows(criterion.weights, plan.drawnRows, random)
    addShares(importances, growTree(writer, splitter, criterion, plan, X.cols, look))
  }
  splitter.release()
  const shares = new Float64Array(X.cols)
  addShares(shares, importances)
  return { nodes: writer.finish(), importances: shares }
}

function drawRows(weights: Float64Array, count: number, random: Random): void {
  weights.fill(0)
  for (let k = 0; k < count; k++) weights[Math.floor(random() * weights.length)]!++
}

/**
 * Answers by column how much impurity the tree's splits took away.
 * @param look called now and then, with the share of the rows that are in their leaves
 */
function growTree(
  writer: TreeWriter,
  splitter: Splitter,
  criterion: Criterion,
  plan: ForestPlan,
  columns: number,
  look: (settled: number) => void,
): Float64Array {
  const gains = new Float64Array(columns)
  let settled = 0
  let values = 0
  const count = splitter.begin()
  let weight = 0
  for (let p = 0; p < count; p++) weight += criterion.weights[splitter.rows[p]!]!
  const mayPart = (rows: number, depth: number) =>
    rows >= plan.minSamplesSplit && rows >= 2 * plan.minSamplesLeaf && depth < plan.maxDepth

  writer.beginTree()
  // Four numbers a node that waits: from, to, depth, and of which node it is the right child.
  const waiting = [0, count, 0, -1]
  while (waiting.length > 0) {
    const parent = waiting.pop()!
    const depth = waiting.pop()!
    const to = waiting.pop()!
    const from = waiting.pop()!
    if (parent >= 0) writer.setRight(parent, writer.size)
    values += (to - from) * columns
    if (values > valuesBetweenChecks) {
      look(settled / count)
      values = 0
    }
    criterion.begin(splitter.rows, from, to)
    const split =
      mayPart(to - from, depth) && !criterion.isPure ? splitter.find(from, to) : undefined
    if (!split || isTooLittle(criterion.gain / weight, plan)) {
      settled += to - from
      const place = writer.addLeaf()
      criterion.writeLeaf(writer.values, place)
      continue
    }
    const node = writer.addSplit(split.column, split.threshold)
    gains[split.column]! += Math.max(criterion.gain, 0)
    const isLast = !mayPart(to - from - plan.minSamplesLeaf, depth + 1)
    const middle = splitter.part(from, to, isLast)
    waiting.push(middle, to, depth + 1, node, from, middle, depth + 1, -1)
  }
  return gains
}

/** A split need gain nothing where no least gain is asked for: the next one may gain all. */
function isTooLittle(gain: number, { minImpurityDecrease }: ForestPlan): boolean {
  return minImpurityDecrease > 0 && gain < minImpurityDecrease
}

/** Adds the values, each divided by their sum, unless that is 0. */
function addShares(shares: Float64Array, values: Float64Array): void {
  let sum = 0
  for (const value of values) sum += value
  if (sum > 0) for (let j = 0; j < shares.length; j++) shares[j]! += values[j]! / sum
}
