import {
  isDataError,
  matrix,
  summarize,
  taskOf,
  type ColumnSummary,
  type Dataset,
  type TaskType,
} from '../ml/data/index.ts'
import { boundedReasons } from './bounded-reasons.ts'
import { candidatesFor } from './candidates.ts'
import { defineJob } from '../platform/ports/index.ts'
import { datasetOf, splitDataset, type DatasetForm } from './dataset.ts'
import type { RejectionReason } from './shapes.ts'
import { reasonsAgainst } from './validation.ts'

/** What validation finds in an upload. */
export interface Inspection {
  readonly reasons: RejectionReason[]
  readonly description: DatasetDescription | null
  readonly candidates: string[]
}

export interface DatasetDescription {
  readonly task: TaskType
  readonly rows: number
  readonly features: number
  readonly trainRows: number
  readonly heldOutRows: number
  readonly columns: ColumnSummary[]
}

/** Reads an upload whole and finds every reason against it, and what there is to know of it. */
export const inspectUpload = defineJob(
  import.meta.url,
  'inspectUpload',
  ({ bytes, form }: { bytes: Uint8Array; form: DatasetForm }): Inspection => {
    let dataset: Dataset
    try {
      dataset = datasetOf(bytes, form)
    } catch (error) {
      if (!isDataError(error)) throw error
      const reason = { code: error.name, message: error.message }
      return { reasons: boundedReasons([reason]), description: null, candidates: [] }
    }
    const task = form.configuration.task ?? taskOf(dataset)
    const split = splitDataset(dataset)
    const reasons = reasonsAgainst(dataset, split, task, form.configuration)
    const candidates = candidatesFor(form.configuration, split.train.length, dataset.features.cols)
    return {
      reasons: boundedReasons([...reasons, ...candidates.reasons]),
      description: {
        task,
        rows: dataset.features.rows,
        features: dataset.features.cols,
        trainRows: split.train.length,
        heldOutRows: split.heldOut.length,
        columns: columnSummaries(dataset),
      },
      candidates: candidates.names,
    }
  },
)

function columnSummaries(dataset: Dataset): ColumnSummary[] {
  const { features, featureNames, target, targetName } = dataset
  return [
    ...summarize(features, featureNames),
    ...summarize(matrix(target, target.length, 1), [targetName]),
  ]
}
