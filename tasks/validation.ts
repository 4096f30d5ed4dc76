import type { Dataset, Split } from '../ml/data/index.ts'
import { duplicateRows } from '../ml/data/index.ts'
import { largestMagnitude } from '../ml/models/checks.ts'
import { namedReasons } from './bounded-reasons.ts'
import { classLabel } from './dataset.ts'
import type { LearningTask, RejectionReason } from './shapes.ts'
import type { TrainingConfiguration } from './training-configuration.ts'

/** What a dataset must have to be trained on; `docs/dataset.md` tells the same. */
export const datasetLimits = {
  minRows: 10,
  minRowsOfClustering: 30,
  maxFeatures: 10_000,
  maxClasses: 256,
  /** Distinct texts of a feature, which also repeat: no more than one for every two rows. */
  maxCategories: 255,
  /** The share of rows that may repeat an earlier row. */
  maxDuplicateShare: 0.5,
} as const

/** Characters of a column's or a category's name, wherever it comes from. */
const maxName = 256

/** Every reason why a dataset cannot be trained on; none when it can. */
export function reasonsAgainst(
  dataset: Dataset,
  split: Split,
  task: LearningTask,
  configuration: TrainingConfiguration,
): RejectionReason[] {
  const reasons = [
    ...namingReasons(dataset, configuration),
    ...sizeReasons(dataset, task),
    ...cellReasons(dataset),
    ...columnReasons(dataset),
    ...targetReasons[task](dataset, split),
    ...duplicateReasons(dataset),
  ]
  const accepted = new Set<string>(configuration.accept ?? [])
  return reasons.filter((reason) => !accepted.has(reason.code))
}

function namingReasons(dataset: Dataset, configuration: TrainingConfiguration) {
  const { featureNames, target, task } = configuration
  const reasons: RejectionReason[] = []
  if (task === 'clustering' && target !== undefined) {
    const message = `of a clustering every column is a feature; leave out the target "${target}"`
    reasons.push({ code: 'ConfigurationInvalid', message })
  }
  if (featureNames !== undefined && featureNames.length !== dataset.features.cols) {
    const found = `${featureNames.length} feature names for ${dataset.features.cols} features`
    reasons.push({ code: 'ConfigurationInvalid', message: found })
  }
  if (new Set(dataset.featureNames).size !== dataset.featureNames.length) {
    reasons.push({ code: 'ConfigurationInvalid', message: 'two features have the same name' })
  }
  const names = [...dataset.featureNames, dataset.targetName ?? '']
  const long = names.find((name) => name.length > maxName)
  if (long !== undefined) {
    const message = `a column's name has at most ${maxName} characters; found ${long.length}: "${long}"`
    reasons.push({ code: 'ConfigurationInvalid', message })
  }
  return reasons
}

function sizeReasons({ features, categories = [] }: Dataset, task: LearningTask) {
  const reasons: RejectionReason[] = []
  const { minRows, minRowsOfClustering } = datasetLimits
  const least = task === 'clustering' ? minRowsOfClustering : minRows
  if (features.rows < least) {
    const message = `${features.rows} rows; a training takes ${least} or more`
    reasons.push({ code: 'TooFewRows', message })
  }
  // A category may become a column of its own.
  const columns = categories.reduce((sum, labels) => sum + (labels?.length ?? 1) - 1, features.cols)
  if (columns > datasetLimits.maxFeatures) {
    const found = columns === features.cols ? 'features' : 'features and categories'
    const message = `${columns} ${found}; a training takes at most ${datasetLimits.maxFeatures}`
    reasons.push({ code: 'TooManyFeatures', message })
  }
  return reasons
}

/**
 * Infinite and too large cells and missing targets, the first ones by column and row, the rest counted. A feature
 * may be missing: every trainer takes it so, or the column's median in its place.
 */
function cellReasons(dataset: Dataset): RejectionReason[] {
  const { features, target, featureNames } = dataset
  const targetName = dataset.targetName ?? ''
  const found = {
    MissingValue: { word: 'a missing value', reasons: [] as RejectionReason[], count: 0 },
    InfiniteValue: { word: 'an infinite value', reasons: [] as RejectionReason[], count: 0 },
    ValueTooLarge: {
      word: `a value beyond ±${largestMagnitude}`,
      reasons: [] as RejectionReason[],
      count: 0,
    },
  }
  const note = (code: keyof typeof found, row: number, column: string) => {
    const kind = found[code]
    kind.count += 1
    if (kind.count > namedReasons) return
    const message = `column "${column}", row ${row}: ${kind.word}`
    kind.reasons.push({ code, message, column, row })
  }
  const look = (value: number, row: number, column: () => string) => {
    if (Math.abs(value) <= largestMagnitude || Number.isNaN(value)) return
    note(Number.isFinite(value) ? 'ValueTooLarge' : 'InfiniteValue', row, column())
  }
  for (let i = 0; i < features.rows; i++) {
    for (let j = 0; j < features.cols; j++) {
      look(features.data[i * features.cols + j]!, i, () => featureNames[j] ?? String(j))
    }
    look(target[i]!, i, () => targetName)
    if (Number.isNaN(target[i])) note('MissingValue', i, targetName)
  }
  return Object.entries(found).flatMap(([code, { reasons, count, word }]) =>
    count > reasons.length
      ? [...reasons, { code, message: `${count - reasons.length} more cells have ${word}` }]
      : reasons,
  )
}

function columnReasons({ features, featureNames, categories }: Dataset): RejectionReason[] {
  const reasons: RejectionReason[] = []
  const most = Math.min(datasetLimits.maxCategories, Math.floor(features.rows / 2))
  categories?.forEach((labels, j) => {
    if (labels === null) return
    const column = featureNames[j] ?? String(j)
    const longest = labels.reduce((length, label) => Math.max(length, label.length), 0)
    if (longest > maxName) {
      const message = `column "${column}" has a text of ${longest} characters; a category's name has at most ${maxName}`
      reasons.push({ code: 'TextColumn', message, column })
    }
    if (labels.length <= most) return
    const message = `column "${column}" has ${labels.length} different texts in ${features.rows} rows; at most ${most} are categories`
    reasons.push({ code: 'TextColumn', message, column })
  })
  for (let j = 0; j < features.cols && features.rows > 1; j++) {
    const first = features.data[j]!
    let i = 1
    while (i < features.rows && isSame(features.data[i * features.cols + j]!, first)) i++
    if (i < features.rows) continue
    const column = featureNames[j] ?? String(j)
    const message = Number.isNaN(first)
      ? `column "${column}" has no value in any row: remove it`
      : `column "${column}" has the one value ${categories?.[j]?.[first] ?? first} in every row: remove it`
    reasons.push({ code: 'ConstantColumn', message, column })
  }
  return reasons
}

function isSame(a: number, b: number): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b))
}

/** What is wrong with the target for each task. */
const targetReasons: Record<LearningTask, (dataset: Dataset, split: Split) => RejectionReason[]> = {
  classification: classReasons,
  regression: regressionReasons,
  clustering: (dataset, split) => splitReasons(dataset, split, 2),
}

function classReasons(dataset: Dataset, split: Split): RejectionReason[] {
  const { target } = dataset
  const column = dataset.targetName ?? ''
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
  // Cross-validation learns from two classes in each fold, whichever rows are left out.
  const learned = new Map<number, number>()
  for (const row of split.train) learned.set(target[row]!, (learned.get(target[row]!) ?? 0) + 1)
  const repeated = [...learned.values()].filter((count) => count > 1).length
  if (reasons.length === 0 && repeated < 2) {
    const message = `of ${target.length} rows ${split.train.length} are learned from, in which ${repeated} classes have two rows or more; add rows`
    reasons.push({ code: 'SplitImpossible', message })
  }
  return reasons.length > 0 ? reasons : splitReasons(dataset, split, 2)
}

function regressionReasons(dataset: Dataset, split: Split): RejectionReason[] {
  const { target, classLabels } = dataset
  const column = dataset.targetName ?? ''
  if (classLabels !== undefined) {
    const message = `column "${column}" is text, which is no quantity; say {"task": "classification"}, or nothing of a task`
    return [{ code: 'TaskUnsupported', message, column }]
  }
  const known = target.filter(Number.isFinite)
  if (known.length > 0 && known.every((value) => value === known[0])) {
    const message = `column "${column}" has the one value ${known[0]!} in every row: there is nothing to estimate`
    return [{ code: 'ConstantTarget', message, column }]
  }
  const learned = Array.from(split.train, (row) => target[row]!)
  if (learned.every((value) => value === learned[0])) {
    const message = `column "${column}" has one value in the ${learned.length} rows that are learned from; add rows`
    return [{ code: 'SplitImpossible', message, column }]
  }
  return splitReasons(dataset, split, 2)
}

/** A training learns from `least` rows or more, and judges on one or more. */
function splitReasons({ features }: Dataset, split: Split, least: number): RejectionReason[] {
  if (split.train.length >= least && split.heldOut.length > 0) return []
  const message = `of ${features.rows} rows ${split.train.length} are learned from and ${split.heldOut.length} held out; add rows`
  return [{ code: 'SplitImpossible', message }]
}

function duplicateReasons({ features, target }: Dataset): RejectionReason[] {
  const { share } = duplicateRows(features, target)
  if (share <= datasetLimits.maxDuplicateShare) return []
  const [found, most] = [share, datasetLimits.maxDuplicateShare].map(
    (s) => `${(s * 100).toFixed(1)}%`,
  )
  const message = `${found} of the rows repeat an earlier row; at most ${most} may`
  return [{ code: 'DuplicateRows', message }]
}
