import type { Matrix } from '../../data/matrix.ts'
import { columnMeans } from '../column-statistics.ts'
import { ModelError } from '../errors.ts'
import { resolveOptions, type OptionTable, type Parameters } from '../options.ts'
import { float64Tensor, int32Tensor, readFloat64, readInt32 } from '../tensors.ts'
import { refuseOtherTensors, type LoadedTensors, type Tensors } from '../tensors.ts'
import { RowTransformer, type LearnedTransform } from './transformer.ts'

export interface SimpleImputerOptions {
  strategy?: 'mean' | 'median' | 'most-frequent' | 'constant'
  fillValue?: number
  addIndicator?: boolean
}

const simpleImputerOptions = {
  strategy: {
    default: 'mean',
    choices: ['mean', 'median', 'most-frequent', 'constant'],
    meaning: 'what of a column stands in for what is missing',
  },
  fillValue: {
    default: 0,
    number: { from: -1e140, to: 1e140 },
    meaning: "what stands in with the strategy 'constant', and in columns without any value",
  },
  addIndicator: {
    default: false,
    boolean: true,
    meaning: 'whether a column of 0 and 1 is added for each column that missed values at the fit',
  },
} as const satisfies OptionTable

interface Filling extends LearnedTransform {
  readonly fill: Float64Array
  /** Columns with an indicator, ascending. */
  readonly indicated: Int32Array
}

/**
 * Puts a number of the column in the place of NaN: its mean, its median, its most frequent value (of
 * several the smallest) or a constant. A column without any value is kept, filled with `fillValue`
 * (scikit-learn's keep_empty_features). The constructor throws OptionInvalid.
 */
export class SimpleImputer extends RowTransformer<Filling> {
  readonly kind = 'simple-imputer'
  override readonly missing = 'filled'
  readonly #options: Required<SimpleImputerOptions>

  constructor(options: SimpleImputerOptions = {}) {
    super()
    this.#options = resolveOptions('SimpleImputer', simpleImputerOptions, options)
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): SimpleImputer {
    const imputer = new SimpleImputer(parameters)
    refuseOtherTensors(tensors, ['fill', 'indicated'])
    const fill = readFloat64(tensors, 'fill', undefined).data
    const isIndicated = readInt32(tensors, 'indicated', { from: 0, to: 1 }, fill.length).data
    const indicated = Int32Array.from([...fill.keys()].filter((j) => isIndicated[j] === 1))
    if (indicated.length > 0 && !imputer.#options.addIndicator) {
      throw new ModelError('ModelFileInvalid', 'tensor indicated has columns without addIndicator')
    }
    return imputer.restore(filling(fill, indicated))
  }

  get parameters(): Parameters {
    return { ...this.#options }
  }

  /** What stands in, one value a column. */
  get statistics(): Float64Array {
    return this.learned.fill
  }

  transformRow(row: Float64Array, out: Float64Array): void {
    const { fill, indicated } = this.learned
    for (let j = 0; j < row.length; j++) out[j] = Number.isNaN(row[j]) ? fill[j]! : row[j]!
    for (let k = 0; k < indicated.length; k++) {
      out[row.length + k] = Number.isNaN(row[indicated[k]!]) ? 1 : 0
    }
  }

  unfitted(): SimpleImputer {
    return new SimpleImputer(this.#options)
  }

  toTensors(): Tensors {
    const { fill, indicated } = this.learned
    const isIndicated = new Int32Array(fill.length)
    for (const j of indicated) isIndicated[j] = 1
    return {
      fill: float64Tensor(fill, fill.length),
      indicated: int32Tensor(isIndicated, fill.length),
    }
  }

  protected learn(X: Matrix): Filling {
    const { strategy, fillValue, addIndicator } = this.#options
    const means = strategy === 'mean' ? columnMeans(X) : undefined
    const missing: number[] = []
    const room = new Float64Array(X.rows)
    const fill = Float64Array.from({ length: X.cols }, (_, j) => {
      const present = presentValues(X, j, room)
      if (present.length < X.rows) missing.push(j)
      if (present.length === 0 || strategy === 'constant') return fillValue
      if (means) return means[j]!
      present.sort()
      return strategy === 'median' ? medianOf(present) : mostFrequent(present)
    })
    return filling(fill, Int32Array.from(addIndicator ? missing : []))
  }
}

function filling(fill: Float64Array, indicated: Int32Array): Filling {
  return {
    inputCount: fill.length,
    outputCount: fill.length + indicated.length,
    fill,
    indicated,
  }
}

/** One column at a time, in `room`, so that a fit holds little besides X. */
function presentValues({ data, cols }: Matrix, j: number, room: Float64Array): Float64Array {
  let count = 0
  for (let at = j; at < data.length; at += cols) {
    if (!Number.isNaN(data[at])) room[count++] = data[at]!
  }
  return room.subarray(0, count)
}

function medianOf(ascending: Float64Array): number {
  const middle = ascending.length >> 1
  const upper = ascending[middle]!
  return ascending.length % 2 === 1 ? upper : (ascending[middle - 1]! + upper) / 2
}

function mostFrequent(ascending: Float64Array): number {
  let best = ascending[0]!
  let most = 0
  for (let start = 0, end = 0; start < ascending.length; start = end) {
    while (end < ascending.length && ascending[end] === ascending[start]) end++
    if (end - start > most) {
      most = end - start
      best = ascending[start]!
    }
  }
  return best
}
