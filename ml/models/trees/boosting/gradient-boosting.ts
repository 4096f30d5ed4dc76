import { permutation, seededRandom, type Random } from '../../../data/random.ts'
import { rowOf, type Matrix } from '../../../data/matrix.ts'
import { ProbabilisticClassifier, type FitOptions, type Learned } from '../../classifier.ts'
import { ModelError } from '../../errors.ts'
import { resolveOptions, type Parameters } from '../../options.ts'
import { RowRegressor, type LearnedQuantity } from '../../regressor.ts'
import { float64Tensor, readClasses, refuseOtherTensors } from '../../tensors.ts'
import type { LoadedTensors, Tensors } from '../../tensors.ts'
import { scaleTargets, unscale } from '../target-scale.ts'
import { boost } from './boost.ts'
import {
  boostedFromTensors,
  boostedTensors,
  boostedToTensors,
  predictAllRaw,
  predictRaw,
  type BoostedTrees,
} from './boosted-trees.ts'
import { mostRowsWithCurvature } from './curvature.ts'
import type { PartedRows } from './held-rows.ts'
import { absoluteError, binaryLogLoss, multinomialLogLoss, squaredError } from './loss.ts'
import {
  boostingOptions,
  gradientBoostingOptions,
  gradientBoostingRegressorOptions,
  type GradientBoostingOptions,
  type GradientBoostingRegressorOptions,
} from './options.ts'

interface BoostedQuantity extends LearnedQuantity {
  readonly trees: BoostedTrees
  /** Room for one row's raw prediction. */
  readonly raw: Float64Array
}

interface BoostedClasses extends Learned {
  readonly trees: BoostedTrees
  /** Room for one row's raw predictions. */
  readonly raw: Float64Array
}

/**
 * Gradient boosted regression trees over binned features: scikit-learn's
 * HistGradientBoostingRegressor. A feature may be NaN, which is learned from as missing; features
 * named in `categoricalFeatures` are parted by sets of their values. Memory of a fit: a byte a
 * value of X, 48 bytes a row, and histograms of 4 KB a feature and leaf, at most 256 MB.
 *
 *     const model = new GradientBoostingRegressor({ maxIter: 200 }).fit(X, y)
 *     model.predict(X)
 *
 * The constructor throws OptionInvalid; `fit` too, for `categoricalFeatures` that do not suit X.
 */
export class GradientBoostingRegressor extends RowRegressor<BoostedQuantity> {
  readonly algorithm = 'gradient-boosting'
  override readonly acceptsMissing = true
  readonly #options: Required<GradientBoostingRegressorOptions>

  constructor(options: GradientBoostingRegressorOptions = {}) {
    super()
    this.#options = resolveOptions<GradientBoostingRegressorOptions>(
      'GradientBoostingRegressor',
      gradientBoostingRegressorOptions,
      options,
    )
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): GradientBoostingRegressor {
    refuseOtherTensors(tensors, boostedTensors)
    const trees = boostedFromTensors(tensors, 1)
    return new GradientBoostingRegressor(parameters).restore(quantityModel(trees))
  }

  get parameters(): Parameters {
    return this.#options
  }

  /** Iterations of the fit, fewer than maxIter after early stopping. */
  get nIter(): number {
    return iterationsOf(this.model.trees)
  }

  toTensors(): Tensors {
    return boostedToTensors(this.model.trees)
  }

  protected learn(X: Matrix, y: Float64Array, fitOptions: FitOptions): BoostedQuantity {
    const random = seededRandom(this.#options.seed)
    const parted = holdsOut(this.#options, X.rows)
      ? partRows([permutation(X.rows, random)], this.#options.validationFraction)
      : undefined
    const loss = this.#options.loss === 'squared_error' ? squaredError : absoluteError
    const options = boostingOptions(this.#options)
    const scaled = scaleTargets(y)
    const trees = boost(X, scaled.targets, loss, options, parted, random, fitOptions)
    unscale(trees.nodes.values, scaled)
    unscale(trees.baseline, scaled)
    return quantityModel(trees)
  }

  protected estimate({ trees, raw }: BoostedQuantity, row: Float64Array): number {
    predictRaw(trees, row, 0, raw)
    return raw[0]!
  }

  protected override estimateAll({ trees }: BoostedQuantity, X: Matrix, out: Float64Array) {
    out.set(predictAllRaw(trees, X).data)
  }
}

/**
 * Gradient boosted classification trees over binned features: scikit-learn's
 * HistGradientBoostingClassifier. Missing values, categories and memory are those of
 * `GradientBoostingRegressor`, with 16 bytes more a row and class where there are more than two.
 *
 *     const model = new GradientBoostingClassifier({ earlyStopping: true }).fit(X, y)
 *     model.predictProba(X)
 *
 * The constructor throws OptionInvalid; `fit` too, for `categoricalFeatures` that do not suit X, and
 * RowCapExceeded.
 */
export class GradientBoostingClassifier extends ProbabilisticClassifier<BoostedClasses> {
  readonly algorithm = 'gradient-boosting'
  override readonly acceptsMissing = true
  readonly #options: Required<GradientBoostingOptions>

  constructor(options: GradientBoostingOptions = {}) {
    super()
    this.#options = resolveOptions<GradientBoostingOptions>(
      'GradientBoostingClassifier',
      gradientBoostingOptions,
      options,
    )
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): GradientBoostingClassifier {
    refuseOtherTensors(tensors, ['classes', ...boostedTensors])
    const classes = readClasses(tensors)
    const trees = boostedFromTensors(tensors, outputsFor(classes))
    return new GradientBoostingClassifier(parameters).restore(classModel(classes, trees))
  }

  get parameters(): Parameters {
    return this.#options
  }

  /** Iterations of the fit, fewer than maxIter after early stopping. */
  get nIter(): number {
    return iterationsOf(this.model.trees)
  }

  toTensors(): Tensors {
    const { classes, trees } = this.model
    return { classes: float64Tensor(classes, classes.length), ...boostedToTensors(trees) }
  }

  protected learn(
    X: Matrix,
    labels: Int32Array,
    classes: Float64Array,
    fitOptions: FitOptions,
  ): BoostedClasses {
    if (X.rows > mostRowsWithCurvature) {
      throw new ModelError(
        'RowCapExceeded',
        `gradient-boosting learns from at most ${mostRowsWithCurvature} rows, got ${X.rows}`,
      )
    }
    const random = seededRandom(this.#options.seed)
    const parted = holdsOut(this.#options, X.rows)
      ? partRows(shuffledByClass(labels, classes.length, random), this.#options.validationFraction)
      : undefined
    const loss = classes.length === 2 ? binaryLogLoss : multinomialLogLoss(classes.length)
    const targets = Float64Array.from(labels)
    const options = boostingOptions(this.#options)
    return classModel(classes, boost(X, targets, loss, options, parted, random, fitOptions))
  }

  protected classIndex({ trees, raw }: BoostedClasses, row: Float64Array): number {
    predictRaw(trees, row, 0, raw)
    return winnerOf(raw)
  }

  protected override classIndices({ trees }: BoostedClasses, X: Matrix, out: Float64Array): void {
    const raw = predictAllRaw(trees, X)
    for (let i = 0; i < X.rows; i++) out[i] = winnerOf(rowOf(raw, i))
  }

  protected decisionColumns({ raw }: BoostedClasses): number {
    return raw.length
  }

  protected decide({ trees }: BoostedClasses, row: Float64Array, out: Float64Array): void {
    predictRaw(trees, row, 0, out)
  }

  protected override decideAll({ trees }: BoostedClasses, X: Matrix, out: Matrix): void {
    out.data.set(predictAllRaw(trees, X).data)
  }

  protected weigh({ trees, raw }: BoostedClasses, row: Float64Array, out: Float64Array): void {
    predictRaw(trees, row, 0, raw)
    toProbabilities(raw, out)
  }

  protected override weighAll({ trees }: BoostedClasses, X: Matrix, out: Matrix): void {
    const raw = predictAllRaw(trees, X)
    for (let i = 0; i < X.rows; i++) toProbabilities(rowOf(raw, i), rowOf(out, i))
  }
}

/** The class of the greatest raw prediction, the first of equals; of two classes by the one's sign. */
function winnerOf(raw: Float64Array): number {
  if (raw.length === 1) return raw[0]! > 0 ? 1 : 0
  let winner = 0
  for (let c = 1; c < raw.length; c++) if (raw[c]! > raw[winner]!) winner = c
  return winner
}

function toProbabilities(raw: Float64Array, out: Float64Array): void {
  if (raw.length === 1) {
    out[0] = 1 / (1 + Math.exp(raw[0]!))
    out[1] = 1 / (1 + Math.exp(-raw[0]!))
    return
  }
  let greatest = -Infinity
  for (let c = 0; c < raw.length; c++) greatest = Math.max(greatest, raw[c]!)
  let sum = 0
  for (let c = 0; c < raw.length; c++) {
    out[c] = Math.exp(raw[c]! - greatest)
    sum += out[c]!
  }
  for (let c = 0; c < raw.length; c++) out[c] = out[c]! / sum
}

function quantityModel(trees: BoostedTrees): BoostedQuantity {
  return { featureCount: trees.categoryStarts.length - 1, trees, raw: new Float64Array(1) }
}

function classModel(classes: Float64Array, trees: BoostedTrees): BoostedClasses {
  const raw = new Float64Array(outputsFor(classes))
  return { classes, featureCount: trees.categoryStarts.length - 1, trees, raw }
}

function outputsFor(classes: Float64Array): number {
  return classes.length === 2 ? 1 : classes.length
}

function iterationsOf({ nodes, baseline }: BoostedTrees): number {
  return (nodes.roots.length - 1) / baseline.length
}

function holdsOut({ earlyStopping }: Required<GradientBoostingOptions>, rows: number): boolean {
  return earlyStopping === 'auto' ? rows > 10_000 : earlyStopping
}

function shuffledByClass(labels: Int32Array, classes: number, random: Random): Int32Array[] {
  const counts = new Int32Array(classes)
  for (const label of labels) counts[label]!++
  const rowsOf = Array.from(counts, (count) => new Int32Array(count))
  for (const row of permutation(labels.length, random)) {
    const label = labels[row]!
    const own = rowsOf[label]!
    own[own.length - counts[label]!--] = row
  }
  return rowsOf
}

/** Holds out the same share of each group of shuffled rows, none where that leaves no row. */
function partRows(groups: readonly Int32Array[], share: number): PartedRows | undefined {
  const cut = groups.map((rows) => Math.min(Math.round(share * rows.length), rows.length - 1))
  const held = joined(groups.map((rows, g) => rows.subarray(0, cut[g])))
  if (held.length === 0) return undefined
  return { fit: joined(groups.map((rows, g) => rows.subarray(cut[g]))).sort(), held: held.sort() }
}

function joined(parts: readonly Int32Array[]): Int32Array {
  const whole = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
