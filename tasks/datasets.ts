import { randomUUID } from 'node:crypto'
import type { CsvLineEnd } from '../ml/data/index.ts'
import {
  isMillraceError,
  MillraceError,
  type PageOptions,
  type Ports,
  type Write,
} from '../platform/ports/index.ts'
import { DatasetContent } from './dataset-content.ts'
import {
  datasetHeadKey,
  datasetList,
  datasetPartition,
  headOf,
  headWrite,
  isLive,
  isOlder,
  listWrite,
  statisticsWrite,
  summaryOf,
  uploadItemKey,
  versionKey,
  versionOf,
  versionWrite,
  type DatasetHead,
  type DatasetSummary,
  type LiveDataset,
  type VersionRecord,
} from './dataset-records.ts'
import { hasLeftovers, removeDataset } from './dataset-removal.ts'
import { csvOfRows } from './dataset-rows.ts'
import {
  checkSchema,
  readSchema,
  schemaDigest,
  storeSchema,
  type DatasetSchema,
} from './dataset-schema.ts'
import { DatasetStatistics, type Statistics } from './dataset-statistics.ts'
import {
  datasetFolder,
  datasetOfKey,
  formatModel,
  parseDatasetKey,
  parseModel,
  parseUploadKey,
  type ModelName,
  type UploadFormat,
} from './names.ts'
import { createRegistry } from './registry.ts'
import { repeatedAppend } from './repeated-appends.ts'
import type { ObjectReference } from './shapes.ts'
import { putReferenced } from './stored-objects.ts'
import { Turns } from './turns.ts'

export type { DatasetSummary, VersionRecord } from './dataset-records.ts'

/**
 * The catalogue of datasets. A version is what was created empty, uploaded and accepted, or appended to
 * the version before; versions are integers from 0, never change, and their numbers are never given
 * twice, also not after a removal.
 */
export interface Datasets {
  /**
   * Makes an empty dataset of these columns. One of the same schema that is there stays as it is.
   * Throws DatasetExists (one of another schema), RequestInvalid, DatasetConflict (it changed all the
   * time).
   */
  create(
    dataset: ModelName,
    schema: DatasetSchema,
  ): Promise<{ dataset: DatasetSummary; created: boolean }>
  /**
   * Appends rows to the last version, all or none, which makes the next one. Appends at one moment
   * come one after another, those of one `repetition` once. Throws DatasetNotFound, RowsInvalid,
   * DatasetConflict (it changed all the time).
   */
  append(dataset: ModelName, rows: readonly unknown[], repetition?: string): Promise<VersionRecord>
  /**
   * Makes an upload that was accepted the next version, each object version once. One that is older
   * than the last version is recorded, and not continued. Of an object that was made of a version the
   * statistics are taken; another object belongs to no dataset.
   */
  recordUpload(upload: AcceptedUpload): Promise<void>
  /** Throws DatasetNotFound. */
  describe(dataset: ModelName): Promise<DatasetSummary>
  /** In order of their names; of one user, or of all. */
  list(
    options?: PageOptions & { user?: string | undefined },
  ): Promise<{ datasets: DatasetSummary[]; cursor?: string }>
  /** The last version, or the one named. Throws DatasetNotFound. */
  version(dataset: ModelName, version?: number): Promise<VersionRecord>
  /** The newest first. Throws DatasetNotFound. */
  versions(
    dataset: ModelName,
    options?: PageOptions,
  ): Promise<{ versions: VersionRecord[]; cursor?: string }>
  /** Columns and target of a version. */
  schema(record: VersionRecord): Promise<DatasetSchema>
  /**
   * What is known of the columns of a version, or computed where asked for; undefined where nothing is
   * known, without rows, and beyond 64 MiB.
   */
  statistics(
    dataset: ModelName,
    record: VersionRecord,
    options: { compute: boolean },
  ): Promise<Statistics | undefined>
  /**
   * Removes a dataset, and hides its objects; asked for again it ends what was interrupted. With
   * `archive` the objects stay as they are. Throws DatasetNotFound, DatasetInUse (a model learned
   * from it, and it is not archived), DatasetConflict (it changed at the same moment).
   */
  remove(dataset: ModelName, options?: { archive?: boolean }): Promise<void>
  /**
   * The last version, or the one named, as one object: an upload itself, else a CSV that is written
   * once. Throws DatasetNotFound.
   */
  materialise(dataset: ModelName, version?: number): Promise<MaterialisedDataset>
}

/** An object version that validation accepted, with what it found. */
export interface AcceptedUpload {
  readonly source: ObjectReference
  readonly sequencer: string
  readonly schema: DatasetSchema
  readonly rows: number
  readonly lineEnd: CsvLineEnd
  /** The object with the summaries of its columns. */
  readonly report: Pick<ObjectReference, 'key' | 'versionId'>
}

export interface MaterialisedDataset {
  readonly version: number
  readonly source: ObjectReference
  readonly format: UploadFormat
  readonly rows: number
  /** The column to learn, which need not be the last one; null where all are features. */
  readonly target: string | null
}

/** Changes of one dataset that may come between before a writer gives up. */
const maxRounds = 100

export function createDatasets(
  ports: Pick<Ports, 'objects' | 'table' | 'compute' | 'clock'>,
): Datasets {
  const { objects, table, clock } = ports
  const registry = createRegistry(table, clock)
  const content = new DatasetContent(ports)
  const statistics = new DatasetStatistics(ports, content)
  const turns = new Turns()
  const now = () => new Date(clock.now()).toISOString()

  return {
    async create(dataset, schema) {
      checkSchema(schema)
      const digest = schemaDigest(schema)
      return changing(dataset, async () => {
        const head = await headNow(dataset)
        if (isLive(head)) {
          if (head.latest.schema.digest === digest) {
            return { dataset: summaryOf(dataset, head), created: false }
          }
          throw new MillraceError(
            'DatasetExists',
            `a dataset ${formatModel(dataset)} of other columns is there: take another name, or remove it`,
          )
        }
        const version = head?.nextVersion ?? 0
        const at = now()
        const record: VersionRecord = {
          version,
          origin: 'created',
          format: 'csv',
          schema: await storeSchema(objects, dataset, schema),
          rows: 0,
          bytes: 0,
          source: null,
          base: version,
          sequencer: null,
          lineEnd: '\n',
          createdAt: at,
        }
        const next = await add(dataset, head, record, at, [listWrite(dataset, true)])
        return { dataset: summaryOf(dataset, next), created: true }
      })
    },

    async append(dataset, rows, repetition) {
      let segment = await segmentOf(dataset, await live(dataset), rows)
      return turns.take(formatModel(dataset), () =>
        changing(dataset, async () => {
          const head = await live(dataset)
          const before = await repeatedAppend(table, dataset, repetition, {
            head,
            now: clock.now(),
          })
          if (before.version !== undefined) return versionNow(dataset, before.version)
          if (!segment.fits(head.latest)) segment = await segmentOf(dataset, head, rows)
          const { latest } = head
          const at = now()
          const record: VersionRecord = {
            ...latest,
            version: head.nextVersion,
            origin: 'append',
            format: 'csv',
            rows: latest.rows + rows.length,
            bytes: latest.bytes + segment.source.size,
            source: segment.source,
            createdAt: at,
          }
          await add(dataset, head, record, at, before.note(record.version))
          return record
        }),
      )
    },

    async recordUpload({ source, sequencer, schema, rows, lineEnd, report }) {
      if (datasetOfKey(source.key) === null) return
      if (!source.key.startsWith('uploads/')) {
        const { version, ...dataset } = parseDatasetKey(source.key)
        await table.transact([statisticsWrite(dataset, version, report)])
        return
      }
      const { format, ...dataset } = parseUploadKey(source.key)
      const pk = datasetPartition(dataset)
      const sk = uploadItemKey(source)
      await changing(dataset, async () => {
        if ((await table.get(pk, sk)) !== undefined) return
        const head = await headNow(dataset)
        const version = head?.nextVersion ?? 0
        const at = now()
        const record: VersionRecord = {
          version,
          origin: 'upload',
          format,
          schema: await storeSchema(objects, dataset, schema),
          rows,
          bytes: source.size,
          source,
          base: version,
          sequencer,
          lineEnd,
          createdAt: at,
        }
        await add(dataset, head, record, at, [
          listWrite(dataset, true),
          statisticsWrite(dataset, version, report),
          { put: { pk, sk, version }, if: 'absent' },
        ])
      })
    },

    describe: async (dataset) => summaryOf(dataset, await live(dataset)),

    async list({ user, cursor, limit } = {}) {
      const prefix = user === undefined ? undefined : `${user}/`
      const page = await table.query(datasetList, { prefix, cursor, limit })
      const names = page.items.map(({ sk }) => parseModel(sk))
      const heads = await Promise.all(names.map(headNow))
      return {
        // One that is removed at this moment may still be listed.
        datasets: names.flatMap((name, i) => {
          const head = heads[i]
          return isLive(head) ? [summaryOf(name, head)] : []
        }),
        cursor: page.cursor,
      }
    },

    version: versionNow,

    async versions(dataset, { cursor, limit } = {}) {
      const { firstVersion } = await live(dataset)
      const after = firstVersion === 0 ? undefined : versionKey(firstVersion - 1)
      const asked = { prefix: 'version#', descending: true, after, cursor, limit }
      const page = await table.query(datasetPartition(dataset), asked)
      return { versions: page.items.map(versionOf), cursor: page.cursor }
    },

    schema: ({ schema }) => readSchema(objects, schema),

    async statistics(dataset, record, { compute }) {
      const schema = await readSchema(objects, record.schema)
      const stored = await statistics.stored(dataset, record, schema)
      if (stored !== undefined || !compute) return stored
      return statistics.computed(dataset, record, schema)
    },

    async remove(dataset, { archive = false } = {}) {
      const head = await headNow(dataset)
      const isThere = isLive(head) || (!archive && head && (await hasLeftovers(table, dataset)))
      if (head === undefined || !isThere) throw notFound(dataset)
      try {
        await removeDataset(ports, registry, dataset, head, { archive, now: now() })
      } catch (error) {
        if (isMillraceError(error, 'ConditionFailed')) throw changed(dataset, error)
        throw error
      }
    },

    async materialise(dataset, version) {
      const record = await versionNow(dataset, version)
      const source = await content.object(dataset, record)
      return {
        version: record.version,
        source,
        format: record.format,
        rows: record.rows,
        target: record.schema.target,
      }
    },
  }

  async function headNow(dataset: ModelName): Promise<DatasetHead | undefined> {
    return headOf(await table.get(datasetPartition(dataset), datasetHeadKey))
  }

  async function live(dataset: ModelName): Promise<LiveDataset> {
    const head = await headNow(dataset)
    if (!isLive(head)) throw notFound(dataset)
    return head
  }

  async function versionNow(dataset: ModelName, version?: number): Promise<VersionRecord> {
    const head = await live(dataset)
    if (version === undefined || version === head.latest.version) return head.latest
    const item =
      version < head.firstVersion || version >= head.nextVersion
        ? undefined
        : await table.get(datasetPartition(dataset), versionKey(version))
    if (item === undefined) throw notFound(dataset, version)
    return versionOf(item)
  }

  /** Adds a version to the dataset as it was seen. Throws ConditionFailed when it is no longer so. */
  async function add(
    dataset: ModelName,
    seen: DatasetHead | undefined,
    record: VersionRecord,
    at: string,
    more: readonly Write[],
  ): Promise<Omit<LiveDataset, 'revision'>> {
    const head = {
      nextVersion: record.version + 1,
      firstVersion: seen?.firstVersion ?? 0,
      removed: null,
      createdAt: isLive(seen) ? seen.createdAt : at,
      updatedAt: at,
      latest: isLive(seen) && isOlder(record, seen.latest) ? seen.latest : record,
    }
    await table.transact([headWrite(dataset, seen, head), versionWrite(dataset, record), ...more])
    return head
  }

  /** Rows as an object that may become a version of the dataset as it is now. */
  async function segmentOf(dataset: ModelName, { latest }: LiveDataset, rows: readonly unknown[]) {
    const { schema, lineEnd } = latest
    const bytes = await csvOfRows(await readSchema(objects, schema), rows, lineEnd)
    const key = `${datasetFolder(dataset)}/segments/${randomUUID()}.csv`
    const source = await putReferenced(objects, key, bytes)
    return {
      source,
      fits: (record: VersionRecord) =>
        record.schema.digest === schema.digest && record.lineEnd === lineEnd,
    }
  }

  /** Does a change again when another one came between. */
  async function changing<Result>(
    dataset: ModelName,
    change: () => Promise<Result>,
  ): Promise<Result> {
    for (let round = 1; ; round++) {
      try {
        return await change()
      } catch (error) {
        if (!isMillraceError(error, 'ConditionFailed')) throw error
        if (round === maxRounds) throw changed(dataset, error)
      }
    }
  }
}

function notFound(dataset: ModelName, version?: number): MillraceError {
  const which = version === undefined ? 'dataset' : `version ${version} of a dataset`
  return new MillraceError('DatasetNotFound', `there is no ${which} ${formatModel(dataset)}`)
}

function changed(dataset: ModelName, cause: unknown): MillraceError {
  return new MillraceError(
    'DatasetConflict',
    `the dataset ${formatModel(dataset)} changed at the same moment: ask again`,
    { cause },
  )
}
