import { csvRecord, missingCells, writeNpy } from '../ml/data/index.ts'
import { largestMagnitude } from '../ml/models/checks.ts'
import type { LabelledInstance } from './labelled-rows.ts'
import type { LoadedModel } from './model-artifact.ts'
import type { UploadFormat } from './names.ts'
import type { Label } from './prediction-records.ts'
import type { TrainingConfiguration } from './training-configuration.ts'

/** Rows as bytes that the training workflow takes. */
export interface RetrainingDataset {
  readonly format: UploadFormat
  readonly contentType: string
  readonly bytes: Uint8Array
  readonly rows: number
}

/** What of a served model says how its rows are written. */
export type RowShape = Pick<LoadedModel, 'featureNames' | 'categories' | 'classes'>

/**
 * Labelled rows as a dataset of the model that predicted them: `.npy` where all of them are numbers, else
 * CSV. What does not fit the model, or no table can hold, is left out.
 *
 * @param target the name of what is learned, in a CSV
 */
export function datasetOfRows(
  rows: readonly LabelledInstance[],
  model: RowShape,
  target: string,
): RetrainingDataset {
  const isTextClass = typeof model.classes?.[0] === 'string'
  const fitting = rows.filter(
    ({ instance, label }) =>
      instance.length === model.featureNames.length &&
      (typeof label === 'string') === isTextClass &&
      isLabel(label) &&
      instance.every(
        (cell, j) => isTrainable(cell) && (model.categories[j] || typeof cell !== 'string'),
      ),
  )
  const isNumeric = !isTextClass && model.categories.every((labels) => labels === null)
  return isNumeric ? npyOf(fitting, model) : csvOf(fitting, model, target)
}

/**
 * How a retraining learns: as the champion was told to, from rows in the order of time. That rows repeat,
 * or a column stands still for a while, is no reason against what was served.
 */
export function configurationOf(
  champion: TrainingConfiguration,
  task: NonNullable<TrainingConfiguration['task']>,
  { featureNames }: RowShape,
  dataset: { readonly format: UploadFormat; readonly target: string },
): TrainingConfiguration {
  return {
    ...champion,
    featureNames: undefined,
    target: undefined,
    ...(dataset.format === 'npy'
      ? { featureNames: [...featureNames] }
      : { target: dataset.target }),
    task,
    accept: ['ConstantColumn', 'DuplicateRows', 'ClassWithOneRow'],
    timeOrder: true,
  }
}

function npyOf(rows: readonly LabelledInstance[], { featureNames }: RowShape): RetrainingDataset {
  const columns = featureNames.length + 1
  const data = new Float64Array(rows.length * columns)
  rows.forEach(({ instance, label }, i) => {
    instance.forEach((cell, j) => {
      data[i * columns + j] = cell === null ? NaN : Number(cell)
    })
    data[(i + 1) * columns - 1] = Number(label)
  })
  const bytes = writeNpy({ shape: [rows.length, columns], data })
  return { format: 'npy', contentType: 'application/octet-stream', bytes, rows: rows.length }
}

function csvOf(
  rows: readonly LabelledInstance[],
  { featureNames }: RowShape,
  target: string,
): RetrainingDataset {
  const records = rows.map(({ instance, label }) => csvRecord([...instance, label]))
  const bytes = Buffer.from(csvRecord([...featureNames, target]) + records.join(''))
  return { format: 'csv', contentType: 'text/csv', bytes, rows: rows.length }
}

/** What a table reads as missing is no label. */
function isLabel(label: Label): boolean {
  return isTrainable(label) && !(typeof label === 'string' && missingCells.has(label))
}

/** A row with another value, as a text with a NUL, would keep all others from being learned from. */
function isTrainable(value: number | string | null): boolean {
  if (typeof value === 'number') return Math.abs(value) <= largestMagnitude
  return value === null || (value.isWellFormed() && !value.includes('\0'))
}
