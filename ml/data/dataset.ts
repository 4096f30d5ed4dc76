import type { CsvColumn, CsvTable } from './csv.ts'
import { DataError, quoted } from './errors.ts'
import type { Matrix } from './matrix.ts'
import { npyToMatrix } from './npy-matrix.ts'
import type { NpyArray } from './npy-types.ts'

/** Rows to learn from: what the features are, and the target that goes with each row. */
export interface Dataset {
  /** n × d. Missing values are NaN. */
  readonly features: Matrix
  /**
   * n values; for a text target the index of the row's label in `classLabels`; 0 where every column
   * is a feature.
   */
  readonly target: Float64Array
  /** d names. */
  readonly featureNames: readonly string[]
  /** Null where every column is a feature. */
  readonly targetName: string | null
  /** Of a text target: its distinct labels, sorted by UTF-16 code units. */
  readonly classLabels?: readonly string[]
  /** Features that are text, whose values are all NaN unless `categories` numbers them. */
  readonly textFeatures: readonly string[]
  /**
   * Where text was asked for as categories and there is some, for each feature: its distinct labels,
   * sorted by UTF-16 code units, whose indices are its values; null for a feature of numbers.
   */
  readonly categories?: readonly (readonly string[] | null)[]
}

export interface DatasetOptions {
  /** The column that is the target, null for none. Default the last one. */
  readonly target?: string | null
  /** What becomes of features that are text. Default 'missing'. */
  readonly text?: 'missing' | 'categories'
}

export type TaskType = 'classification' | 'regression'

/**
 * The dataset of a 2-D array: the last column is the target, named `target`, the others are the
 * features `feature_0`, `feature_1`, …; with the target null all of them are features.
 *
 * @throws DataError ShapeInvalid unless there are two axes and at least two columns, of features alone
 *   at least one, and no more than a million; IntegerInexact
 */
export function datasetFromNpy(array: NpyArray, options: { target?: null } = {}): Dataset {
  return divided(npyToMatrix(array), options, (values) => new Float64Array(values))
}

/**
 * The same of a matrix whose memory it takes: the features move to its front, and what it held before
 * is gone.
 *
 * @throws DataError ShapeInvalid when there are fewer than two columns, of features alone fewer than one
 */
export function datasetFromMatrix(own: Matrix, options: { target?: null } = {}): Dataset {
  return divided(own, options, (values) => own.data.subarray(0, values))
}

/** @param allocate the memory of the features: that of the matrix itself, or another */
function divided(
  { data, rows, cols }: Matrix,
  options: { target?: null },
  allocate: (values: number) => Float64Array,
): Dataset {
  const hasTarget = options.target !== null
  checkColumns(cols, hasTarget)
  const d = hasTarget ? cols - 1 : cols
  const features = allocate(rows * d)
  const target = new Float64Array(rows)
  for (let i = 0; i < rows; i++) {
    // Of a row that moves within its own memory the target comes first: the next rows move over it.
    if (hasTarget) target[i] = data[i * cols + d]!
    for (let j = 0; j < d; j++) features[i * d + j] = data[i * cols + j]!
  }
  return {
    features: { data: features, rows, cols: d },
    target,
    featureNames: Array.from({ length: d }, (_, j) => `feature_${j}`),
    targetName: hasTarget ? 'target' : null,
    textFeatures: [],
  }
}

/**
 * The dataset of a table: the last column, or the one named `target`, is the target, the others are
 * the features in the table's order; with the target null all of them are features.
 *
 * @throws DataError TargetNotFound; ShapeInvalid when there are fewer than two columns, of features
 *   alone fewer than one
 */
export function datasetFromCsv(table: CsvTable, options: DatasetOptions = {}): Dataset {
  const hasTarget = options.target !== null
  checkColumns(table.columns.length, hasTarget)
  const names = table.columns.map(({ name }) => name)
  const targetColumn = hasTarget
    ? table.columns[targetIndex(names, options.target ?? undefined)]
    : undefined
  const columns = table.columns.filter((column) => column !== targetColumn)
  const d = columns.length
  const features = new Float64Array(table.rows * d)
  const text = columns.map((column) =>
    column.kind === 'text' && options.text === 'categories' ? numbered(column.values) : null,
  )
  columns.forEach((column, j) => {
    const values = column.kind === 'number' ? column.values : text[j]?.values
    for (let i = 0; i < table.rows; i++) features[i * d + j] = values?.[i] ?? NaN
  })
  return {
    features: { data: features, rows: table.rows, cols: d },
    ...(targetColumn ? targetValues(targetColumn) : { target: new Float64Array(table.rows) }),
    featureNames: columns.map((column) => column.name),
    targetName: targetColumn?.name ?? null,
    textFeatures: columns.filter((column) => column.kind === 'text').map((column) => column.name),
    ...(text.some((column) => column !== null)
      ? { categories: text.map((column) => column?.labels ?? null) }
      : {}),
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

/** Columns that are given names: the header of an array without rows may say any number of them. */
const mostColumns = 1_000_000

/** @throws DataError ShapeInvalid */
export function checkColumns(columns: number, hasTarget: boolean): void {
  if (columns > mostColumns) {
    const message = `A dataset has at most ${mostColumns} columns; this one has ${columns}.`
    throw new DataError('ShapeInvalid', message, { found: `${columns} columns` })
  }
  if (columns >= (hasTarget ? 2 : 1)) return
  throw new DataError(
    'ShapeInvalid',
    hasTarget
      ? `A dataset has at least two columns, a feature and the target; this one has ${columns}.`
      : `A dataset has at least one column; this one has ${columns}.`,
    { found: `${columns} columns` },
  )
}

/** Which column is the target. @throws DataError TargetNotFound */
export function targetIndex(names: readonly string[], name: string | undefined): number {
  const found = name === undefined ? names.length - 1 : names.indexOf(name)
  if (found >= 0) return found
  const first = names.slice(0, 20).map((column) => quoted(column))
  throw new DataError(
    'TargetNotFound',
    `There is no column ${quoted(name ?? '')} to be the target; the columns are ` +
      `${first.join(', ')}${names.length > first.length ? ', …' : ''}.`,
    { found: name ?? '' },
  )
}

function targetValues(column: CsvColumn): Pick<Dataset, 'target' | 'classLabels'> {
  if (column.kind === 'number') return { target: column.values }
  const { labels: classLabels, values: target } = numbered(column.values)
  return { target, classLabels }
}

/** Distinct texts in order, and each cell as the index of its text; a missing one is NaN. */
function numbered(cells: readonly string[]): { labels: string[]; values: Float64Array } {
  const labels = [...new Set(cells)].filter((label) => label !== '').sort()
  const indexes = new Map(labels.map((label, index) => [label, index]))
  return { labels, values: Float64Array.from(cells, (label) => indexes.get(label) ?? NaN) }
}
