import type { ColumnSummary } from '../ml/data/index.ts'
import type { Compute, Objects, Table } from '../platform/ports/index.ts'
import type { DatasetContent } from './dataset-content.ts'
import {
  datasetPartition,
  statisticsKey,
  statisticsWrite,
  type VersionRecord,
} from './dataset-records.ts'
import type { DatasetSchema } from './dataset-schema.ts'
import { datasetFolder, type ModelName } from './names.ts'
import { putOnce } from './stored-objects.ts'
import { ofText, summarizeDataset } from './summarize-dataset.ts'

/** The largest version whose columns are summarised on request, in bytes. */
export const maxSummarizedBytes = 64 * 1024 * 1024

export type ColumnStatistics = ColumnSummary

/** By the names of the columns. */
export type Statistics = ReadonlyMap<string, ColumnStatistics>

/** What is known of the columns of a version: what validation found, or what was computed before. */
export class DatasetStatistics {
  readonly #objects: Objects
  readonly #table: Table
  readonly #compute: Compute
  readonly #content: DatasetContent

  constructor(
    ports: { objects: Objects; table: Table; compute: Compute },
    content: DatasetContent,
  ) {
    this.#objects = ports.objects
    this.#table = ports.table
    this.#compute = ports.compute
    this.#content = content
  }

  async stored(
    dataset: ModelName,
    { version }: VersionRecord,
    schema: DatasetSchema,
  ): Promise<Statistics | undefined> {
    const item = await this.#table.get(datasetPartition(dataset), statisticsKey(version))
    if (item === undefined) return undefined
    const { key, versionId } = item as unknown as { key: string; versionId: string }
    const bytes = await this.#objects.read(key, { versionId })
    const { columns } = JSON.parse(new TextDecoder().decode(bytes)) as { columns: ColumnSummary[] }
    return byName(columns, schema)
  }

  /** Computed and kept; undefined for a version over `maxSummarizedBytes`, and one without rows. */
  async computed(
    dataset: ModelName,
    record: VersionRecord,
    schema: DatasetSchema,
  ): Promise<Statistics | undefined> {
    const { version, rows } = record
    if (rows === 0 || record.bytes > maxSummarizedBytes) return undefined
    const chunks: Uint8Array[] = []
    for await (const chunk of this.#content.csv(dataset, record)) chunks.push(chunk)
    const columns = await this.#compute.run(summarizeDataset, { bytes: Buffer.concat(chunks) })
    const key = `${datasetFolder(dataset)}/statistics/${version}.json`
    const body = new TextEncoder().encode(JSON.stringify({ columns }))
    const written = await putOnce(this.#objects, key, body, 'application/json')
    await this.#table.transact([statisticsWrite(dataset, version, written)])
    return byName(columns, schema)
  }
}

function byName(summaries: readonly ColumnSummary[], { columns }: DatasetSchema): Statistics {
  const text = new Set(columns.filter(({ type }) => type === 'text').map(({ name }) => name))
  return new Map(summaries.map((one) => [one.name, text.has(one.name) ? ofText(one) : one]))
}
