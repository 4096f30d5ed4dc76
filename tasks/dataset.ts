import { createHash } from 'node:crypto'
import {
  datasetFromCsv,
  datasetFromNpy,
  parseCsv,
  parseNpy,
  splitByRow,
  taskOf,
  type Dataset,
  type Matrix,
  type Split,
} from '../ml/data/index.ts'
import type { Objects } from '../platform/ports/index.ts'
import type { DatasetColumn } from './dataset-schema.ts'
import type { LearningTask, SplitRule, TrainingClaim } from './shapes.ts'
import {
  defaultHeldOut,
  readConfiguration,
  type TrainingConfiguration,
} from './training-configuration.ts'

/** The largest upload that a training takes, in bytes. */
export const maxDatasetBytes = 512 * 1024 * 1024

/** How a claim says its bytes are to be read. Plain data, as a worker thread gets it. */
export interface DatasetForm {
  readonly format: TrainingClaim['format']
  readonly configuration: TrainingConfiguration
}

/** The bytes that were claimed, whatever has become of the key since, and how they are to be read. */
export async function readUpload(
  objects: Objects,
  claim: TrainingClaim,
): Promise<{ bytes: Uint8Array; form: DatasetForm }> {
  const { key, versionId } = claim.source
  const [bytes, configuration] = await Promise.all([
    objects.read(key, { versionId }),
    readConfiguration(objects, claim),
  ])
  return { bytes, form: { format: claim.format, configuration } }
}

/**
 * Bytes of an upload as a dataset, named as its configuration says; text features are numbered
 * categories. Of a clustering every column is a feature.
 *
 * @throws DataError when they are none.
 */
export function datasetOf(bytes: Uint8Array, form: DatasetForm): Dataset {
  return readDataset(bytes, form).dataset
}

/**
 * The same, with the columns in the order of the file.
 *
 * @throws DataError when they are none.
 */
export function readDataset(
  bytes: Uint8Array,
  { format, configuration }: DatasetForm,
): { dataset: Dataset; columns: DatasetColumn[] } {
  const isClustering = configuration.task === 'clustering'
  if (format === 'csv') {
    const target = isClustering ? null : configuration.target
    const table = parseCsv(bytes)
    const dataset = datasetFromCsv(table, {
      text: 'categories',
      ...(target === undefined ? {} : { target }),
    })
    return { dataset, columns: table.columns.map(({ name, kind }) => ({ name, type: kind })) }
  }
  const dataset = namedNpy(bytes, configuration, isClustering)
  const { featureNames, targetName } = dataset
  const names = targetName === null ? featureNames : [...featureNames, targetName]
  return { dataset, columns: names.map((name) => ({ name, type: 'number' })) }
}

function namedNpy(
  bytes: Uint8Array,
  configuration: TrainingConfiguration,
  isClustering: boolean,
): Dataset {
  const dataset = datasetFromNpy(parseNpy(bytes), isClustering ? { target: null } : {})
  const { featureNames } = configuration
  // Too few or too many names are a reason against the upload, which validation gives.
  return featureNames?.length === dataset.features.cols ? { ...dataset, featureNames } : dataset
}

/** What is to be learned: as the configuration says, else by the target. */
export function learningTaskOf(
  dataset: Dataset,
  { task }: Pick<TrainingConfiguration, 'task'>,
): LearningTask {
  return task ?? taskOf(dataset)
}

/** Which rows a training holds out: as its configuration says, else a quarter of them. */
export function splitRuleOf({ split }: Pick<TrainingConfiguration, 'split'>): SplitRule {
  return { heldOut: split?.heldOut ?? defaultHeldOut }
}

/**
 * Which rows are learned from and which are held out: for each row the same in every upload. What a
 * smaller share holds out is among what a larger one does.
 */
export function splitDataset(dataset: Dataset, { heldOut }: SplitRule): Split {
  const rows = { features: stableFeatures(dataset), target: stableTarget(dataset) }
  return splitByRow(rows, { heldOut })
}

/** A class as people read it: its text in a CSV, its number in a `.npy`. */
export function classLabel(dataset: Pick<Dataset, 'classLabels'>, value: number): string {
  return dataset.classLabels?.[value] ?? String(value)
}

/** Whether a feature is missing anywhere. */
export function hasMissing({ data }: Matrix): boolean {
  return data.some(Number.isNaN)
}

/** Features whose categories are numbers of their texts: a text that is new renumbers no other. */
function stableFeatures({ features, categories }: Dataset): Matrix {
  if (categories === undefined) return features
  const data = features.data.slice()
  categories.forEach((labels, j) => {
    const numbers = labels?.map(textNumber)
    if (numbers === undefined) return
    for (let at = j; at < data.length; at += features.cols) data[at] = numbers[data[at]!] ?? NaN
  })
  return { ...features, data }
}

/** Classes as numbers of their texts, for the same reason. */
function stableTarget({ target, classLabels }: Dataset): Float64Array {
  const numbers = classLabels?.map(textNumber)
  return numbers === undefined ? target : target.map((label) => numbers[label] ?? NaN)
}

/** 48 bits of a text's digest. */
function textNumber(text: string): number {
  return createHash('sha256').update(text).digest().readUIntBE(0, 6)
}
