import type { Random } from '../../../data/random.ts'
import { takeValues, type Matrix } from '../../../data/matrix.ts'
import { largestMagnitude } from '../../checks.ts'
import { checkpoint, type FitOptions } from '../../classifier.ts'
import { chooseBins, fillBins } from './binning.ts'
import type { BoostedTrees } from './boosted-trees.ts'
import { BoostedWriter } from './boosted-writer.ts'
import { curvatureOf, leastCurvature, type CurvatureCode } from './curvature.ts'
import { TreeGrower, type GrownNode, type GrowthLimits } from './grow.ts'
import { HeldRows, type PartedRows } from './held-rows.ts'
import { fastestKernel } from './fastest-kernel.ts'
import type { BoostingLoss } from './loss.ts'
import { columnSize, type BoostingSize } from './memory.ts'

export interface BoostingOptions {
  readonly learningRate: number
  readonly maxIter: number
  readonly maxLeafNodes: number
  readonly maxDepth: number
  readonly minSamplesLeaf: number
  readonly l2Regularization: number
  readonly maxFeatures: number
  readonly maxBins: number
  readonly categoricalFeatures: readonly number[]
  readonly nIterNoChange: number
  readonly tol: number
}

/** Histograms are kept for later subtraction up to so many bytes. */
const mostHistogramBytes = 256 * 2 ** 20

/**
 * Gradient boosting (Friedman, "Greedy function approximation", 2001) over binned columns: each
 * iteration adds a tree an output, grown on the loss's derivatives and shrunk by the learning rate.
 * With `parted` it ends once the loss of the held rows has not fallen by more than `tol` for
 * `nIterNoChange` iterations.
 */
export function boost(
  X: Matrix,
  targets: Float64Array,
  loss: BoostingLoss,
  options: BoostingOptions,
  parted: PartedRows | undefined,
  random: Random,
  fitOptions: FitOptions,
): BoostedTrees {
  const rows = parted ? parted.fit : Int32Array.from({ length: X.rows }, (_, i) => i)
  const { maxBins, categoricalFeatures } = options
  const binning = chooseBins(X, rows, maxBins, categoricalFeatures, random, fitOptions)
  const limits = limitsOf(options, X.cols)
  const size = sizeOf(rows.length, X.cols, limits)
  const kernel = fastestKernel(size)
  const { memory } = kernel
  fillBins(X, rows, binning, memory.bins, fitOptions)
  const grower = new TreeGrower(kernel, binning, limits, random)
  const fitted = parted ? takeValues(targets, rows) : targets
  const baseline = loss.baseline(fitted)
  const raw = repeat(baseline, rows.length)
  const held = parted ? new HeldRows(X, parted.held, targets, binning, baseline, loss) : undefined
  const writer = new BoostedWriter(binning)

  for (let iteration = 0; iteration < options.maxIter; iteration++) {
    if (held?.hasSettled(options.nIterNoChange, options.tol)) break
    loss.prepare(raw, rows.length)
    for (let output = 0; output < loss.outputs; output++) {
      const fraction = (iteration + output / loss.outputs) / options.maxIter
      checkpoint(fitOptions, { fraction, iterations: iteration })
      const code = loss.derive(output, fitted, raw, memory.gradients)
      const root = grower.grow(code)
      const ofOutput = raw.subarray(output * rows.length, (output + 1) * rows.length)
      forEachLeaf(root, (node) => {
        const own = memory.rows.subarray(node.from, node.to)
        const best = loss.leafStep
          ? loss.leafStep(fitted, ofOutput, own)
          : newtonStep(node, code, options.l2Regularization)
        node.value = options.learningRate * best
        for (const row of own) ofOutput[row]! += node.value
      })
      writer.addTree(root)
      held?.add(root, output)
    }
    held?.record()
  }
  return writer.finish(baseline)
}

function limitsOf(options: BoostingOptions, columns: number): GrowthLimits {
  const { maxLeafNodes, maxDepth, minSamplesLeaf, l2Regularization } = options
  const columnsPerSplit = Math.max(1, Math.floor(options.maxFeatures * columns))
  return { maxLeafNodes, maxDepth, minSamplesLeaf, l2Regularization, columnsPerSplit }
}

/** A slot for every leaf that may be open at once, and for the two children at hand. */
function sizeOf(rows: number, columns: number, limits: GrowthLimits): BoostingSize {
  const mostLeaves = Math.min(limits.maxLeafNodes, Math.ceil(rows / limits.minSamplesLeaf))
  const roomFor = Math.floor(mostHistogramBytes / (8 * columns * columnSize))
  return { rows, columns, slots: Math.max(3, Math.min(mostLeaves + 2, roomFor)) }
}

function repeat(baseline: Float64Array, rows: number): Float64Array {
  const raw = new Float64Array(baseline.length * rows)
  baseline.forEach((value, k) => raw.fill(value, k * rows, (k + 1) * rows))
  return raw
}

/**
 * What a leaf adds to its rows' raw predictions, before the learning rate. A leaf of less curvature
 * than any node may have is a whole tree of rows that are certain: there is nothing to divide by.
 */
function newtonStep({ sums }: GrownNode, code: CurvatureCode, l2Regularization: number): number {
  const curvature = curvatureOf(code, sums.curvature)
  if (curvature < leastCurvature) return 0
  const step = -sums.gradient / (curvature + l2Regularization)
  return Math.max(-largestMagnitude, Math.min(step, largestMagnitude))
}

function forEachLeaf(root: GrownNode, visit: (node: GrownNode) => void): void {
  const waiting = [root]
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (node.children) waiting.push(...node.children)
    else visit(node)
  }
}
