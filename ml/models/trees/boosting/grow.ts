import type { Random } from '../../../data/random.ts'
import { missingBin, type Binning } from './binning.ts'
import { constantCurvature, curvatureOf, leastCurvature, type CurvatureCode } from './curvature.ts'
import type { BoostingKernel } from './kernel.ts'
import { columnSize } from './memory.ts'
import { SplitSearch, isInSet, type NodeSums, type Split, type SplitLimits } from './split.ts'

export interface GrowthLimits extends SplitLimits {
  /** Infinity for none. */
  readonly maxLeafNodes: number
  readonly maxDepth: number
  /** How many columns, drawn anew for each node, are looked at. */
  readonly columnsPerSplit: number
}

/** A node of a grown tree; its rows are `rows[from … to)` of the memory. */
export interface GrownNode {
  readonly from: number
  readonly to: number
  readonly depth: number
  readonly sums: NodeSums
  /** Which of the histograms are its own, or -1. */
  slot: number
  /** How it is parted, or would be. */
  split: Split | undefined
  /** What a leaf adds to a raw prediction. */
  value: number
  /** Both or none. */
  children: readonly [GrownNode, GrownNode] | undefined
}

/**
 * Grows one tree after another over a memory's bins and gradients, always parting the leaf that
 * gains most. Of two children only the smaller one's histograms are summed; the other's are what
 * the parent's leave (Ke et al., "LightGBM", 2017). Where slots run out, both are summed later.
 */
export class TreeGrower {
  readonly #kernel: BoostingKernel
  readonly #limits: GrowthLimits
  readonly #search: SplitSearch
  readonly #random: Random
  readonly #columns: Int32Array
  readonly #freeSlots: Int32Array
  #code = constantCurvature
  #free = 0

  constructor(kernel: BoostingKernel, binning: Binning, limits: GrowthLimits, random: Random) {
    this.#kernel = kernel
    this.#limits = limits
    this.#random = random
    this.#search = new SplitSearch(kernel, binning, limits)
    const columns = binning.edges.length
    const slots = kernel.memory.histograms.length / (columns * columnSize)
    this.#columns = Int32Array.from({ length: columns }, (_, column) => column)
    this.#freeSlots = new Int32Array(slots)
  }

  /** The root of a new tree for the gradients and encoded curvatures that are in the memory. */
  grow(code: CurvatureCode): GrownNode {
    this.#code = code
    this.#search.begin(code)
    const { rows, gradients } = this.#kernel.memory
    this.#free = this.#freeSlots.length
    for (let k = 0; k < this.#free; k++) this.#freeSlots[k] = k
    const sums = { gradient: 0, curvature: 0 }
    for (let i = 0; i < rows.length; i++) {
      rows[i] = i
      sums.gradient += gradients[2 * i]!
      sums.curvature += gradients[2 * i + 1]!
    }
    const root = newNode(0, rows.length, 0, sums)
    const open = new OpenLeaves()
    if (this.#mayPart(root)) {
      root.slot = this.#takeSlot()
      this.#kernel.sum(root.slot, 0, rows.length)
      this.#consider(root, open)
    }
    const { maxLeafNodes } = this.#limits
    for (let leaves = 1; leaves < maxLeafNodes; leaves++) {
      const node = open.take()
      if (!node) break
      const children = this.#part(node)
      node.children = children
      if (leaves + 1 < maxLeafNodes) this.#sumChildren(node, children, open)
    }
    return root
  }

  #mayPart(node: GrownNode): boolean {
    return (
      node.to - node.from >= 2 * this.#limits.minSamplesLeaf &&
      node.depth < this.#limits.maxDepth &&
      curvatureOf(this.#code, node.sums.curvature) >= leastCurvature
    )
  }

  #takeSlot(): number {
    return this.#freeSlots[--this.#free]!
  }

  #release(node: GrownNode): void {
    if (node.slot >= 0) this.#freeSlots[this.#free++] = node.slot
    node.slot = -1
  }

  /** Looks for the node's split; without one it stays a leaf. */
  #consider(node: GrownNode, open: OpenLeaves): void {
    if (this.#mayPart(node)) {
      const columns = this.#drawColumns()
      node.split = this.#search.find(node.slot, node.sums, columns)
    }
    if (node.split) open.add(node)
    else this.#release(node)
  }

  #drawColumns(): Int32Array {
    const columns = this.#columns
    const count = this.#limits.columnsPerSplit
    if (count >= columns.length) return columns
    for (let k = 0; k < count; k++) {
      const other = k + Math.floor(this.#random() * (columns.length - k))
      const drawn = columns[other]!
      columns[other] = columns[k]!
      columns[k] = drawn
    }
    return columns.subarray(0, count)
  }

  #part(node: GrownNode): readonly [GrownNode, GrownNode] {
    const split = node.split!
    this.#markBins(split)
    const middle = this.#kernel.part(split.column, node.from, node.to)
    return [
      newNode(node.from, middle, node.depth + 1, split.left),
      newNode(middle, node.to, node.depth + 1, split.right),
    ]
  }

  #markBins({ bin, categories, missingLeft }: Split): void {
    const { goesLeft } = this.#kernel.memory
    for (let b = 0; b < 256; b++) {
      goesLeft[b] = (categories ? isInSet(categories, 0, b) : b <= bin) ? 1 : 0
    }
    goesLeft[missingBin] = missingLeft ? 1 : 0
  }

  #sumChildren(node: GrownNode, [left, right]: readonly [GrownNode, GrownNode], open: OpenLeaves) {
    if (!this.#mayPart(left) && !this.#mayPart(right)) {
      this.#release(node)
      return
    }
    const [small, large] =
      left.to - left.from <= right.to - right.from ? [left, right] : [right, left]
    small.slot = this.#takeSlot()
    this.#kernel.sum(small.slot, small.from, small.to)
    if (node.slot >= 0) {
      large.slot = node.slot
      node.slot = -1
      this.#kernel.subtract(large.slot, small.slot)
    } else {
      large.slot = this.#takeSlot()
      this.#kernel.sum(large.slot, large.from, large.to)
    }
    this.#consider(left, open)
    this.#consider(right, open)
    // The next two children must find room.
    if (this.#free < 2) {
      this.#release(left)
      this.#release(right)
    }
  }
}

function newNode(from: number, to: number, depth: number, sums: NodeSums): GrownNode {
  return { from, to, depth, sums, slot: -1, split: undefined, value: 0, children: undefined }
}

/** Leaves that can be parted, in a heap: the one of the greatest gain first, of equals the older. */
class OpenLeaves {
  readonly #heap: { node: GrownNode; gain: number; age: number }[] = []
  #added = 0

  add(node: GrownNode): void {
    const heap = this.#heap
    const entry = { node, gain: node.split!.gain, age: this.#added++ }
    let at = heap.push(entry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!comesFirst(entry, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = entry
  }

  take(): GrownNode | undefined {
    const heap = this.#heap
    const first = heap[0]
    const entry = heap.pop()
    if (!first || !entry || heap.length === 0) return first?.node
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && comesFirst(heap[child + 1]!, heap[child]!)) child++
      if (!comesFirst(heap[child]!, entry)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = entry
    return first.node
  }
}

function comesFirst(a: { gain: number; age: number }, b: { gain: number; age: number }): boolean {
  return a.gain > b.gain || (a.gain === b.gain && a.age < b.age)
}
