import type { Matrix } from '../../../data/matrix.ts'
import { ModelError } from '../../errors.ts'
import { float64Tensor, int32Tensor, readFloat64, readInt32 } from '../../tensors.ts'
import type { LoadedTensors, Tensors } from '../../tensors.ts'
import {
  leaf,
  treesFromTensors,
  treesToTensors,
  treeTensors,
  type TreeNodes,
} from '../tree-nodes.ts'
import { walkTrees } from '../tree-walk.ts'
import { categoryOf, missingBin } from './binning.ts'
import { isInSet } from './split.ts'

/** Trees whose nodes also part missing values and categories; tree t is of output t % outputs. */
export interface BoostedTrees {
  /** A leaf has one value. */
  readonly nodes: TreeNodes
  /** By node, 1 where a missing value goes left. */
  readonly missingLeft: Int32Array
  /** By node, which of the sets of categories goes left; -1 of a node with a threshold. */
  readonly categorySet: Int32Array
  /** Sets × 8 words: the categories' numbers. */
  readonly categorySets: Int32Array
  /** The categories of all columns one after another, each column's ascending. */
  readonly categories: Float64Array
  /** Where each column's categories begin, and where the last one's end. */
  readonly categoryStarts: Int32Array
  /** One raw prediction an output, before any tree. */
  readonly baseline: Float64Array
}

/** The names of the tensors below. */
export const boostedTensors = [
  ...treeTensors,
  'missingLeft',
  'baseline',
  'categoryStarts',
  'categorySet',
  'categorySets',
  'categories',
] as const

/** Writes the raw predictions, one an output, for the row that begins at `data[at]`. */
export function predictRaw(
  trees: BoostedTrees,
  data: Float64Array,
  at: number,
  out: Float64Array,
): void {
  const { baseline } = trees
  const { roots, values } = trees.nodes
  const outputs = baseline.length
  for (let k = 0; k < outputs; k++) out[k] = baseline[k]!
  for (let t = 0, k = 0; t + 1 < roots.length; t++) {
    out[k]! += values[findBoostedLeaf(trees, roots[t]!, data, at)]!
    if (++k === outputs) k = 0
  }
}

/** The raw predictions of all rows, rows × outputs: the same sums as `predictRaw`. */
export function predictAllRaw(trees: BoostedTrees, X: Matrix): Matrix {
  const { nodes, baseline, missingLeft, categorySet } = trees
  const { values } = nodes
  const outputs = baseline.length
  const raw = new Float64Array(X.rows * outputs)
  for (let i = 0; i < X.rows; i++) raw.set(baseline, i * outputs)
  const walk = {
    nodes,
    missingLeft,
    isOther: (root: number, end: number) => hasSet(categorySet, root, end),
    findLeaf: (root: number, data: Float64Array, at: number) =>
      findBoostedLeaf(trees, root, data, at),
  }
  walkTrees(walk, X, (tree, from, leaves) => {
    const at = from * outputs + (tree % outputs)
    for (let i = 0; i < leaves.length; i++) raw[at + i * outputs]! += values[leaves[i]!]!
  })
  return { data: raw, rows: X.rows, cols: outputs }
}

function hasSet(categorySet: Int32Array, root: number, end: number): boolean {
  for (let node = root; node < end; node++) if (categorySet[node]! >= 0) return true
  return false
}

/** The leaf's number for the row that begins at `data[at]`, in the tree at `node`. */
export function findBoostedLeaf(
  trees: BoostedTrees,
  node: number,
  data: Float64Array,
  at: number,
): number {
  const { feature, threshold, right } = trees.nodes
  const { missingLeft, categorySet } = trees
  for (let column = feature[node]!; column !== leaf; column = feature[node]!) {
    const value = data[at + column]!
    const set = categorySet[node]!
    let goesLeft: boolean
    if (set >= 0) goesLeft = isCategoryLeft(trees, node, column, set, value)
    else if (missingLeft[node] === 1) goesLeft = !(value > threshold[node]!)
    else goesLeft = value <= threshold[node]!
    node = goesLeft ? node + 1 : right[node]!
  }
  return right[node]!
}

/** A category that the fit did not see goes where a missing value goes. */
function isCategoryLeft(
  { categories, categoryStarts, categorySets, missingLeft }: BoostedTrees,
  node: number,
  column: number,
  set: number,
  value: number,
): boolean {
  const from = categoryStarts[column]!
  const to = categoryStarts[column + 1]!
  const number = categoryOf(categories, value, from, to)
  return number === missingBin ? missingLeft[node] === 1 : isInSet(categorySets, 8 * set, number)
}

export function boostedToTensors(trees: BoostedTrees): Tensors {
  const { nodes, missingLeft, categorySet, categorySets, categories, categoryStarts } = trees
  const size = nodes.feature.length
  const common = {
    ...treesToTensors(nodes),
    missingLeft: int32Tensor(missingLeft, size),
    baseline: float64Tensor(trees.baseline, trees.baseline.length),
    categoryStarts: int32Tensor(categoryStarts, categoryStarts.length),
  }
  if (categorySets.length === 0) return common
  return {
    ...common,
    categorySet: int32Tensor(categorySet, size),
    categorySets: int32Tensor(categorySets, categorySets.length / 8, 8),
    categories: float64Tensor(categories, categories.length),
  }
}

/** Trees of so many outputs in `tensors`, all of whose pointers are checked. Throws ModelFileInvalid. */
export function boostedFromTensors(tensors: LoadedTensors, outputs: number): BoostedTrees {
  const counts = { from: 0, to: 2 ** 31 - 1 }
  const categoryStarts = readInt32(tensors, 'categoryStarts', counts, undefined).data
  const featureCount = categoryStarts.length - 1
  if (featureCount < 1) throw new ModelError('ModelFileInvalid', 'the trees have no column')
  const nodes = treesFromTensors(tensors, 1, featureCount)
  const size = nodes.feature.length
  const missingLeft = readInt32(tensors, 'missingLeft', { from: 0, to: 1 }, size).data
  const baseline = readFloat64(tensors, 'baseline', outputs).data
  if ((nodes.roots.length - 1) % outputs !== 0) {
    throw new ModelError('ModelFileInvalid', `the trees are not as many for each of ${outputs}`)
  }
  const sets = readCategories(tensors, nodes, categoryStarts)
  return { nodes, missingLeft, baseline, categoryStarts, ...sets }
}

function readCategories(tensors: LoadedTensors, { feature }: TreeNodes, starts: Int32Array) {
  const hasSets = tensors.has('categorySets')
  const categories = hasSets
    ? readFloat64(tensors, 'categories', undefined).data
    : new Float64Array(0)
  const words = { from: -(2 ** 31), to: 2 ** 31 - 1 }
  const categorySets = hasSets
    ? readInt32(tensors, 'categorySets', words, undefined, 8).data
    : new Int32Array(0)
  const range = { from: -1, to: categorySets.length / 8 - 1 }
  const categorySet = hasSets
    ? readInt32(tensors, 'categorySet', range, feature.length).data
    : new Int32Array(feature.length).fill(-1)
  const isWhole = starts[0] === 0 && starts.at(-1) === categories.length
  const isSound = starts.every((start, k) => {
    for (let c = starts[k - 1] ?? start; c + 1 < start; c++) {
      if (!(categories[c]! < categories[c + 1]!)) return false
    }
    const count = k === 0 ? 0 : start - starts[k - 1]!
    return count >= 0 && count <= missingBin
  })
  if (!isWhole || !isSound) {
    throw new ModelError('ModelFileInvalid', 'tensor categoryStarts does not part the categories')
  }
  return { categories, categorySets, categorySet }
}
