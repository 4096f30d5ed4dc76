import type { Matrix } from '../../data/matrix.ts'
import { ModelError } from '../errors.ts'
import { float64Tensor, int32Tensor, readFloat64, readInt32 } from '../tensors.ts'
import type { LoadedTensors, Tensors } from '../tensors.ts'

/** Distinct values of a column beyond which it is a quantity, not a category. */
const mostCategories = 10_000

/** The categories of each column, numbered from 0; NaN, where it is one, has the last number. */
export class Categories {
  /** Values in the order of their numbers, of one column after the other. */
  readonly #values: Float64Array
  /** The first of each column, and the end. */
  readonly #starts: Int32Array
  /** 1 where NaN is a category of the column. */
  readonly #missing: Int32Array
  /** The values of each column ascending, and the number of each: what a look-up needs. */
  readonly #sorted: Float64Array
  readonly #numbers: Int32Array

  constructor(columns: readonly ArrayLike<number>[], missing: Int32Array) {
    this.#starts = new Int32Array(columns.length + 1)
    columns.forEach((column, j) => (this.#starts[j + 1] = this.#starts[j]! + column.length))
    const count = this.#starts[columns.length]!
    this.#values = new Float64Array(count)
    this.#sorted = new Float64Array(count)
    this.#numbers = new Int32Array(count)
    this.#missing = missing
    columns.forEach((column, j) => {
      const start = this.#starts[j]!
      this.#values.set(column, start)
      const order = Array.from(column, (_, k) => k).sort((a, b) => column[a]! - column[b]!)
      order.forEach((from, to) => {
        this.#sorted[start + to] = column[from]!
        this.#numbers[start + to] = from
      })
    })
  }

  /** The distinct values of each column, ascending. Throws TooManyClasses. */
  static of({ data, rows, cols }: Matrix): Categories {
    const missing = new Int32Array(cols)
    const columns = Array.from({ length: cols }, (_, j) => {
      const distinct = new Set<number>()
      for (let i = 0; i < rows; i++) {
        const value = data[i * cols + j]!
        if (Number.isNaN(value)) missing[j] = 1
        else distinct.add(value)
        if (distinct.size > mostCategories) {
          throw new ModelError(
            'TooManyClasses',
            `column ${j} has more than ${mostCategories} distinct values: is it a quantity?`,
          )
        }
      }
      return Float64Array.from(distinct).sort()
    })
    return new Categories(columns, missing)
  }

  /** Throws ModelFileInvalid. */
  static fromTensors(tensors: LoadedTensors): Categories {
    const range = { from: 0, to: mostCategories }
    const counts = readInt32(tensors, 'categoryCounts', range, undefined).data
    const missing = readInt32(tensors, 'hasMissing', { from: 0, to: 1 }, counts.length).data
    const total = counts.reduce((sum, count) => sum + count, 0)
    // A column of nothing but NaN has none: a file has no place for 0 values in all.
    const values =
      total === 0 ? new Float64Array(0) : readFloat64(tensors, 'categories', total).data
    let start = 0
    const columns = Array.from(counts, (count) => values.subarray(start, (start += count)))
    columns.forEach((column, j) => {
      if (new Set(column).size < column.length) {
        throw new ModelError('ModelFileInvalid', `the categories of column ${j} repeat`)
      }
    })
    return new Categories(columns, missing)
  }

  get columns(): number {
    return this.#missing.length
  }

  /** How many categories column j has. */
  count(j: number): number {
    return this.#starts[j + 1]! - this.#starts[j]! + this.#missing[j]!
  }

  /** The values of column j in the order of their numbers, NaN last where it is one. */
  valuesOf(j: number): number[] {
    const values = [...this.#values.subarray(this.#starts[j], this.#starts[j + 1])]
    return this.#missing[j] === 1 ? [...values, NaN] : values
  }

  /** The number of this value in column j, or -1. */
  numberOf(j: number, value: number): number {
    let low = this.#starts[j]!
    const end = this.#starts[j + 1]!
    if (value !== value) return this.#missing[j] === 1 ? end - low : -1
    let high = end
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#sorted[middle]! < value) low = middle + 1
      else high = middle
    }
    return low < end && this.#sorted[low] === value ? this.#numbers[low]! : -1
  }

  toTensors(): Tensors {
    const d = this.columns
    const counts = Int32Array.from({ length: d }, (_, j) => this.#starts[j + 1]! - this.#starts[j]!)
    return {
      ...(this.#values.length > 0
        ? { categories: float64Tensor(this.#values, this.#values.length) }
        : {}),
      categoryCounts: int32Tensor(counts, d),
      hasMissing: int32Tensor(this.#missing, d),
    }
  }
}

export const categoryTensors = ['categories', 'categoryCounts', 'hasMissing'] as const

export function unknownCategory(categories: Categories, j: number, value: number): ModelError {
  const known = categories.valuesOf(j).slice(0, 10).join(', ')
  return new ModelError(
    'CategoryUnknown',
    `column ${j} is ${value}, none of the categories ${known} that were learned`,
  )
}
