import { largestMagnitude } from '../../checks.ts'
import { TreeWriter } from '../tree-nodes.ts'
import type { Binning } from './binning.ts'
import type { BoostedTrees } from './boosted-trees.ts'
import type { GrownNode } from './grow.ts'

/** Writes grown trees as the model keeps them. */
export class BoostedWriter {
  readonly #binning: Binning
  readonly #nodes = new TreeWriter(1)
  readonly #missingLeft: number[] = []
  readonly #categorySet: number[] = []
  readonly #sets: number[] = []

  constructor(binning: Binning) {
    this.#binning = binning
  }

  addTree(root: GrownNode): void {
    this.#nodes.beginTree()
    const waiting: { node: GrownNode; parent: number }[] = [{ node: root, parent: -1 }]
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const { node, parent } = next
      if (parent >= 0) this.#nodes.setRight(parent, this.#nodes.size)
      if (node.children && node.split) {
        const [left, right] = node.children
        const at = this.#addSplit(node)
        waiting.push({ node: right, parent: at }, { node: left, parent: -1 })
      } else {
        this.#missingLeft.push(0)
        this.#categorySet.push(-1)
        const place = this.#nodes.addLeaf()
        this.#nodes.values[place] = node.value
      }
    }
  }

  finish(baseline: Float64Array): BoostedTrees {
    const { edges, isCategorical } = this.#binning
    const hasSets = this.#sets.length > 0
    const lists = edges.map((list, column) =>
      hasSets && isCategorical[column] ? list : new Float64Array(0),
    )
    const categoryStarts = new Int32Array(edges.length + 1)
    lists.forEach((list, column) => {
      categoryStarts[column + 1] = categoryStarts[column]! + list.length
    })
    const categories = new Float64Array(categoryStarts.at(-1)!)
    lists.forEach((list, column) => {
      categories.set(list, categoryStarts[column])
    })
    return {
      nodes: this.#nodes.finish(),
      missingLeft: Int32Array.from(this.#missingLeft),
      categorySet: Int32Array.from(this.#categorySet),
      categorySets: Int32Array.from(this.#sets),
      categories,
      categoryStarts,
      baseline,
    }
  }

  #addSplit(node: GrownNode): number {
    const split = node.split!
    const edges = this.#binning.edges[split.column]!
    // Without a threshold all that are not missing go left.
    const threshold = split.categories ? 0 : (edges[split.bin] ?? largestMagnitude)
    this.#missingLeft.push(split.missingLeft ? 1 : 0)
    if (split.categories) {
      this.#categorySet.push(this.#sets.length / 8)
      this.#sets.push(...split.categories)
    } else {
      this.#categorySet.push(-1)
    }
    return this.#nodes.addSplit(split.column, threshold)
  }
}
