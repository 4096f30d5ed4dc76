import type { Matrix } from '../data/matrix.ts'
import { resolveOptions, type OptionTable, type Parameters } from './options.ts'
import { RowRegressor, type LearnedQuantity } from './regressor.ts'
import { float64Tensor, int32Tensor, readFloat64, readInt32 } from './tensors.ts'
import { refuseOtherTensors, type LoadedTensors, type Tensors } from './tensors.ts'

interface MeanModel extends LearnedQuantity {
  readonly mean: number
}

export const meanOptions = {} as const satisfies OptionTable

/**
 * Answers the mean of the targets for every row: the floor that a model must beat to have learned
 * anything.
 */
export class MeanBaseline extends RowRegressor<MeanModel> {
  readonly algorithm = 'mean'
  readonly parameters: Parameters

  constructor(options: Record<string, never> = {}) {
    super()
    this.parameters = resolveOptions('MeanBaseline', meanOptions, options)
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): MeanBaseline {
    const baseline = new MeanBaseline(parameters as Record<string, never>)
    refuseOtherTensors(tensors, ['mean', 'featureCount'])
    const mean = readFloat64(tensors, 'mean').data[0]!
    const features = { from: 1, to: 2 ** 31 - 1 }
    const featureCount = readInt32(tensors, 'featureCount', features).data[0]!
    return baseline.restore({ featureCount, mean })
  }

  toTensors(): Tensors {
    const { mean, featureCount } = this.model
    return {
      featureCount: int32Tensor(Int32Array.of(featureCount)),
      mean: float64Tensor(Float64Array.of(mean)),
    }
  }

  protected learn(X: Matrix, y: Float64Array): MeanModel {
    let mean = 0
    for (let i = 0; i < y.length; i++) mean += y[i]! / y.length
    return { featureCount: X.cols, mean }
  }

  protected estimate({ mean }: MeanModel): number {
    return mean
  }
}
