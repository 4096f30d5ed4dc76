import type { Matrix } from '../../data/matrix.ts'
import { KernelMemory, KernelSource } from '../wasm/kernel-memory.ts'
import { leaf, type TreeNodes } from './tree-nodes.ts'
import type { WalkArithmetic } from './wasm/walk-arithmetic.ts'
import { plainWalk } from './wasm/walk-plain.ts'
import { walkModule } from './wasm/walk.generated.ts'

/** What a block of rows may take in memory, in values. */
const blockValues = 2 ** 20

/** To lay out so many nodes takes as long as to take a row through a tree. */
const nodesPerRow = 8

const kernels = new KernelSource<WalkArithmetic>(walkModule, plainWalk)

/** Fewer rows than this are not worth a kernel's memory. */
const leastRows = 16

/** Trees, and what more there is to know of their nodes. */
export interface Walk {
  readonly nodes: TreeNodes
  /** By node, 1 where a missing value goes left; without it, no value is missing. */
  readonly missingLeft?: Int32Array
  /** Whether some node of those in `[root, end)` parts its column by more than a threshold. */
  readonly isOther?: (root: number, end: number) => boolean
  /** The leaf's number for the row that begins at `data[at]`, in the tree at `root`. */
  readonly findLeaf: (root: number, data: Float64Array, at: number) => number
}

/**
 * Takes all rows through one tree after another, so that one tree at a time is in the processor's
 * cache. `visit` gets, tree by tree in their order, the leaves' numbers of some rows that begin at
 * `from`; every row comes once a tree.
 */
export function walkTrees(
  walk: Walk,
  X: Matrix,
  visit: (tree: number, from: number, leaves: Int32Array) => void,
  kind: 'wasm' | 'plain' = 'wasm',
): void {
  const { roots } = walk.nodes
  const block = Math.min(X.rows, Math.max(1, Math.floor(blockValues / X.cols)))
  const { isLaid, most } = chooseLaid(walk, block)
  const laid = most > 0 ? new LaidTree(walk, most, block, X.cols, kind) : undefined
  const leaves = new Int32Array(block)
  for (let from = 0; from < X.rows; from += block) {
    const count = Math.min(block, X.rows - from)
    const found = leaves.subarray(0, count)
    laid?.takeRows(X, from, count)
    for (let t = 0; t + 1 < roots.length; t++) {
      if (laid && isLaid[t]) laid.findLeaves(roots[t]!, roots[t + 1]!, found)
      else {
        for (let i = 0; i < count; i++) {
          found[i] = walk.findLeaf(roots[t]!, X.data, (from + i) * X.cols)
        }
      }
      visit(t, from, found)
    }
  }
  laid?.release()
}

/** Which trees are worth laying out for so many rows, and the most nodes that one of them has. */
function chooseLaid({ nodes, isOther }: Walk, rows: number) {
  const { roots } = nodes
  const isLaid = new Uint8Array(roots.length - 1)
  let most = 0
  for (let t = 0; rows >= leastRows && t < isLaid.length; t++) {
    const size = roots[t + 1]! - roots[t]!
    if (size > nodesPerRow * rows || isOther?.(roots[t]!, roots[t + 1]!)) continue
    isLaid[t] = 1
    most = Math.max(most, size)
  }
  return { isLaid, most }
}

/** One tree at a time, and a block of rows, as the kernel wants them. */
class LaidTree {
  readonly #walk: Walk
  readonly #cols: number
  readonly #memory = new KernelMemory(kernels)
  readonly #arithmetic: WalkArithmetic
  readonly #places: Record<'nodes' | 'rows' | 'reached', number>
  readonly #thresholds: Float64Array
  readonly #words: Int32Array
  readonly #rows: Float64Array
  readonly #reached: Int32Array
  #count = 0

  constructor(walk: Walk, nodes: number, rows: number, cols: number, kind: 'wasm' | 'plain') {
    const memory = this.#memory
    this.#walk = walk
    this.#cols = cols
    this.#places = {
      nodes: memory.reserve(16 * nodes),
      rows: memory.reserve(rows * cols * Float64Array.BYTES_PER_ELEMENT),
      reached: memory.reserve(rows * Int32Array.BYTES_PER_ELEMENT),
    }
    this.#arithmetic = memory.open(kind)
    this.#thresholds = memory.doubles(this.#places.nodes, 2 * nodes)
    this.#words = memory.integers(this.#places.nodes, 4 * nodes)
    this.#rows = memory.doubles(this.#places.rows, rows * cols)
    this.#reached = memory.integers(this.#places.reached, rows)
  }

  /** The rows that are walked from now on. */
  takeRows(X: Matrix, from: number, count: number): void {
    this.#rows.set(X.data.subarray(from * X.cols, (from + count) * X.cols))
    this.#count = count
  }

  /** Writes the number of each row's leaf in the tree of the nodes `[root, end)`. */
  findLeaves(root: number, end: number, out: Int32Array): void {
    const { feature, threshold, right } = this.#walk.nodes
    const { missingLeft } = this.#walk
    const thresholds = this.#thresholds
    const words = this.#words
    for (let node = root, k = 0; node < end; node++, k++) {
      const column = feature[node]!
      const isLeaf = column === leaf
      thresholds[2 * k] = isLeaf ? -Infinity : threshold[node]!
      words[4 * k + 2] = isLeaf ? 1 : 8 * column + 1 - (missingLeft?.[node] ?? 0)
      words[4 * k + 3] = isLeaf ? k : right[node]! - root
    }
    const { nodes, rows, reached } = this.#places
    this.#arithmetic.walk(nodes, rows, this.#count, this.#cols, reached)
    for (let i = 0; i < this.#count; i++) out[i] = right[root + this.#reached[i]!]!
  }

  release(): void {
    this.#memory.release()
  }
}
