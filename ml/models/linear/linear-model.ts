import { RowRegressor, type LearnedQuantity } from '../regressor.ts'
import { float64Tensor, readFloat64, refuseOtherTensors } from '../tensors.ts'
import type { LoadedTensors, Tensors } from '../tensors.ts'

export interface LinearModel extends LearnedQuantity {
  readonly coefficients: Float64Array
  readonly intercept: number
}

/** What models share whose answer is a weighted sum of the features and an intercept. */
export abstract class LinearRegressor extends RowRegressor<LinearModel> {
  /** The weight of each feature; a copy. */
  get coefficients(): Float64Array {
    return this.model.coefficients.slice()
  }

  get intercept(): number {
    return this.model.intercept
  }

  toTensors(): Tensors {
    const { coefficients, intercept } = this.model
    return {
      coefficients: float64Tensor(coefficients, coefficients.length),
      intercept: float64Tensor(Float64Array.of(intercept)),
    }
  }

  protected estimate({ coefficients, intercept }: LinearModel, row: Float64Array): number {
    let sum = intercept
    for (let j = 0; j < row.length; j++) sum += coefficients[j]! * row[j]!
    return sum
  }
}

/** Throws ModelFileInvalid. */
export function readLinearModel(tensors: LoadedTensors): LinearModel {
  refuseOtherTensors(tensors, ['coefficients', 'intercept'])
  const coefficients = readFloat64(tensors, 'coefficients', undefined).data
  const intercept = readFloat64(tensors, 'intercept').data[0]!
  return { featureCount: coefficients.length, coefficients, intercept }
}
