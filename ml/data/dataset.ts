import type { CsvColumn, CsvTable } from './csv.ts'
import { DataError, quoted } from './errors.ts'
import type { Matrix } from './matrix.ts'
import { npyToMatrix } from './npy-matrix.ts'
import type { NpyArray } from './npy-types.ts'

/** Rows to learn from: what the features are, and the target that goes with each row. */
export interface Dataset {
  /** n × d. Missing values are NaN. */
  readonly features: Matrix
  /** n values; for a text target the index of the row's label in `classLabels`. */
  readonly target: Float64Array
  /** d names. */
  readonly featureNames: readonly string[]
  readonly targetName: string
  /** Of a text target: its distinct labels, sorted by UTF-16 code units. */
  readonly classLabels?: readonly string[]
  /** Features that are text, whose values are all NaN: no model takes them as they are. */
  readonly textFeatures: readonly string[]
}

export type TaskType = 'classification' | 'regression'

/**
 * The dataset of a 2-D array: the last column is the target, named `target`, the others are the
 * features `feature_0`, `feature_1`, …
 *
 * @throws DataError ShapeInvalid unless there are two axes and at least two columns; IntegerInexact
 */
export function datasetFromNpy(array: NpyArray): Dataset {
  const { data, rows, cols } = npyToMatrix(array)
  checkColumns(cols)
  const d = cols - 1
  const features = new Float64Array(rows * d)
  const target = new Float64Array(rows)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < d; j++) features[i * d + j] = data[i * cols + j]!
    target[i] = data[i * cols + d]!
  }
  return {
    features: { data: features, rows, cols: d },
    target,
    featureNames: Array.from({ length: d }, (_, j) => `feature_${j}`),
    targetName: 'target',
    textFeatures: [],
  }
}

/**
 * The dataset of a table: the last column, or the one named `target`, is the target, the others are
 * the features in the table's order.
 *
 * @throws DataError TargetNotFound; ShapeInvalid when there are fewer than two columns
 */
export function datasetFromCsv(table: CsvTable, options: { target?: string } = {}): Dataset {
  checkColumns(table.columns.length)
  const targetColumn = findTarget(table, options.target)
  const columns = table.columns.filter((column) => column !== targetColumn)
  const d = columns.length
  const features = new Float64Array(table.rows * d)
  columns.forEach((column, j) => {
    for (let i = 0; i < table.rows; i++) {
      features[i * d + j] = column.kind === 'number' ? column.values[i]! : NaN
    }
  })
  return {
    features: { data: features, rows: table.rows, cols: d },
    ...targetValues(targetColumn),
    featureNames: columns.map((column) => column.name),
    targetName: targetColumn.name,
    textFeatures: columns.filter((column) => column.kind === 'text').map((column) => column.name),
  }
}

/**
 * What the target asks for. Classification when it is text; or when its values, missing ones apart,
 * are all integers and at most
 * - 2 distinct ones, or
 * - 20 distinct ones of at least 2 rows each on average, or
 * - 200 distinct ones of at least 5 rows each on average.
 *
 * Else regression. Whoever knows better says so beside the upload; this is only the default.
 */
export function taskOf(dataset: Pick<Dataset, 'target' | 'classLabels'>): TaskType {
  if (dataset.classLabels !== undefined) return 'classification'
  const distinct = new Set<number>()
  let known = 0
  for (const value of dataset.target) {
    if (Number.isNaN(value)) continue
    if (!Number.isInteger(value)) return 'regression'
    known++
    distinct.add(value)
    if (distinct.size > 200) return 'regression'
  }
  const most = Math.max(2, Math.min(20, known / 2), Math.min(200, known / 5))
  return known > 0 && distinct.size <= most ? 'classification' : 'regression'
}

function checkColumns(columns: number): void {
  if (columns >= 2) return
  throw new DataError(
    'ShapeInvalid',
    `A dataset has at least two columns, a feature and the target; this one has ${columns}.`,
    { found: `${columns} columns` },
  )
}

function findTarget(table: CsvTable, name: string | undefined): CsvColumn {
  const found =
    name === undefined ? table.columns.at(-1) : table.columns.find((column) => column.name === name)
  if (found !== undefined) return found
  const names = table.columns.slice(0, 20).map((column) => quoted(column.name))
  throw new DataError(
    'TargetNotFound',
    `There is no column ${quoted(name ?? '')} to be the target; the columns are ` +
      `${names.join(', ')}${table.columns.length > names.length ? ', …' : ''}.`,
    { found: name ?? '' },
  )
}

function targetValues(column: CsvColumn): Pick<Dataset, 'target' | 'classLabels'> {
  if (column.kind === 'number') return { target: column.values }
  const classLabels = [...new Set(column.values)].filter((label) => label !== '').sort()
  const indexes = new Map(classLabels.map((label, index) => [label, index]))
  return {
    target: Float64Array.from(column.values, (label) => indexes.get(label) ?? NaN),
    classLabels,
  }
}
