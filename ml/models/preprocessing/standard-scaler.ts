import type { Matrix } from '../../data/matrix.ts'
import { columnMeans, columnVariances, isConstantColumn } from '../column-statistics.ts'
import { ModelError } from '../errors.ts'
import { resolveOptions, type Parameters } from '../options.ts'
import { float64Tensor, readFloat64, refuseOtherTensors } from '../tensors.ts'
import type { LoadedTensors, Tensors } from '../tensors.ts'
import { RowTransformer, type LearnedTransform } from './transformer.ts'

/** No column is divided by less: the quotient of any two features stays finite. */
const leastScale = 1e-150

/** Of a column that varies by less the squares may have vanished. */
const leastVariance = leastScale ** 2

interface Scaling extends LearnedTransform {
  readonly mean: Float64Array
  readonly scale: Float64Array
}

/**
 * Moves and scales each column to mean 0 and population standard deviation 1, by the rows it was
 * fitted on. A constant column (to within rounding, by scikit-learn's rule) is only moved. NaN is
 * left out when learning and stays NaN; a column of nothing else stays as it is.
 */
export class StandardScaler extends RowTransformer<Scaling> {
  readonly kind = 'standard-scaler'
  override readonly missing = 'passed'
  readonly parameters: Parameters

  constructor(options: Record<string, never> = {}) {
    super()
    this.parameters = resolveOptions('StandardScaler', {}, options)
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters = {}): StandardScaler {
    const scaler = new StandardScaler(parameters as Record<string, never>)
    refuseOtherTensors(tensors, ['mean', 'scale'])
    const mean = readFloat64(tensors, 'mean', undefined).data
    const scale = readFloat64(tensors, 'scale', mean.length).data
    if (scale.some((value) => value < leastScale)) {
      throw new ModelError('ModelFileInvalid', `tensor scale holds a scale below ${leastScale}`)
    }
    return scaler.restore({ inputCount: mean.length, outputCount: mean.length, mean, scale })
  }

  /** One value a column, as learned. */
  get mean(): Float64Array {
    return this.learned.mean.slice()
  }

  get scale(): Float64Array {
    return this.learned.scale.slice()
  }

  transformRow(row: Float64Array, out: Float64Array): void {
    const { mean, scale } = this.learned
    for (let j = 0; j < row.length; j++) out[j] = (row[j]! - mean[j]!) / scale[j]!
  }

  unfitted(): StandardScaler {
    return new StandardScaler()
  }

  toTensors(): Tensors {
    const { mean, scale } = this.learned
    return { mean: float64Tensor(mean, mean.length), scale: float64Tensor(scale, scale.length) }
  }

  protected learn(X: Matrix): Scaling {
    const mean = columnMeans(X)
    const scale = columnVariances(X, mean).map((variance, j) => {
      if (variance < leastVariance) return deviationOfTiny(X, j, mean[j]!)
      return isConstantColumn(variance, mean[j]!, X.rows) ? 1 : Math.sqrt(variance)
    })
    return { inputCount: X.cols, outputCount: X.cols, mean, scale }
  }
}

/** What to divide column j by, whose values differ by so little that their squares are no measure. */
function deviationOfTiny({ data, rows, cols }: Matrix, j: number, mean: number): number {
  let greatest = 0
  for (let i = 0; i < rows; i++) greatest = Math.max(greatest, Math.abs(data[i * cols + j]! - mean))
  return greatest > rows * Number.EPSILON * Math.abs(mean) ? leastScale : 1
}
