import type { Matrix } from '../../data/matrix.ts'
import { ModelError } from '../errors.ts'
import {
  refuseUnknownOptions,
  resolveOptions,
  type OptionTable,
  type Parameters,
} from '../options.ts'
import { refuseOtherTensors, type LoadedTensors, type Tensors } from '../tensors.ts'
import { Categories, categoryTensors, unknownCategory } from './categories.ts'
import { RowTransformer, type LearnedTransform } from './transformer.ts'

export interface OrdinalEncoderOptions {
  handleUnknown?: 'error' | 'use-encoded-value'
  unknownValue?: number
  encodedMissingValue?: number | 'nan'
  /** The categories of each column in the order of their numbers; else its values, ascending. */
  categories?: 'auto' | readonly (readonly number[])[]
}

const ordinalEncoderOptions = {
  handleUnknown: {
    default: 'error',
    choices: ['error', 'use-encoded-value'],
    meaning: 'whether a category that was not learned is an error or becomes unknownValue',
  },
  unknownValue: {
    default: -1,
    number: { from: -1e6, to: 1e6 },
    meaning: 'the number of a category that was not learned',
  },
  encodedMissingValue: {
    default: 'nan',
    number: { from: -1e6, to: 1e6 },
    choices: ['nan'],
    meaning: 'the number of NaN',
  },
  categories: {
    default: 'auto',
    choices: ['auto', 'given'],
    meaning: 'whether the categories are those that it meets, ascending, or given in their order',
  },
} as const satisfies OptionTable

interface Encoding extends LearnedTransform {
  readonly categories: Categories
}

/**
 * Turns each column's categories into numbers from 0, in the order of their values or in a given one
 * (`categories`), which is how grades keep their rank. NaN stays NaN, or becomes
 * `encodedMissingValue`. Throws CategoryUnknown for a category that was not learned or given, at a
 * fit too, unless `handleUnknown` is 'use-encoded-value'; TooManyClasses for a column of more than
 * 10,000 distinct values. The constructor throws OptionInvalid.
 */
export class OrdinalEncoder extends RowTransformer<Encoding> {
  readonly kind = 'ordinal-encoder'
  override readonly missing: 'passed' | 'filled'
  readonly parameters: Parameters
  #given: readonly (readonly number[])[] | undefined
  readonly #refusesUnknown: boolean
  readonly #unknownValue: number
  readonly #missingValue: number

  constructor(options: OrdinalEncoderOptions = {}) {
    super()
    refuseUnknownOptions('OrdinalEncoder', Object.keys(ordinalEncoderOptions), options)
    const { categories } = options
    this.#given = isGiven(categories) ? categories.map(checkedCategories) : undefined
    type Resolved = Omit<OrdinalEncoderOptions, 'categories'> & { categories?: 'auto' | 'given' }
    const resolved = resolveOptions<Resolved>('OrdinalEncoder', ordinalEncoderOptions, {
      ...(options as Resolved),
      categories: this.#given ? 'given' : ((categories ?? 'auto') as 'auto'),
    })
    this.parameters = resolved
    const { handleUnknown, unknownValue, encodedMissingValue } = resolved
    this.#refusesUnknown = handleUnknown === 'error'
    this.#unknownValue = unknownValue
    this.#missingValue = encodedMissingValue === 'nan' ? NaN : encodedMissingValue
    this.missing = encodedMissingValue === 'nan' ? 'passed' : 'filled'
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): OrdinalEncoder {
    const encoder = new OrdinalEncoder(parameters)
    refuseOtherTensors(tensors, categoryTensors)
    const categories = Categories.fromTensors(tensors)
    const { columns } = categories
    if (encoder.parameters['categories'] === 'given') encoder.#given = listsOf(categories)
    return encoder.restore({ inputCount: columns, outputCount: columns, categories })
  }

  /** The categories of each column in the order of their numbers. */
  get categories(): number[][] {
    return listsOf(this.learned.categories)
  }

  transformRow(row: Float64Array, out: Float64Array): void {
    const { categories } = this.learned
    for (let j = 0; j < row.length; j++) out[j] = this.#encode(categories, j, row[j]!)
  }

  unfitted(): OrdinalEncoder {
    const categories = this.#given ? { categories: this.#given } : {}
    return new OrdinalEncoder({ ...this.parameters, ...categories })
  }

  toTensors(): Tensors {
    return this.learned.categories.toTensors()
  }

  protected learn(X: Matrix): Encoding {
    if (this.parameters['categories'] === 'given' && !this.#given) {
      throw new ModelError('OptionInvalid', 'OrdinalEncoder: option categories has no lists')
    }
    const categories = this.#given
      ? new Categories(this.#given, new Int32Array(this.#given.length))
      : Categories.of(X)
    if (categories.columns !== X.cols) {
      throw new ModelError(
        'ShapeMismatch',
        `OrdinalEncoder: categories of ${categories.columns} columns are given, X has ${X.cols}`,
      )
    }
    if (this.#given) {
      for (let at = 0; at < X.data.length; at++) this.#encode(categories, at % X.cols, X.data[at]!)
    }
    return { inputCount: X.cols, outputCount: X.cols, categories }
  }

  #encode(categories: Categories, j: number, value: number): number {
    if (value !== value) return this.#missingValue
    const number = categories.numberOf(j, value)
    if (number >= 0) return number
    if (this.#refusesUnknown) throw unknownCategory(categories, j, value)
    return this.#unknownValue
  }
}

function listsOf(categories: Categories): number[][] {
  return Array.from({ length: categories.columns }, (_, j) => categories.valuesOf(j))
}

function isGiven(categories: unknown): categories is readonly (readonly number[])[] {
  return Array.isArray(categories)
}

function checkedCategories(column: readonly number[]): readonly number[] {
  const distinct = new Set(Array.isArray(column) ? column : [])
  if (distinct.size > 0 && column.every(Number.isFinite) && distinct.size === column.length) {
    return [...column]
  }
  throw new ModelError(
    'OptionInvalid',
    'OrdinalEncoder: option categories takes a list of different finite numbers for each column',
  )
}
