import type { Matrix } from '../../data/matrix.ts'
import { largestMagnitude } from '../checks.ts'
import { columnMeans } from '../column-statistics.ts'
import { ModelError } from '../errors.ts'
import { choleskyFactor } from '../linear-algebra/cholesky.ts'
import { gramOfColumns, type Rows } from '../linear-algebra/normal-equations.ts'
import { RowQR } from '../linear-algebra/row-qr.ts'
import { singularValues } from '../linear-algebra/svd.ts'
import { resolveOptions, type OptionTable, type Parameters } from '../options.ts'
import { Pace } from '../pace.ts'
import { float64Tensor, readFloat64, refuseOtherTensors } from '../tensors.ts'
import type { LoadedTensors, Tensors } from '../tensors.ts'
import { RowTransformer, type LearnedTransform, type TransformerFitOptions } from './transformer.ts'

/** A pivot of less of its column's square: columns are nearly dependent. */
const leastPivot = 0.01

/** Of Jacobi's method, for the share of a fit that is done. */
const usualSweeps = 7

export interface PCAOptions {
  nComponents?: number | 'all'
  whiten?: boolean
}

const pcaOptions = {
  nComponents: {
    default: 'all',
    number: { above: 0, to: 100_000 },
    choices: ['all'],
    meaning: 'how many components; below 1 as many as explain this share of the variance',
  },
  whiten: {
    default: false,
    boolean: true,
    meaning: 'whether each component is divided by its standard deviation',
  },
} as const satisfies OptionTable

interface Axes extends LearnedTransform {
  readonly mean: Float64Array
  /** One direction a row, outputCount × inputCount. */
  readonly components: Float64Array
  readonly explainedVariance: Float64Array
  /** The variance of all columns together. */
  readonly totalVariance: number
  /** Standard deviations of the components with `whiten`, else ones. */
  readonly divisors: Float64Array
}

/**
 * Principal components: the directions, at right angles, along which the rows vary most, by the
 * singular values of a triangular factor of the centred rows; nothing is squared whose digits would be
 * lost. No copy of X is held, but of one with more columns than rows. Each component's greatest element by size is positive, as in scikit-learn.
 *
 *     const pca = new PCA({ nComponents: 2 }).fit(X)
 *     pca.explainedVarianceRatio
 *
 * `fit` throws OptionInvalid for more components than rows or columns. The constructor throws
 * OptionInvalid.
 */
export class PCA extends RowTransformer<Axes> {
  readonly kind = 'pca'
  readonly #options: Required<PCAOptions>

  constructor(options: PCAOptions = {}) {
    super()
    this.#options = resolveOptions<PCAOptions>('PCA', pcaOptions, options)
    const { nComponents } = this.#options
    if (nComponents !== 'all' && nComponents >= 1 && !Number.isInteger(nComponents)) {
      throw new ModelError(
        'OptionInvalid',
        `PCA: option nComponents takes a whole number, a share below 1 or 'all', got ${nComponents}`,
      )
    }
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): PCA {
    const pca = new PCA(parameters)
    refuseOtherTensors(tensors, ['mean', 'components', 'explainedVariance', 'totalVariance'])
    const mean = readFloat64(tensors, 'mean', undefined).data
    const components = readFloat64(tensors, 'components', undefined, mean.length)
    const count = components.sizes[0]!
    const explainedVariance = readFloat64(tensors, 'explainedVariance', count).data
    const totalVariance = readFloat64(tensors, 'totalVariance').data[0]!
    if (explainedVariance.some((variance) => variance < 0) || totalVariance < 0) {
      throw new ModelError('ModelFileInvalid', 'tensor explainedVariance holds a negative variance')
    }
    return pca.restore({
      inputCount: mean.length,
      outputCount: count,
      mean,
      components: components.data,
      explainedVariance,
      totalVariance,
      divisors: divisorsOf(explainedVariance, pca.#options.whiten),
    })
  }

  get parameters(): Parameters {
    return { ...this.#options }
  }

  /** outputCount × inputCount: one direction a row, the one of most variance first. */
  get components(): Matrix {
    const { components, outputCount, inputCount } = this.learned
    return { data: components.slice(), rows: outputCount, cols: inputCount }
  }

  /** One value a column. */
  get mean(): Float64Array {
    return this.learned.mean.slice()
  }

  /** The sample variance along each component. */
  get explainedVariance(): Float64Array {
    return this.learned.explainedVariance.slice()
  }

  /** The same as shares of the variance of all columns. */
  get explainedVarianceRatio(): Float64Array {
    const { explainedVariance, totalVariance } = this.learned
    return explainedVariance.map((variance) => (totalVariance > 0 ? variance / totalVariance : 0))
  }

  transformRow(row: Float64Array, out: Float64Array): void {
    const { mean, components, divisors } = this.learned
    for (let c = 0, at = 0; c < out.length; c++) {
      let sum = 0
      for (let j = 0; j < row.length; j++, at++) sum += (row[j]! - mean[j]!) * components[at]!
      out[c] = sum / divisors[c]!
    }
  }

  unfitted(): PCA {
    return new PCA(this.#options)
  }

  toTensors(): Tensors {
    const { mean, components, explainedVariance, totalVariance, outputCount } = this.learned
    return {
      components: float64Tensor(components, outputCount, mean.length),
      explainedVariance: float64Tensor(explainedVariance, outputCount),
      mean: float64Tensor(mean, mean.length),
      totalVariance: float64Tensor(Float64Array.of(totalVariance)),
    }
  }

  protected learn(X: Matrix, options: TransformerFitOptions): Axes {
    const { nComponents, whiten } = this.#options
    const most = Math.min(X.rows, X.cols)
    if (nComponents !== 'all' && nComponents > most) {
      throw new ModelError(
        'OptionInvalid',
        `PCA: option nComponents is ${nComponents}; ${X.rows} × ${X.cols} has at most ${most}`,
      )
    }
    const mean = columnMeans(X)
    const { sigma, right, unit } = decompose(X, mean, options)
    const variances = sigma.map((value) => (value * unit) ** 2 / Math.max(X.rows - 1, 1))
    const totalVariance = variances.reduce((sum, variance) => sum + variance, 0)
    if (!(totalVariance <= largestMagnitude)) {
      throw new ModelError('ValueTooLarge', `PCA: the variance is ${totalVariance}: rescale X`)
    }
    const count = componentCount(nComponents, variances, totalVariance)
    const components = right.slice(0, count * X.cols)
    for (let c = 0; c < count; c++) orient(components.subarray(c * X.cols, (c + 1) * X.cols))
    const explainedVariance = variances.slice(0, count)
    return {
      inputCount: X.cols,
      outputCount: count,
      mean,
      components,
      explainedVariance,
      totalVariance,
      divisors: divisorsOf(explainedVariance, whiten),
    }
  }
}

/** The singular values of the centred rows, as multiples of `unit`. */
function decompose(
  { data, rows, cols }: Matrix,
  mean: Float64Array,
  options: TransformerFitOptions,
) {
  let greatest = 0
  for (let at = 0; at < data.length; at++) {
    greatest = Math.max(greatest, Math.abs(data[at]! - mean[at % cols]!))
  }
  const unit = greatest === 0 ? 1 : 2 ** Math.max(-1000, Math.ceil(Math.log2(greatest)))
  const height = Math.min(rows, cols)
  const pace = new Pace(options, rows * cols * height + usualSweeps * 4 * height ** 3)
  const writeRow = (i: number, out: Float64Array) => {
    for (let j = 0, at = i * cols; j < cols; j++, at++) out[j] = (data[at]! - mean[j]!) / unit
  }
  const factor =
    rows > cols ? factorOf({ rows, cols, writeRow }, pace) : new Float64Array(rows * cols)
  if (rows <= cols) {
    for (let i = 0; i < rows; i++) writeRow(i, factor.subarray(i * cols, (i + 1) * cols))
  }
  return { ...singularValues(factor, height, cols, pace), unit }
}

/**
 * The triangular factor of rows as they are written: from the products of columns where these are so
 * far from dependent that squares cost hardly a digit, else from the rows themselves.
 */
function factorOf(rows: Rows, pace: Pace): Float64Array {
  const { cols } = rows
  const products = gramOfColumns(rows, pace)
  const L = choleskyFactor(cols, (i, j) => products[i * cols + j]!, leastPivot, pace)
  if (!L) {
    const qr = new RowQR(cols, pace)
    for (let i = 0; i < rows.rows; i++) rows.writeRow(i, qr.nextRow())
    return qr.finish()
  }
  const factor = new Float64Array(cols * cols)
  for (let j = 0; j < cols; j++) {
    // The factor of a column of zeros has a 1, which is none of its values.
    const isEmpty = products[j * cols + j] === 0
    for (let i = 0; i <= j && !isEmpty; i++) factor[i * cols + j] = L.at(j, i)
  }
  L.release()
  return factor
}

function componentCount(
  asked: number | 'all',
  variances: Float64Array,
  totalVariance: number,
): number {
  if (asked === 'all') return variances.length
  if (asked >= 1) return asked
  let explained = 0
  const enough = variances.findIndex((variance) => (explained += variance) > asked * totalVariance)
  return enough < 0 ? variances.length : enough + 1
}

/** Makes the greatest element by size positive. */
function orient(component: Float64Array): void {
  let greatest = 0
  for (let j = 1; j < component.length; j++) {
    if (Math.abs(component[j]!) > Math.abs(component[greatest]!)) greatest = j
  }
  if (component[greatest]! < 0) {
    for (let j = 0; j < component.length; j++) component[j] = -component[j]!
  }
}

/** A component without variance is not divided: there is nothing but rounding in it. */
function divisorsOf(variances: Float64Array, whiten: boolean): Float64Array {
  const least = (variances[0] ?? 0) * Number.EPSILON ** 2
  return variances.map((variance) => (whiten && variance > least ? Math.sqrt(variance) : 1))
}
