import type { Matrix } from '../../data/matrix.ts'
import { resolveOptions, type Parameters } from '../options.ts'
import type { FitOptions } from '../classifier.ts'
import { RowRegressor, type LearnedQuantity } from '../regressor.ts'
import { float64Tensor, readFloat64 } from '../tensors.ts'
import { refuseOtherTensors, type LoadedTensors, type Tensors } from '../tensors.ts'
import { NeighborIndex } from './neighbor-index.ts'
import { kNeighborsOptions, neighborWeight, type KNeighborsOptions } from './neighbors-options.ts'

interface NeighborsModel extends LearnedQuantity {
  readonly index: NeighborIndex
  readonly targets: Float64Array
}

/**
 * Answers the mean target of the nearest rows of the fit. Of equally near rows the first count. The
 * model holds all rows: it grows with them, and so does its file. Features of other units need
 * scaling. The constructor throws OptionInvalid.
 */
export class KNeighborsRegressor extends RowRegressor<NeighborsModel> {
  readonly algorithm = 'k-neighbors'
  readonly #options: Required<KNeighborsOptions>

  constructor(options: KNeighborsOptions = {}) {
    super()
    this.#options = resolveOptions('KNeighborsRegressor', kNeighborsOptions, options)
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): KNeighborsRegressor {
    const model = new KNeighborsRegressor(parameters)
    refuseOtherTensors(tensors, ['rows', 'targets'])
    const { data, sizes } = readFloat64(tensors, 'rows', undefined, undefined)
    const [rows, cols] = [sizes[0]!, sizes[1]!]
    const targets = readFloat64(tensors, 'targets', rows).data
    return model.restore(model.#modelOf({ data, rows, cols }, targets))
  }

  get parameters(): Parameters {
    return { ...this.#options }
  }

  toTensors(): Tensors {
    const { index, targets } = this.model
    return {
      rows: float64Tensor(index.toRows(), index.rows, index.cols),
      targets: float64Tensor(targets, targets.length),
    }
  }

  protected learn(X: Matrix, y: Float64Array, options: FitOptions): NeighborsModel {
    return this.#modelOf(X, y.slice(), options)
  }

  protected estimate({ index, targets }: NeighborsModel, row: Float64Array): number {
    index.search(row)
    let sum = 0
    let total = 0
    for (let k = 0; k < index.count; k++) {
      const weight = neighborWeight(index, k, this.#options.weights)
      sum += weight * targets[index.found[k]!]!
      total += weight
    }
    return sum / total
  }

  #modelOf(X: Matrix, targets: Float64Array, options: FitOptions = {}): NeighborsModel {
    const { nNeighbors, metric } = this.#options
    const index = new NeighborIndex(X, nNeighbors, metric, options)
    return { featureCount: X.cols, index, targets }
  }
}
