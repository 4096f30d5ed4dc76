import type { Dataset, Split, TaskType } from '../ml/data/index.ts'
import { duplicateRows } from '../ml/data/index.ts'
import { namedReasons } from './bounded-reasons.ts'
import { classLabel } from './dataset.ts'
import type { RejectionReason } from './shapes.ts'
import type { TrainingConfiguration } from './training-configuration.ts'

/** What a dataset must have to be trained on; `docs/dataset.md` tells the same. */
export const datasetLimits = {
  minRows: 10,
  maxFeatures: 10_000,
  maxClasses: 256,
  /** The share of rows that may repeat an earlier row. */
  maxDuplicateShare: 0.5,
} as const

/** Characters of a column's name, wherever it comes from. */
const maxName = 256

/** Every reason why a dataset cannot be trained on; none when it can. */
export function reasonsAgainst(
  dataset: Dataset,
  split: Split,
  task: TaskType,
  configuration: TrainingConfiguration,
): RejectionReason[] {
  const reasons = [
    ...namingReasons(dataset, configuration),
    ...sizeReasons(dataset),
    ...cellReasons(dataset),
    ...columnReasons(dataset),
    ...(task === 'classification' ? classReasons(dataset, split) : regressionReasons(dataset)),
    ...duplicateReasons(dataset),
  ]
  const accepted = new Set<string>(configuration.accept ?? [])
  return reasons.filter((reason) => !accepted.has(reason.code))
}

function namingReasons(dataset: Dataset, { featureNames }: TrainingConfiguration) {
  const reasons: RejectionReason[] = []
  if (featureNames !== undefined && featureNames.length !== dataset.features.cols) {
    const found = `${featureNames.length} feature names for ${dataset.features.cols} features`
    reasons.push({ code: 'ConfigurationInvalid', message: found })
  }
  if (new Set(dataset.featureNames).size !== dataset.featureNames.length) {
    reasons.push({ code: 'ConfigurationInvalid', message: 'two features have the same name' })
  }
  const long = [...dataset.featureNames, dataset.targetName].find((name) => name.length > maxName)
  if (long !== undefined) {
    const message = `a column's name has at most ${maxName} characters; found ${long.length}: "${long}"`
    reasons.push({ code: 'ConfigurationInvalid', message })
  }
  return reasons
}

function sizeReasons({ features }: Dataset): RejectionReason[] {
  const reasons: RejectionReason[] = []
  if (features.rows < datasetLimits.minRows) {
    const message = `${features.rows} rows; a training takes ${datasetLimits.minRows} or more`
    reasons.push({ code: 'TooFewRows', message })
  }
  if (features.cols > datasetLimits.maxFeatures) {
    const message = `${features.cols} features; a training takes at most ${datasetLimits.maxFeatures}`
    reasons.push({ code: 'TooManyFeatures', message })
  }
  return reasons
}

/** Missing and infinite cells, the first ones by column and row, the rest counted. */
function cellReasons(dataset: Dataset): RejectionReason[] {
  const { features, target, featureNames, targetName } = dataset
  const text = new Set(dataset.textFeatures)
  const found = {
    MissingValue: { word: 'a missing value', reasons: [] as RejectionReason[], count: 0 },
    InfiniteValue: { word: 'an infinite value', reasons: [] as RejectionReason[], count: 0 },
  }
  const look = (value: number, row: number, column: string) => {
    if (Number.isFinite(value)) return
    const code = Number.isNaN(value) ? 'MissingValue' : 'InfiniteValue'
    const kind = found[code]
    kind.count += 1
    if (kind.count > namedReasons) return
    const message = `column "${column}", row ${row}: ${kind.word}`
    kind.reasons.push({ code, message, column, row })
  }
  for (let i = 0; i < features.rows; i++) {
    for (let j = 0; j < features.cols; j++) {
      const column = featureNames[j] ?? String(j)
      if (!text.has(column)) look(features.data[i * features.cols + j]!, i, column)
    }
    look(target[i]!, i, targetName)
  }
  return Object.entries(found).flatMap(([code, { reasons, count, word }]) =>
    count > reasons.length
      ? [...reasons, { code, message: `${count - reasons.length} more cells have ${word}` }]
      : reasons,
  )
}

function columnReasons({ features, featureNames, textFeatures }: Dataset): RejectionReason[] {
  const reasons: RejectionReason[] = textFeatures.map((column) => ({
    code: 'TextColumn',
    message: `column "${column}" is text; features are numbers`,
    column,
  }))
  for (let j = 0; j < features.cols && features.rows > 1; j++) {
    const first = features.data[j]!
    let i = 1
    while (i < features.rows && features.data[i * features.cols + j] === first) i++
    if (i < features.rows) continue
    const column = featureNames[j] ?? String(j)
    const message = `column "${column}" has the one value ${first} in every row: remove it`
    reasons.push({ code: 'ConstantColumn', message, column })
  }
  return reasons
}

function classReasons(dataset: Dataset, split: Split): RejectionReason[] {
  const { target, targetName: column } = dataset
  const rowsOf = new Map<number, number[]>()
  target.forEach((value, row) => {
    if (!Number.isFinite(value)) return
    const rows = rowsOf.get(value)
    if (rows === undefined) rowsOf.set(value, [row])
    else rows.push(row)
  })
  const reasons: RejectionReason[] = []
  if (rowsOf.size === 1) {
    const only = classLabel(dataset, target[0]!)
    const message = `column "${column}" has one class, ${only}: there is nothing to tell apart`
    reasons.push({ code: 'OneClass', message, column })
  }
  if (rowsOf.size > datasetLimits.maxClasses) {
    const message = `column "${column}" has ${rowsOf.size} classes; a training takes at most ${datasetLimits.maxClasses}`
    return [...reasons, { code: 'TooManyClasses', message, column }]
  }
  for (const [value, rows] of rowsOf) {
    if (rows.length > 1) continue
    const message = `class ${classLabel(dataset, value)} has one row, ${rows[0]!}: it cannot be both learned and judged`
    reasons.push({ code: 'ClassWithOneRow', message, column, row: rows[0]! })
  }
  const learned = new Set(Array.from(split.train, (row) => target[row]!))
  if (reasons.length === 0 && (learned.size < 2 || split.heldOut.length === 0)) {
    const message = `of ${target.length} rows ${split.train.length} are learned from, of ${learned.size} classes, and ${split.heldOut.length} held out; add rows`
    reasons.push({ code: 'SplitImpossible', message })
  }
  return reasons
}

function regressionReasons({ targetName: column }: Dataset): RejectionReason[] {
  return [
    {
      code: 'TaskUnsupported',
      message: `column "${column}" is a quantity, and this version trains classifiers alone; if it is classes, say {"task": "classification"} in the sidecar`,
      column,
    },
  ]
}

function duplicateReasons({ features, target }: Dataset): RejectionReason[] {
  const rows = new Float64Array(features.rows * (features.cols + 1))
  for (let i = 0; i < features.rows; i++) {
    rows.set(
      features.data.subarray(i * features.cols, (i + 1) * features.cols),
      i * (features.cols + 1),
    )
    rows[(i + 1) * (features.cols + 1) - 1] = target[i]!
  }
  const { share } = duplicateRows({ data: rows, rows: features.rows, cols: features.cols + 1 })
  if (share <= datasetLimits.maxDuplicateShare) return []
  const [found, most] = [share, datasetLimits.maxDuplicateShare].map(
    (s) => `${(s * 100).toFixed(1)}%`,
  )
  const message = `${found} of the rows repeat an earlier row; at most ${most} may`
  return [{ code: 'DuplicateRows', message }]
}
