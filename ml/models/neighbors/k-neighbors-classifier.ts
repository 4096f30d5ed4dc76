import type { Matrix } from '../../data/matrix.ts'
import { ProbabilisticClassifier, type FitOptions, type Learned } from '../classifier.ts'
import { ModelError } from '../errors.ts'
import { resolveOptions, type Parameters } from '../options.ts'
import { float64Tensor, int32Tensor, readClasses, readFloat64, readInt32 } from '../tensors.ts'
import { refuseOtherTensors, type LoadedTensors, type Tensors } from '../tensors.ts'
import { NeighborIndex } from './neighbor-index.ts'
import { kNeighborsOptions, neighborWeight, type KNeighborsOptions } from './neighbors-options.ts'

interface NeighborsModel extends Learned {
  readonly index: NeighborIndex
  readonly labels: Int32Array
  /** Room for the share of each class. */
  readonly shares: Float64Array
}

/**
 * Answers the class of most of the nearest rows of the fit (of equals the smallest), their shares as
 * probabilities. Of equally near rows the first count. The model holds all rows: it grows with them,
 * and so does its file. Features of other units need scaling.
 *
 *     new Pipeline(new KNeighborsClassifier({ nNeighbors: 3 }), { scale: true }).fit(X, y)
 *
 * The constructor throws OptionInvalid.
 */
export class KNeighborsClassifier extends ProbabilisticClassifier<NeighborsModel> {
  readonly algorithm = 'k-neighbors'
  readonly #options: Required<KNeighborsOptions>

  constructor(options: KNeighborsOptions = {}) {
    super()
    this.#options = resolveOptions('KNeighborsClassifier', kNeighborsOptions, options)
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): KNeighborsClassifier {
    const model = new KNeighborsClassifier(parameters)
    refuseOtherTensors(tensors, ['classes', 'rows', 'labels'])
    const classes = readClasses(tensors)
    const { data, sizes } = readFloat64(tensors, 'rows', undefined, undefined)
    const [rows, cols] = [sizes[0]!, sizes[1]!]
    const labels = readInt32(tensors, 'labels', { from: 0, to: classes.length - 1 }, rows).data
    if (new Set(labels).size < classes.length) {
      throw new ModelError(
        'ModelFileInvalid',
        'tensor classes has a class of which there is no row',
      )
    }
    return model.restore(model.#modelOf({ data, rows, cols }, labels, classes))
  }

  get parameters(): Parameters {
    return { ...this.#options }
  }

  toTensors(): Tensors {
    const { classes, index, labels } = this.model
    return {
      classes: float64Tensor(classes, classes.length),
      labels: int32Tensor(labels, labels.length),
      rows: float64Tensor(index.toRows(), index.rows, index.cols),
    }
  }

  protected learn(
    X: Matrix,
    labels: Int32Array,
    classes: Float64Array,
    options: FitOptions,
  ): NeighborsModel {
    return this.#modelOf(X, labels, classes, options)
  }

  protected classIndex(model: NeighborsModel, row: Float64Array): number {
    const { shares } = model
    this.weigh(model, row, shares)
    let winner = 0
    for (let c = 1; c < shares.length; c++) if (shares[c]! > shares[winner]!) winner = c
    return winner
  }

  protected decisionColumns({ classes }: NeighborsModel): number {
    return classes.length === 2 ? 1 : classes.length
  }

  protected decide(model: NeighborsModel, row: Float64Array, out: Float64Array): void {
    const { shares } = model
    this.weigh(model, row, shares)
    if (shares.length === 2) out[0] = shares[1]! - shares[0]!
    else out.set(shares)
  }

  protected weigh({ index, labels }: NeighborsModel, row: Float64Array, out: Float64Array): void {
    index.search(row)
    out.fill(0)
    let sum = 0
    for (let k = 0; k < index.count; k++) {
      const weight = neighborWeight(index, k, this.#options.weights)
      out[labels[index.found[k]!]!]! += weight
      sum += weight
    }
    for (let c = 0; c < out.length; c++) out[c] = out[c]! / sum
  }

  #modelOf(
    X: Matrix,
    labels: Int32Array,
    classes: Float64Array,
    options: FitOptions = {},
  ): NeighborsModel {
    const { nNeighbors, metric } = this.#options
    const index = new NeighborIndex(X, nNeighbors, metric, options)
    return {
      classes,
      featureCount: X.cols,
      index,
      labels,
      shares: new Float64Array(classes.length),
    }
  }
}
