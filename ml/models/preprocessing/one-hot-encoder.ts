import type { Matrix } from '../../data/matrix.ts'
import { ModelError } from '../errors.ts'
import { resolveOptions, type OptionTable, type Parameters } from '../options.ts'
import { refuseOtherTensors, type LoadedTensors, type Tensors } from '../tensors.ts'
import { Categories, categoryTensors, unknownCategory } from './categories.ts'
import { RowTransformer, type LearnedTransform } from './transformer.ts'

export interface OneHotEncoderOptions {
  handleUnknown?: 'error' | 'ignore'
  drop?: 'none' | 'first' | 'if-binary'
}

const oneHotEncoderOptions = {
  handleUnknown: {
    default: 'error',
    choices: ['error', 'ignore'],
    meaning: 'whether a category that was not learned is an error or all zeros',
  },
  drop: {
    default: 'none',
    choices: ['none', 'first', 'if-binary'],
    meaning: 'whether the first category of each column, or of those with two, has no column',
  },
} as const satisfies OptionTable

interface Encoding extends LearnedTransform {
  readonly categories: Categories
  /** Where the columns of each column's category 0 would be: one before where that is dropped. */
  readonly offsets: Int32Array
  /** The first category of each column that has a column: 0, or 1 where it is dropped. */
  readonly first: Int32Array
}

/**
 * Turns each column into one column a category, 1 for the row's own and 0 for the others, in
 * ascending order of the categories; NaN is a category where it was learned, the last. Throws
 * CategoryUnknown for a category that was not learned, unless `handleUnknown` is 'ignore';
 * TooManyClasses for a column of more than 10,000 distinct values, ShapeMismatch where no column
 * would be left. The constructor throws OptionInvalid.
 */
export class OneHotEncoder extends RowTransformer<Encoding> {
  readonly kind = 'one-hot-encoder'
  override readonly missing = 'filled'
  readonly #options: Required<OneHotEncoderOptions>

  constructor(options: OneHotEncoderOptions = {}) {
    super()
    this.#options = resolveOptions('OneHotEncoder', oneHotEncoderOptions, options)
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): OneHotEncoder {
    const encoder = new OneHotEncoder(parameters)
    refuseOtherTensors(tensors, categoryTensors)
    return encoder.restore(layOut(Categories.fromTensors(tensors), encoder.#options.drop))
  }

  get parameters(): Parameters {
    return { ...this.#options }
  }

  /** The categories of each column, ascending. */
  get categories(): number[][] {
    const { categories } = this.learned
    return Array.from({ length: categories.columns }, (_, j) => categories.valuesOf(j))
  }

  transformRow(row: Float64Array, out: Float64Array): void {
    const { categories, offsets, first } = this.learned
    out.fill(0)
    for (let j = 0; j < row.length; j++) {
      const number = categories.numberOf(j, row[j]!)
      if (number >= first[j]!) out[offsets[j]! + number] = 1
      else if (number < 0 && this.#options.handleUnknown === 'error') {
        throw unknownCategory(categories, j, row[j]!)
      }
    }
  }

  unfitted(): OneHotEncoder {
    return new OneHotEncoder(this.#options)
  }

  toTensors(): Tensors {
    return this.learned.categories.toTensors()
  }

  protected learn(X: Matrix): Encoding {
    return layOut(Categories.of(X), this.#options.drop)
  }
}

function layOut(categories: Categories, drop: 'none' | 'first' | 'if-binary'): Encoding {
  const { columns } = categories
  const offsets = new Int32Array(columns)
  const first = new Int32Array(columns)
  let outputCount = 0
  for (let j = 0; j < columns; j++) {
    const count = categories.count(j)
    first[j] = drop === 'first' || (drop === 'if-binary' && count === 2) ? 1 : 0
    offsets[j] = outputCount - first[j]!
    outputCount += count - first[j]!
  }
  if (outputCount === 0) {
    throw new ModelError(
      'ShapeMismatch',
      `OneHotEncoder: every column is constant, and drop is '${drop}': no column is left`,
    )
  }
  return { inputCount: columns, outputCount, categories, offsets, first }
}
