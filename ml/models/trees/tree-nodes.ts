import { ModelError } from '../errors.ts'
import { float64Tensor, int32Tensor, readFloat64, readInt32 } from '../tensors.ts'
import type { LoadedTensors, Tensors } from '../tensors.ts'

/**
 * Binary trees as flat arrays, an element a node, the nodes of each tree in preorder: a node's left
 * child comes next after it, its right child after all nodes on the left. So every way down goes up
 * in the arrays and has an end.
 */
export interface TreeNodes {
  /** Where each tree begins, and where the last one ends. */
  readonly roots: Int32Array
  /** The column that a node looks at; `leaf` at a leaf. */
  readonly feature: Int32Array
  /** A row goes left when its value is at most this. */
  readonly threshold: Float64Array
  /** The right child; at a leaf, which row of `values` is its own. */
  readonly right: Int32Array
  /** Leaves × `outputs`. */
  readonly values: Float64Array
  readonly outputs: number
}

export const leaf = -1

/** The names of the tensors below. */
export const treeTensors = ['roots', 'feature', 'threshold', 'right', 'values'] as const

/** The row of `values` for the row of features that begins at `data[at]`, in the tree at `node`. */
export function findLeaf(trees: TreeNodes, node: number, data: Float64Array, at: number): number {
  const { feature, threshold, right } = trees
  for (let column = feature[node]!; column >= 0; column = feature[node]!) {
    node = data[at + column]! <= threshold[node]! ? node + 1 : right[node]!
  }
  return right[node]!
}

export function treesToTensors(trees: TreeNodes): Tensors {
  const { roots, feature, threshold, right, values, outputs } = trees
  return {
    roots: int32Tensor(roots, roots.length),
    feature: int32Tensor(feature, feature.length),
    threshold: float64Tensor(threshold, feature.length),
    right: int32Tensor(right, feature.length),
    values: float64Tensor(values, values.length / outputs, outputs),
  }
}

/**
 * The trees of `featureCount` columns in `tensors`. Every pointer is seen to lead on within its own
 * tree, so that no file leads round in a circle or out of the arrays. Throws ModelFileInvalid.
 */
export function treesFromTensors(
  tensors: LoadedTensors,
  outputs: number,
  featureCount: number,
): TreeNodes {
  const columns = { from: leaf, to: featureCount - 1 }
  const feature = readInt32(tensors, 'feature', columns, undefined).data
  const threshold = readFloat64(tensors, 'threshold', feature.length).data
  const right = readInt32(tensors, 'right', { from: 0, to: 2 ** 31 - 1 }, feature.length).data
  const values = readFloat64(tensors, 'values', undefined, outputs).data
  const ends = { from: 0, to: feature.length }
  const roots = readInt32(tensors, 'roots', ends, undefined).data
  const trees = { roots, feature, threshold, right, values, outputs }
  checkRoots(trees)
  for (let t = 0; t + 1 < roots.length; t++) checkTree(trees, roots[t]!, roots[t + 1]!)
  return trees
}

function checkRoots({ roots, feature }: TreeNodes): void {
  const isWhole = roots.length >= 2 && roots[0] === 0 && roots.at(-1) === feature.length
  if (!isWhole || roots.some((root, t) => t > 0 && root <= roots[t - 1]!)) {
    throw new ModelError('ModelFileInvalid', 'tensor roots does not part the nodes into trees')
  }
}

function checkTree(trees: TreeNodes, from: number, end: number): void {
  const { feature, right, values, outputs } = trees
  const leaves = values.length / outputs
  for (let node = from; node < end; node++) {
    const target = right[node]!
    const fits =
      feature[node] === leaf ? target < leaves : node + 1 < end && target > node + 1 && target < end
    if (!fits) {
      throw new ModelError('ModelFileInvalid', `node ${node} of the trees leads to ${target}`)
    }
  }
}

/** Grows trees node by node, each tree in preorder. */
export class TreeWriter {
  readonly #outputs: number
  readonly #roots: number[] = []
  #size = 0
  #leaves = 0
  #feature = new Int32Array(64)
  #threshold = new Float64Array(64)
  #right = new Int32Array(64)
  #values: Float64Array<ArrayBuffer>

  constructor(outputs: number) {
    this.#outputs = outputs
    this.#values = new Float64Array(64 * outputs)
  }

  /** The number of the next node. */
  get size(): number {
    return this.#size
  }

  beginTree(): void {
    this.#roots.push(this.#size)
  }

  /** Its left child is the next node to be added; its right one is told by `setRight`. */
  addSplit(feature: number, threshold: number): number {
    const node = this.#add(feature)
    this.#threshold[node] = threshold
    return node
  }

  setRight(node: number, child: number): void {
    this.#right[node] = child
  }

  /** Answers where in `values` the leaf's values go: the caller writes them there. */
  addLeaf(): number {
    const node = this.#add(leaf)
    const number = this.#leaves++
    this.#right[node] = number
    const needed = this.#leaves * this.#outputs
    if (needed > this.#values.length) this.#values = resized(this.#values, 2 * needed)
    return number * this.#outputs
  }

  /** Where leaves' values are written; a new array after an `addLeaf` that ran out of room. */
  get values(): Float64Array {
    return this.#values
  }

  /** Ends its use: what was written is the answer's from now on. */
  finish(): TreeNodes {
    return {
      roots: Int32Array.from([...this.#roots, this.#size]),
      feature: resized(this.#feature, this.#size),
      threshold: resized(this.#threshold, this.#size),
      right: resized(this.#right, this.#size),
      values: resized(this.#values, this.#leaves * this.#outputs),
      outputs: this.#outputs,
    }
  }

  #add(feature: number): number {
    const node = this.#size++
    if (node === this.#feature.length) {
      this.#feature = resized(this.#feature, 2 * node)
      this.#threshold = resized(this.#threshold, 2 * node)
      this.#right = resized(this.#right, 2 * node)
    }
    this.#feature[node] = feature
    return node
  }
}

/**
 * The first of `values` in an array of another length, whose end is 0; their own memory is free at
 * once. Of a longer one the system hands out only what is written to, which `transfer` would fill.
 */
function resized<A extends Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>(
  values: A,
  length: number,
): A {
  const other = new (values.constructor as new (length: number) => A)(length)
  other.set(values.subarray(0, length))
  values.buffer.transfer(0)
  return other
}
