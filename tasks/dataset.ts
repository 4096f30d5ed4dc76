import { createHash } from 'node:crypto'
import {
  csvLineEnd,
  datasetFromCsv,
  datasetFromMatrix,
  datasetFromNpy,
  parseCsv,
  parseNpy,
  readCsvDataset,
  readNpyMatrix,
  splitByRow,
  taskOf,
  type CsvLineEnd,
  type Dataset,
  type Matrix,
  type Split,
} from '../ml/data/index.ts'
import type { Objects } from '../platform/ports/index.ts'
import type { DatasetColumn } from './dataset-schema.ts'
import { lendSource, readRemote, type RemoteSource } from './remote-source.ts'
import type { LearningTask, SplitRule, TrainingClaim } from './shapes.ts'
import {
  defaultHeldOut,
  readConfiguration,
  type TrainingConfiguration,
} from './training-configuration.ts'

/** The largest upload that a training takes, in bytes. */
export const maxDatasetBytes = 512 * 1024 * 1024

/** Bytes of an upload that are read at once: of a `.npy` that is read for a job, and by a job. */
const npyBlockBytes = 8 * 1024 * 1024
export const lentBlockBytes = 4 * 1024 * 1024

/**
 * An upload as a job gets it: of a `.npy` its values, whose memory the job takes, and which is there once,
 * as threads share it; of a CSV where its bytes are read while the job runs; or bytes that are at hand.
 */
export type UploadContent =
  | { readonly values: Matrix; readonly bytes?: undefined; readonly source?: undefined }
  | { readonly source: RemoteSource; readonly values?: undefined; readonly bytes?: undefined }
  | { readonly bytes: Uint8Array; readonly values?: undefined; readonly source?: undefined }

/** How a claim says its bytes are to be read. Plain data, as a worker thread gets it. */
export interface DatasetForm {
  readonly format: TrainingClaim['format']
  readonly configuration: TrainingConfiguration
}

/**
 * Runs a job on what was claimed, whatever has become of the key since, and how it is to be read. Neither
 * a `.npy` nor a CSV is held as bytes: a block at a time becomes the doubles that are learned from, those
 * of a CSV in the job, which is what parses it.
 *
 * @param use runs the job: a CSV can be read until it has ended
 * @throws DataError for a `.npy` that is none.
 */
export async function withUpload<Result>(
  objects: Objects,
  claim: TrainingClaim,
  use: (upload: UploadContent & { readonly form: DatasetForm }) => Promise<Result>,
): Promise<Result> {
  if (claim.format === 'csv') return lendUpload(objects, claim, use)
  const form = await formOf(objects, claim)
  const { key, versionId, size } = claim.source
  const read = (start: number, end: number) => objects.read(key, { versionId, start, end })
  const share = (values: number) => new Float64Array(new SharedArrayBuffer(values * 8))
  return use({ values: await readNpyMatrix({ size, read }, npyBlockBytes, share), form })
}

/**
 * The same, whatever its format, for a job that reads the upload itself, of which it need hold no more
 * than it learns from.
 *
 * @param use runs the job: the upload can be read until it has ended
 */
export async function lendUpload<Result>(
  objects: Objects,
  claim: TrainingClaim,
  use: (upload: { source: RemoteSource; form: DatasetForm }) => Promise<Result>,
): Promise<Result> {
  const form = await formOf(objects, claim)
  const { key, versionId, size } = claim.source
  let last: Uint8Array | undefined
  const read = async (start: number, end: number) => {
    // Who asks for more has what there was before.
    if (last) release(last)
    last = await objects.read(key, { versionId, start, end })
    return last
  }
  return lendSource({ size, read }, lentBlockBytes, (source) => use({ source, form }))
}

async function formOf(objects: Objects, claim: TrainingClaim): Promise<DatasetForm> {
  return { format: claim.format, configuration: await readConfiguration(objects, claim) }
}

/** Frees a block at once, of which the garbage collector would leave many for long, unless it is a part. */
function release({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}

/** An upload that is a dataset. */
export interface ReadDataset {
  /** Named as its configuration says; text features are numbered categories. */
  readonly dataset: Dataset
  /** In the order of the file. */
  readonly columns: DatasetColumn[]
  readonly lineEnd: CsvLineEnd
}

/**
 * An upload as a dataset. Of a clustering every column is a feature. Takes the memory of values.
 *
 * @throws DataError when it is none.
 */
export async function readDataset(
  { bytes, values, source }: UploadContent,
  form: DatasetForm,
): Promise<ReadDataset> {
  if (source === undefined) return datasetAtHand(bytes ?? values, form)
  const options = csvOptions(form)
  const read = await readRemote(source, (remote) =>
    readCsvDataset(remote, remote.blockBytes, options),
  )
  return { ...read, columns: read.columns.map(({ name, kind }) => ({ name, type: kind })) }
}

/** The same of bytes of an upload, or its values, that are at hand. @throws DataError */
export function datasetOf(content: Uint8Array | Matrix, form: DatasetForm): Dataset {
  return datasetAtHand(content, form).dataset
}

function datasetAtHand(content: Uint8Array | Matrix, form: DatasetForm): ReadDataset {
  if (form.format === 'csv' && content instanceof Uint8Array) {
    const table = parseCsv(content)
    const dataset = datasetFromCsv(table, { text: 'categories', ...csvOptions(form) })
    const columns = table.columns.map(({ name, kind }) => ({ name, type: kind }))
    return { dataset, columns, lineEnd: csvLineEnd(content) }
  }
  const { configuration } = form
  const dataset = namedNpy(content, configuration)
  const { featureNames, targetName } = dataset
  const names = targetName === null ? featureNames : [...featureNames, targetName]
  return { dataset, columns: names.map((name) => ({ name, type: 'number' })), lineEnd: '\n' }
}

/** Of a CSV, where its target is. */
function csvOptions({ configuration }: DatasetForm): { target?: string | null } {
  if (isClustering(configuration)) return { target: null }
  const { target } = configuration
  return target === undefined ? {} : { target }
}

function isClustering({ task }: TrainingConfiguration): boolean {
  return task === 'clustering'
}

function namedNpy(content: Uint8Array | Matrix, configuration: TrainingConfiguration): Dataset {
  const options = isClustering(configuration) ? ({ target: null } as const) : {}
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
  const target = stableTarget(dataset)
  return onStableFeatures(dataset, (features) => splitByRow({ features, target }, { heldOut }))
}

/** A class as people read it: its text in a CSV, its number in a `.npy`. */
export function classLabel(dataset: Pick<Dataset, 'classLabels'>, value: number): string {
  return dataset.classLabels?.[value] ?? String(value)
}

/** Whether a feature is missing anywhere. */
export function hasMissing({ data }: Matrix): boolean {
  return data.some(Number.isNaN)
}

/**
 * Looks at features whose categories are numbers of their texts: a text that is new renumbers no other.
 * They stand in the memory of the features for so long, unless texts of a column have one number.
 */
function onStableFeatures<Result>(
  { features, categories = [] }: Dataset,
  look: (stable: Matrix) => Result,
): Result {
  const numbers = categories.map((labels) => labels?.map(textNumber) ?? null)
  const isReversible = numbers.every((column) => new Set(column).size === (column?.length ?? 0))
  const data = isReversible ? features.data : features.data.slice()
  const renumber = (numberOf: (column: readonly number[]) => (value: number) => number) =>
    numbers.forEach((column, j) => {
      if (column === null) return
      const of = numberOf(column)
      for (let at = j; at < data.length; at += features.cols) data[at] = of(data[at]!)
    })
  renumber((column) => (index) => column[index] ?? NaN)
  try {
    return look({ ...features, data })
  } finally {
    if (isReversible) renumber(indexOf)
  }
}

function indexOf(numbers: readonly number[]): (value: number) => number {
  const indexes = new Map(numbers.map((value, index) => [value, index]))
  return (value) => indexes.get(value) ?? NaN
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
