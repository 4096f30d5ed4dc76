import {
  isDataError,
  matrix,
  summarize,
  type ColumnSummary,
  type CsvLineEnd,
  type DataError,
  type Dataset,
} from '../ml/data/index.ts'
import { boundedReasons, namedReasons } from './bounded-reasons.ts'
import { metricOf } from './chosen-metric.ts'
import { defineJob, type Place } from '../platform/ports/index.ts'
import {
  learningTaskOf,
  readDataset,
  splitDataset,
  splitRuleOf,
  type DatasetForm,
  type ReadDataset,
  type UploadContent,
} from './dataset.ts'
import type { DatasetSchema } from './dataset-schema.ts'
import type { PlacedCandidate } from './planning/place-candidates.ts'
import { raceOf } from './race.ts'
import type {
  LearningTask,
  LeftOutAlgorithm,
  MetricName,
  RejectionReason,
  SplitRule,
} from './shapes.ts'
import { defaultTrials } from './training-configuration.ts'
import { reasonsAgainst } from './validation.ts'

/** What validation finds in an upload. */
export interface Inspection {
  readonly reasons: RejectionReason[]
  readonly description: DatasetDescription | null
  readonly candidates: PlacedCandidate[]
  /** The columns in the order of the file; null when the bytes are no dataset. */
  readonly table: { schema: DatasetSchema; lineEnd: CsvLineEnd } | null
}

export interface DatasetDescription {
  readonly task: LearningTask
  readonly rows: number
  readonly features: number
  readonly trainRows: number
  readonly heldOutRows: number
  readonly split: SplitRule
  /** What settings, candidates and the champion are compared by. */
  readonly metric: MetricName
  /** What will be raced, and in how many settings each. */
  readonly candidates: string[]
  readonly trials: number
  /** What will not be raced, why, and what is instead. */
  readonly leftOut: LeftOutAlgorithm[]
  /** What is done to features that are no numbers in some rows. */
  readonly notes: string[]
  /** Columns of text with the texts that are its categories, numbered in this order. */
  readonly categories: Readonly<Record<string, readonly string[]>>
  readonly columns: ColumnSummary[]
}

export type InspectionRequest = UploadContent & {
  readonly form: DatasetForm
  /** Bytes of the file. */
  readonly size: number
  /** Where candidates can be learned. */
  readonly places: readonly Place[]
}

/** Reads an upload whole and finds every reason against it, and what there is to know of it. */
export const inspectUpload = defineJob(
  import.meta.url,
  'inspectUpload',
  async (request: InspectionRequest): Promise<Inspection> => {
    const { size: bytes, form, places } = request
    let read: ReadDataset
    try {
      read = await readDataset(request, form)
    } catch (error) {
      if (!isDataError(error)) throw error
      return refusedBy(error)
    }
    const { dataset, columns, lineEnd } = read
    const { configuration } = form
    const task = learningTaskOf(dataset, configuration)
    const split = splitDataset(dataset, splitRuleOf(configuration))
    const { rows, cols } = dataset.features
    const { trials = defaultTrials } = configuration
    const { candidates, leftOut, ...race } = raceOf({ dataset, split, task, form, bytes, places })
    const reasons = [...reasonsAgainst(dataset, split, task, configuration), ...race.reasons]
    return {
      reasons: boundedReasons(reasons),
      description: {
        task,
        rows,
        features: cols,
        trainRows: split.train.length,
        heldOutRows: split.heldOut.length,
        split: splitRuleOf(configuration),
        metric: metricOf(task, configuration),
        candidates: candidates.map(({ algorithm }) => algorithm),
        trials,
        leftOut,
        notes: notesOn(dataset),
        categories: categoriesByName(dataset),
        columns: columnSummaries(dataset),
      },
      candidates,
      table: { schema: { columns, target: dataset.targetName }, lineEnd },
    }
  },
)

/** Of what is no dataset. */
export function refusedBy({ name, message }: DataError): Inspection {
  const reasons = boundedReasons([{ code: name, message }])
  return { reasons, description: null, candidates: [], table: null }
}

/** What people should know of a dataset that is accepted. */
function notesOn({ features, textFeatures }: Dataset): string[] {
  const columns = new Set<number>()
  let missing = 0
  features.data.forEach((value, at) => {
    if (!Number.isNaN(value)) return
    missing += 1
    columns.add(at % features.cols)
  })
  const notes: string[] = []
  if (missing > 0) {
    notes.push(
      `${missing} values are missing in ${columns.size} columns: an algorithm that takes none gets the median of the column`,
    )
  }
  if (textFeatures.length > 0) {
    const names = textFeatures.slice(0, namedReasons).join(', ')
    const rest = textFeatures.length > namedReasons ? ', …' : ''
    notes.push(`${textFeatures.length} columns are text, taken as categories: ${names}${rest}`)
  }
  return notes
}

function categoriesByName({ featureNames, categories = [] }: Dataset) {
  return Object.fromEntries(
    categories.flatMap((labels, j) =>
      labels === null ? [] : [[featureNames[j]!, labels] as const],
    ),
  )
}

function columnSummaries(dataset: Dataset): ColumnSummary[] {
  const { features, featureNames, target, targetName } = dataset
  return [
    ...summarize(features, featureNames),
    ...(targetName === null ? [] : summarize(matrix(target, target.length, 1), [targetName])),
  ]
}
