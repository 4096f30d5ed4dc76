import { createHash } from 'node:crypto'
import {
  datasetFromCsv,
  datasetFromMatrix,
  datasetFromNpy,
  parseCsv,
  parseNpy,
  readNpyMatrix,
  splitByRow,
  taskOf,
  type Dataset,
  type Matrix,
  type Split,
} from '../ml/data/index.ts'
import type { Objects } from '../platform/ports/index.ts'
import type { DatasetColumn } from './dataset-schema.ts'
import type { LearningTask, SplitRule, TrainingClaim } from './shapes.ts'
import { objectRanges } from './stored-objects.ts'
import {
  defaultHeldOut,
  readConfiguration,
  type TrainingConfiguration,
} from './training-configuration.ts'

/** The largest upload that a training takes, in bytes. */
export const maxDatasetBytes = 512 * 1024 * 1024

/** Bytes of an upload that are read at once. */
const blockBytes = 8 * 1024 * 1024

/**
 * An upload as a job gets it: its bytes, or of a `.npy` its values, whose memory the job takes. Memory
 * that threads share is there once, however far it is handed on.
 */
export type UploadContent =
  | { readonly bytes: Uint8Array; readonly values?: undefined }
  | { readonly values: Matrix; readonly bytes?: undefined }

/** How a claim says its bytes are to be read. Plain data, as a worker thread gets it. */
export interface DatasetForm {
  readonly format: TrainingClaim['format']
  readonly configuration: TrainingConfiguration
}

/**
 * What was claimed, whatever has become of the key since, and how it is to be read: in memory that
 * threads share, read a block at a time, so that it is held once; a `.npy` as the doubles that are
 * learned from.
 *
 * @throws DataError for a `.npy` that is none.
 */
export async function readUpload(
  objects: Objects,
  claim: TrainingClaim,
): Promise<UploadContent & { readonly form: DatasetForm }> {
  const { format, source } = claim
  const form = { format, configuration: await readConfiguration(objects, claim) }
  if (format === 'npy') {
    const { key, versionId, size } = source
    const read = (start: number, end: number) => objects.read(key, { versionId, start, end })
    const share = (values: number) => new Float64Array(new SharedArrayBuffer(values * 8))
    return { values: await readNpyMatrix({ size, read }, blockBytes, share), form }
  }
  const bytes = new Uint8Array(new SharedArrayBuffer(source.size))
  let filled = 0
  for await (const block of objectRanges(objects, source)) {
    bytes.set(block, filled)
    filled += block.length
  }
  return { bytes, form }
}

/**
 * Bytes of an upload, or its values, as a dataset, named as its configuration says; text features are
 * numbered categories. Of a clustering every column is a feature. Takes the memory of values.
 *
 * @throws DataError when they are none.
 */
export function datasetOf(content: Uint8Array | Matrix, form: DatasetForm): Dataset {
  return readDataset(content, form).dataset
}

/**
 * The same, with the columns in the order of the file.
 *
 * @throws DataError when they are none.
 */
export function readDataset(
  content: Uint8Array | Matrix,
  { format, configuration }: DatasetForm,
): { dataset: Dataset; columns: DatasetColumn[] } {
  const isClustering = configuration.task === 'clustering'
  if (format === 'csv' && content instanceof Uint8Array) {
    const target = isClustering ? null : configuration.target
    const table = parseCsv(content)
    const dataset = datasetFromCsv(table, {
      text: 'categories',
      ...(target === undefined ? {} : { target }),
    })
    return { dataset, columns: table.columns.map(({ name, kind }) => ({ name, type: kind })) }
  }
  const dataset = namedNpy(content, configuration, isClustering)
  const { featureNames, targetName } = dataset
  const names = targetName === null ? featureNames : [...featureNames, targetName]
  return { dataset, columns: names.map((name) => ({ name, type: 'number' })) }
}

function namedNpy(
  content: Uint8Array | Matrix,
  configuration: TrainingConfiguration,
  isClustering: boolean,
): Dataset {
  const options = isClustering ? ({ target: null } as const) : {}
  const dataset =
    content instanceof Uint8Array
      ? datasetFromNpy(parseNpy(content), options)
      : datasetFromMatrix(content, options)
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
