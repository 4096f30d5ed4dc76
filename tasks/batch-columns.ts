import type { BatchReason } from './batch-shapes.ts'
import type { DatasetSchema } from './dataset-schema.ts'
import type { LoadedModel } from './model-artifact.ts'
import { listed } from './same-columns.ts'

/** Where in a file each feature of a model stands. */
export interface FittedColumns {
  readonly columns: number[]
  /** Names of those that are read as numbers, of a CSV. */
  readonly numbers: string[]
}

export interface Unfitting {
  readonly reasons: BatchReason[]
}

type ModelColumns = Pick<LoadedModel, 'featureNames' | 'categories'>

/**
 * The columns of a dataset. They are found by their names; those of a `.npy` whose number is the
 * model's, by their places. What the dataset says is its target may be there.
 */
export function columnsFor(
  model: ModelColumns,
  { columns, target }: DatasetSchema,
  format: 'npy' | 'csv',
): FittedColumns | Unfitting {
  const { featureNames, categories } = model
  const places = new Map(columns.map(({ name }, at) => [name, at]))
  const isByPlace =
    format === 'npy' &&
    columns.length === featureNames.length &&
    featureNames.some((name) => !places.has(name))
  const found = featureNames.map((name, j) => (isByPlace ? j : places.get(name)))
  const missing = featureNames.filter((_, j) => found[j] === undefined)
  const used = new Set(found)
  const unknown = columns.filter(({ name }, at) => !used.has(at) && name !== target)
  const text = featureNames.filter(
    (_, j) => categories[j] === null && columns[found[j] ?? -1]?.type === 'text',
  )
  const reasons: BatchReason[] = []
  if (missing.length > 0) {
    const message = `there are no columns ${listed(missing)}, which the model reads`
    reasons.push({ code: 'ColumnMissing', message })
  }
  if (unknown.length > 0) {
    const names = listed(unknown.map(({ name }) => name))
    const message = `the model reads no columns ${names}; it reads ${listed(featureNames)}`
    reasons.push({ code: 'ColumnUnknown', message })
  }
  if (text.length > 0) {
    const message = `the columns ${listed(text)} are text, and the model reads numbers there`
    reasons.push({ code: 'ColumnNotNumeric', message })
  }
  if (reasons.length > 0) return { reasons }
  return {
    columns: found as number[],
    numbers: featureNames.flatMap((_, j) =>
      categories[j] === null ? [columns[found[j]!]!.name] : [],
    ),
  }
}

/** The columns of a `.npy` that has no names: the features in the model's order, then perhaps the target. */
export function columnsByPlace(
  { featureNames }: ModelColumns,
  cols: number,
): FittedColumns | Unfitting {
  const { length } = featureNames
  if (cols === length || cols === length + 1) {
    return { columns: featureNames.map((_, j) => j), numbers: [] }
  }
  const message =
    `the file has ${cols} columns, and the model reads ${length}: ${listed(featureNames)}, ` +
    'in this order, with or without the target behind them'
  return { reasons: [{ code: cols < length ? 'ColumnMissing' : 'ColumnUnknown', message }] }
}

/**
 * The columns of a CSV that no one has looked at: what is text where the model reads numbers shows row
 * by row.
 *
 * @param target the column that may be there beside the features
 */
export function columnsOfHeader(
  model: ModelColumns,
  names: readonly string[],
  target: string | null,
): FittedColumns | Unfitting {
  const places = new Map(model.featureNames.map((name, j) => [name, j]))
  const columns = names.map((name) => {
    const isNumber = model.categories[places.get(name) ?? -1] === null
    return { name, type: isNumber ? ('number' as const) : ('text' as const) }
  })
  return columnsFor(model, { columns, target }, 'csv')
}
