import { createHash } from 'node:crypto'
import { csvRecord, npyBlocks, type CsvLineEnd, type Matrix } from '../ml/data/index.ts'
import {
  MillraceError,
  pages,
  type Item,
  type Objects,
  type Table,
} from '../platform/ports/index.ts'
import {
  contentKey,
  datasetPartition,
  versionKey,
  versionOf,
  type VersionRecord,
} from './dataset-records.ts'
import { readSchema } from './dataset-schema.ts'
import { datasetKey, formatModel, type ModelName } from './names.ts'
import type { ObjectReference } from './shapes.ts'
import { digestOfObject, objectRanges, putOnce } from './stored-objects.ts'
import { attempt } from './table-items.ts'

/** What is converted of a `.npy` at a time, in bytes of the file. */
const blockBytes = 8 * 1024 * 1024

/** The bytes of dataset versions, which are a base and what was appended to it. */
export class DatasetContent {
  readonly #objects: Objects
  readonly #table: Table

  constructor({ objects, table }: { objects: Objects; table: Table }) {
    this.#objects = objects
    this.#table = table
  }

  /** A version as one object, made at the first request. A version that was uploaded is its upload. */
  async object(dataset: ModelName, record: VersionRecord): Promise<ObjectReference> {
    if (record.origin === 'upload' && record.source !== null) return record.source
    const item = { pk: datasetPartition(dataset), sk: contentKey(record.base, record.version) }
    const made = await this.#table.get(item.pk, item.sk)
    if (made !== undefined) return referenceOf(made)
    const key = datasetKey(dataset, record.version)
    const digested = new Digested(this.csv(dataset, record))
    const written = await putOnce(this.#objects, key, digested, 'text/csv')
    const { bucket, versionId, size } = written
    // Who finds it written did not read all of the stream.
    const sha256 =
      digested.size === size && digested.isDone
        ? digested.digest()
        : (written.sha256 ?? (await digestOfObject(this.#objects, written)))
    const reference: ObjectReference = { bucket, key, versionId, sha256, size }
    const write = { ...item, version: record.version, ...reference }
    await attempt(this.#table.put(write, { if: 'absent' }))
    return reference
  }

  /** A version as CSV with its header, in pieces of a few megabytes. */
  async *csv(dataset: ModelName, record: VersionRecord): AsyncIterable<Uint8Array> {
    const made = await this.#nearest(dataset, record)
    if (made === undefined) yield* this.#base(await this.#version(dataset, record.base))
    else yield* objectRanges(this.#objects, made)
    yield* this.#appended(dataset, record, made?.version ?? record.base)
  }

  /** The last version up to this one that was made an object, from the same base. */
  async #nearest(dataset: ModelName, { base, version }: VersionRecord) {
    const pk = datasetPartition(dataset)
    const prefix = contentKey(base, 0).slice(0, -10)
    const ask = (cursor?: string) =>
      this.#table.query(pk, { prefix, descending: true, limit: 20, cursor })
    for await (const { items } of pages(ask)) {
      const item = items.find((one) => Number(one['version']) <= version)
      if (item !== undefined) return { ...referenceOf(item), version: Number(item['version']) }
    }
    return undefined
  }

  /** What versions after `after` have appended, up to `record`. */
  async *#appended(dataset: ModelName, record: VersionRecord, after: number) {
    const pk = datasetPartition(dataset)
    for (let last = after; last < record.version;) {
      const { items } = await this.#table.query(pk, {
        prefix: 'version#',
        after: versionKey(last),
        limit: 100,
      })
      for (const next of items.map(versionOf)) {
        last = next.version
        if (last > record.version) return
        // Between appends there may be an older upload, which was accepted late.
        if (next.base !== record.base || next.source === null) continue
        yield* objectRanges(this.#objects, next.source)
      }
      if (items.length === 0) return
    }
  }

  async *#base(base: VersionRecord): AsyncIterable<Uint8Array> {
    const { source, format, lineEnd, schema } = base
    if (source !== null && format === 'csv') {
      yield* endingWith(lineEnd, objectRanges(this.#objects, source))
      return
    }
    const { columns } = await readSchema(this.#objects, schema)
    const names = columns.map(({ name }) => name)
    yield new TextEncoder().encode(csvRecord(names, lineEnd))
    if (source !== null) yield* this.#converted(source)
  }

  async *#converted({ key, versionId, size }: ObjectReference): AsyncIterable<Uint8Array> {
    const read = (start: number, end: number) =>
      this.#objects.read(key, { versionId, start, end: Math.min(end, size) })
    for await (const block of npyBlocks({ size, read }, blockBytes)) yield* csvOfBlock(block)
  }

  async #version(dataset: ModelName, version: number): Promise<VersionRecord> {
    const item = await this.#table.get(datasetPartition(dataset), versionKey(version))
    if (item !== undefined) return versionOf(item)
    throw new MillraceError(
      'DatasetNotFound',
      `there is no version ${version} of a dataset ${formatModel(dataset)}`,
    )
  }
}

/** Rows of text that are joined before they are given on. */
const rowsAtOnce = 1000

function* csvOfBlock({ data, rows, cols }: Matrix): Iterable<Uint8Array> {
  for (let from = 0; from < rows; from += rowsAtOnce) {
    let text = ''
    for (let i = from; i < Math.min(from + rowsAtOnce, rows); i++) {
      text += csvRecord(Array.from(data.subarray(i * cols, (i + 1) * cols), numberOrNull))
    }
    yield Buffer.from(text)
  }
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value
}

/** The bytes, and the end of their last line where it is not there. */
async function* endingWith(
  lineEnd: CsvLineEnd,
  chunks: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  let last: number | undefined
  for await (const chunk of chunks) {
    last = chunk.at(-1) ?? last
    yield chunk
  }
  if (last !== lineEnd.charCodeAt(lineEnd.length - 1)) yield new TextEncoder().encode(lineEnd)
}

/** Bytes on their way, and the digest of all of them. */
class Digested implements AsyncIterable<Uint8Array> {
  readonly #chunks: AsyncIterable<Uint8Array>
  readonly #hash = createHash('sha256')
  size = 0
  isDone = false

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    for await (const chunk of this.#chunks) {
      this.#hash.update(chunk)
      this.size += chunk.length
      yield chunk
    }
    this.isDone = true
  }

  digest(): string {
    return this.#hash.digest('hex')
  }
}

function referenceOf(item: Item): ObjectReference {
  const { bucket, key, versionId, sha256, size } = item as unknown as ObjectReference
  return { bucket, key, versionId, sha256, size }
}
