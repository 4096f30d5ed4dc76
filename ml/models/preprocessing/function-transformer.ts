import type { Matrix } from '../../data/matrix.ts'
import { ModelError } from '../errors.ts'
import { resolveOptions, type OptionTable, type Parameters } from '../options.ts'
import { int32Tensor, readInt32, refuseOtherTensors } from '../tensors.ts'
import type { LoadedTensors, Tensors } from '../tensors.ts'
import { valueFunctionNames, valueFunctions, type ValueFunction } from '../value-functions.ts'
import { RowTransformer, type LearnedTransform } from './transformer.ts'

export interface FunctionTransformerOptions {
  func?: ValueFunction
}

const functionTransformerOptions = {
  func: {
    default: 'log',
    choices: valueFunctionNames,
    meaning: 'what each feature goes through',
  },
} as const satisfies OptionTable

/**
 * Applies one function to every feature; NaN stays NaN. Throws ValueNotFinite for a feature outside
 * of the function's domain. The constructor throws OptionInvalid.
 */
export class FunctionTransformer extends RowTransformer<LearnedTransform> {
  readonly kind = 'function-transformer'
  override readonly missing = 'passed'
  readonly #options: Required<FunctionTransformerOptions>
  readonly #func: (value: number) => number

  constructor(options: FunctionTransformerOptions = {}) {
    super()
    this.#options = resolveOptions('FunctionTransformer', functionTransformerOptions, options)
    this.#func = valueFunctions[this.#options.func].apply
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): FunctionTransformer {
    const transformer = new FunctionTransformer(parameters)
    refuseOtherTensors(tensors, ['columns'])
    const range = { from: 1, to: 2 ** 31 - 1 }
    const columns = readInt32(tensors, 'columns', range).data[0]!
    return transformer.restore({ inputCount: columns, outputCount: columns })
  }

  get parameters(): Parameters {
    return { ...this.#options }
  }

  transformRow(row: Float64Array, out: Float64Array): void {
    for (let j = 0; j < row.length; j++) {
      const value = this.#func(row[j]!)
      if (!Number.isFinite(value) && !Number.isNaN(row[j])) {
        throw new ModelError(
          'ValueNotFinite',
          `column ${j} is ${row[j]}, whose ${this.#options.func} is ${value}`,
        )
      }
      out[j] = value
    }
  }

  unfitted(): FunctionTransformer {
    return new FunctionTransformer(this.#options)
  }

  toTensors(): Tensors {
    return { columns: int32Tensor(Int32Array.of(this.inputCount)) }
  }

  protected learn(X: Matrix): LearnedTransform {
    return { inputCount: X.cols, outputCount: X.cols }
  }
}
