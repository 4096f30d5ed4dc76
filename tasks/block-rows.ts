import { csvNumber, matrix, parseCsv, type CsvColumn, type Matrix } from '../ml/data/index.ts'
import { MillraceError } from '../platform/ports/index.ts'
import type { Cell, LoadedModel } from './model-artifact.ts'

/** Rows as they were read: of a `.npy` its numbers, of a CSV whole records behind its header. */
export type BlockRows =
  | { readonly format: 'npy'; readonly matrix: Matrix }
  | { readonly format: 'csv'; readonly bytes: Uint8Array; readonly numbers: readonly string[] }

/** Rows as a model takes them. */
export interface FeatureRows {
  readonly count: number
  /**
   * The features of rows `from` (inclusive) to `to` (exclusive), good until the next call. Throws
   * InstancesInvalid for text where the model takes numbers, and for no text where it takes categories
   * and nothing else.
   */
  features(from: number, to: number): Matrix
}

type CellModel = Pick<LoadedModel, 'categories' | 'featureNames' | 'pipeline' | 'read'>

/** @param columns for each feature of the model its column */
export function featureRows(
  model: CellModel,
  rows: BlockRows,
  columns: readonly number[],
): FeatureRows {
  if (rows.format === 'npy') {
    const isPlain = model.categories.every((labels) => labels === null)
    return isPlain
      ? numberRows(rows.matrix, columns)
      : cellRows(model, rows.matrix.rows, cellsOfMatrix(rows.matrix, columns))
  }
  const table = parseCsv(rows.bytes, { numbers: new Set(rows.numbers) })
  const chosen = columns.map((at) => table.columns[at]!)
  const isNumber = new Set(rows.numbers)
  const readers = chosen.map((column) => cellReader(column, isNumber.has(column.name)))
  return cellRows(model, table.rows, (i, cells) => {
    for (let j = 0; j < readers.length; j++) cells[j] = readers[j]!(i)
  })
}

/** Numbers need no looking at: a missing one is NaN there and here. */
function numberRows({ data, rows, cols }: Matrix, columns: readonly number[]): FeatureRows {
  const isAll = columns.length === cols && columns.every((column, j) => column === j)
  let scratch = new Float64Array(0)
  return {
    count: rows,
    features(from, to) {
      if (isAll) return matrix(data.subarray(from * cols, to * cols), to - from, cols)
      const width = columns.length
      if (scratch.length < (to - from) * width) scratch = new Float64Array((to - from) * width)
      for (let i = from, at = 0; i < to; i++) {
        for (let j = 0; j < width; j++) scratch[at++] = data[i * cols + columns[j]!]!
      }
      return matrix(scratch.subarray(0, (to - from) * width), to - from, width)
    },
  }
}

function cellRows(
  { categories, featureNames, pipeline, read }: CellModel,
  count: number,
  fill: (i: number, cells: Cell[]) => void,
): FeatureRows {
  const width = categories.length
  const cells = new Array<Cell>(width).fill(null)
  // A number that is missing is refused by the model itself.
  const required = categories.flatMap((labels, j) =>
    labels === null || pipeline.acceptsMissing === true ? [] : [j],
  )
  let scratch = new Float64Array(0)
  return {
    count,
    features(from, to) {
      if (scratch.length < (to - from) * width) scratch = new Float64Array((to - from) * width)
      for (let i = from; i < to; i++) {
        fill(i, cells)
        for (const j of required) {
          if (cells[j] === null) throw lackingCategory(featureNames[j]!)
        }
        read(cells, scratch.subarray((i - from) * width, (i - from + 1) * width))
      }
      return matrix(scratch.subarray(0, (to - from) * width), to - from, width)
    },
  }
}

function cellsOfMatrix({ data, cols }: Matrix, columns: readonly number[]) {
  return (i: number, cells: Cell[]) => {
    for (let j = 0; j < columns.length; j++) cells[j] = numberOrNull(data[i * cols + columns[j]!]!)
  }
}

function cellReader(column: CsvColumn, isNumber: boolean): (i: number) => Cell {
  if (column.kind === 'number') {
    const { values } = column
    return (i) => numberOrNull(values[i]!)
  }
  const { values } = column
  if (!isNumber) return (i) => (values[i] === '' ? null : values[i]!)
  // One cell that is no number makes its column text: the others are numbers all the same.
  return (i) => {
    const value = csvNumber(values[i]!)
    return value === undefined ? values[i]! : numberOrNull(value)
  }
}

function lackingCategory(feature: string): MillraceError {
  const message = `feature "${feature}" takes a category, got nothing`
  return new MillraceError('InstancesInvalid', message)
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value
}
