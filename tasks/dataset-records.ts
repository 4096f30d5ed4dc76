import { compareSequencers } from '../events/index.ts'
import type { CsvLineEnd } from '../ml/data/index.ts'
import type { Item, Write } from '../platform/ports/index.ts'
import type { SchemaReference } from './dataset-schema.ts'
import { sha256 } from './digest.ts'
import { formatModel, type ModelName, type UploadFormat } from './names.ts'
import type { ObjectReference } from './shapes.ts'
import { asJson, ordinal } from './table-items.ts'

/** What the table knows of datasets: how their items are keyed, written and read. */

export type DatasetOrigin = 'created' | 'append' | 'upload'

/** One version, as it is kept. Versions are integers from 0 and never change. */
export interface VersionRecord {
  readonly version: number
  readonly origin: DatasetOrigin
  readonly format: UploadFormat
  readonly schema: SchemaReference
  /** In all. */
  readonly rows: number
  /** What is kept of it: of appended rows with all that they continue. */
  readonly bytes: number
  /** The upload, or what was appended by this version alone; null of one that was created. */
  readonly source: ObjectReference | null
  /** The version that was created or uploaded, which this one continues; of these their own number. */
  readonly base: number
  /** The sequencer of the upload that it is or continues. */
  readonly sequencer: string | null
  readonly lineEnd: CsvLineEnd
  /** ISO 8601 time. */
  readonly createdAt: string
}

/** A dataset as a whole. */
export interface DatasetHead {
  /** Grows by one with every change; what a compare-and-swap compares. */
  readonly revision: number
  /** Numbers are never given twice, also not after a removal. */
  readonly nextVersion: number
  /** The first version since the dataset was removed last; 0 when it never was. */
  readonly firstVersion: number
  readonly removed: 'archived' | 'deleted' | null
  /** ISO 8601 time. */
  readonly createdAt: string
  /** ISO 8601 time. */
  readonly updatedAt: string
  /** What is described, and continued by an append; null of one that was removed. */
  readonly latest: VersionRecord | null
}

export interface DatasetSummary {
  readonly dataset: ModelName
  readonly latest: VersionRecord
  readonly versionCount: number
  /** ISO 8601 times. */
  readonly createdAt: string
  readonly updatedAt: string
}

export type LiveDataset = DatasetHead & { readonly removed: null; readonly latest: VersionRecord }

/** Where all datasets are listed. */
export const datasetList = 'datasets'

export function datasetPartition(dataset: ModelName): string {
  return `dataset#${formatModel(dataset)}`
}

export const datasetHeadKey = 'dataset'

export function versionKey(version: number): string {
  return `version#${ordinal(version)}`
}

/** A version that was made one object, among those with the same base. */
export function contentKey(base: number, version: number): string {
  return `content#${ordinal(base)}#${ordinal(version)}`
}

/** The object that has the summaries of a version's columns. */
export function statisticsKey(version: number): string {
  return `statistics#${ordinal(version)}`
}

/** The version that an upload became. A digest, since ids of object versions may be long. */
export function uploadItemKey({ key, versionId }: Pick<ObjectReference, 'key' | 'versionId'>) {
  return `upload#${sha256(JSON.stringify([key, versionId]))}`
}

export function headOf(item: Item | undefined): DatasetHead | undefined {
  return item === undefined ? undefined : (item['head'] as unknown as DatasetHead)
}

export function isLive(head: DatasetHead | undefined): head is LiveDataset {
  return head !== undefined && head.latest !== null && head.removed === null
}

/** Whether an upload came before what is the last version: events may arrive in any order. */
export function isOlder(record: VersionRecord, latest: VersionRecord): boolean {
  if (record.origin !== 'upload' || record.sequencer === null) return false
  return latest.sequencer !== null && compareSequencers(record.sequencer, latest.sequencer) < 0
}

export function summaryOf(dataset: ModelName, head: Omit<LiveDataset, 'revision'>): DatasetSummary {
  const { latest, createdAt, updatedAt } = head
  const versionCount = head.nextVersion - head.firstVersion
  return { dataset, latest, versionCount, createdAt, updatedAt }
}

export function versionOf(item: Item): VersionRecord {
  return item['record'] as unknown as VersionRecord
}

/** Writes the head if it is still as it was seen. */
export function headWrite(
  dataset: ModelName,
  seen: DatasetHead | undefined,
  head: Omit<DatasetHead, 'revision'>,
): Write {
  const revision = seen === undefined ? 0 : seen.revision + 1
  return {
    put: {
      pk: datasetPartition(dataset),
      sk: datasetHeadKey,
      revision,
      head: asJson({ ...head, revision }),
    },
    if: seen === undefined ? 'absent' : { revision: seen.revision },
  }
}

export function versionWrite(dataset: ModelName, record: VersionRecord): Write {
  return {
    put: {
      pk: datasetPartition(dataset),
      sk: versionKey(record.version),
      version: record.version,
      record: asJson(record),
    },
    if: 'absent',
  }
}

export function statisticsWrite(
  dataset: ModelName,
  version: number,
  { key, versionId }: Pick<ObjectReference, 'key' | 'versionId'>,
): Write {
  return {
    put: { pk: datasetPartition(dataset), sk: statisticsKey(version), version, key, versionId },
  }
}

/** Lists a dataset, or no longer. */
export function listWrite(dataset: ModelName, isListed: boolean): Write {
  const item = { pk: datasetList, sk: formatModel(dataset) }
  return isListed ? { put: item } : { delete: item }
}
