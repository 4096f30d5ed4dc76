import { type Json, setProperty } from '../../data.ts'
import { type ListedObject, type ObjectStore, uriOf } from '../objects.ts'
import { csvItems, csvRows, type Delimiter } from './csv.ts'
import { jsonItems, jsonLines } from './json.ts'
import { ItemReaderFault, linesOf, textOf } from './text.ts'

/** What a distributed Map reads, with all its expressions evaluated. It is JSON, and is logged. */
export interface ReaderRequest {
  readonly action: 'getObject' | 'listObjectsV2'
  readonly bucket: string
  /** Of getObject. */
  readonly key?: string
  readonly versionId?: string
  /** Of listObjectsV2. */
  readonly prefix?: string
  readonly inputType?: InputType
  readonly manifestType?: 'ATHENA_DATA' | 'S3_INVENTORY'
  /** Reads the objects of a listing rather than listing them. */
  readonly flatten?: true
  readonly delimiter?: Delimiter
  /** The header of CSV that has none. */
  readonly header?: readonly string[]
  readonly pointer?: string
  readonly maxItems?: number
}

export const inputTypes = ['CSV', 'JSON', 'JSONL', 'MANIFEST', 'PARQUET'] as const
export type InputType = (typeof inputTypes)[number]

/** One thing to process. */
export interface Item {
  readonly value: Json
  /** Of a member of an object. */
  readonly key?: string
  /** Where it was read. */
  readonly source: string
}

/**
 * The items of a dataset, one at a time and in order.
 *
 * @throws ItemReaderFault; whatever the object store throws
 */
export async function* readItems(
  request: ReaderRequest,
  objects: ObjectStore,
): AsyncGenerator<Item, void> {
  const { maxItems = Infinity } = request
  let count = 0
  if (maxItems === 0) return
  for await (const item of allItems(request, objects)) {
    yield item
    if (++count >= maxItems) return
  }
}

async function* allItems(request: ReaderRequest, objects: ObjectStore): AsyncGenerator<Item, void> {
  const { bucket, key = '' } = request
  if (request.action === 'getObject') {
    yield* objectItems(request, objects, { bucket, key }, request.inputType)
    return
  }
  for await (const listed of await objects.list(bucket, request.prefix ?? '')) {
    if (request.flatten === true) {
      yield* objectItems(request, objects, { bucket, key: listed.key }, request.inputType)
    } else {
      yield { value: listedItem(listed), source: uriOf(bucket) }
    }
  }
}

/** The form in which ListObjectsV2 hands objects to a Map. */
function listedItem({ key, size, etag, lastModified, storageClass }: ListedObject): Json {
  return {
    ...(etag === undefined ? {} : { Etag: etag }),
    Key: key,
    ...(lastModified === undefined
      ? {}
      : { LastModified: Math.floor(lastModified.getTime() / 1000) }),
    Size: size,
    StorageClass: storageClass ?? 'STANDARD',
  }
}

interface Place {
  readonly bucket: string
  readonly key: string
}

async function* objectItems(
  request: ReaderRequest,
  objects: ObjectStore,
  place: Place,
  inputType: InputType | undefined,
): AsyncGenerator<Item, void> {
  const source = uriOf(place.bucket, place.key)
  if (request.manifestType === 'ATHENA_DATA' && place.key === request.key) {
    yield* athenaItems(request, objects, place)
    return
  }
  const text = () => textAt(objects, place, request.versionId)
  const { pointer = '', delimiter = 'COMMA', header } = request
  switch (inputType) {
    case 'CSV': {
      const options = { delimiter, ...(header === undefined ? {} : { given: header }) }
      for await (const value of csvItems(await text(), options)) yield { value, source }
      return
    }
    case 'JSON':
      for await (const item of jsonItems(await text(), pointer)) yield { ...item, source }
      return
    case 'JSONL':
      for await (const item of jsonLines(await text())) yield { ...item, source }
      return
    case 'MANIFEST':
      yield* inventoryItems(objects, place, await text())
      return
    case 'PARQUET':
    case undefined:
      throw new ItemReaderFault(
        inputType === undefined
          ? `There is no InputType for the object ${source}.`
          : `The engine does not read Parquet; the object is ${source}.`,
      )
  }
}

async function textAt(
  objects: ObjectStore,
  { bucket, key }: Place,
  versionId?: string,
): Promise<AsyncIterable<string>> {
  return textOf(await objects.read(bucket, key, versionId), key)
}

/** The items of the data files that an Athena manifest names, `s3://bucket/key` a line. */
async function* athenaItems(
  request: ReaderRequest,
  objects: ObjectStore,
  place: Place,
): AsyncGenerator<Item, void> {
  // The files have the manifest's form, but neither its key nor its version.
  const { versionId, ...fileRequest } = { ...request, key: '' }
  for await (const line of linesOf(await textAt(objects, place, versionId))) {
    const [, bucket, key] = /^"?s3:\/\/([^/]+)\/([^"]+)"?$/i.exec(line) ?? []
    if (bucket === undefined || key === undefined) {
      throw new ItemReaderFault(
        `The manifest ${uriOf(place.bucket, place.key)} is not one of Athena.`,
      )
    }
    yield* objectItems(fileRequest, objects, { bucket, key }, request.inputType)
  }
}

/** The objects that an S3 inventory of CSV files lists, each an object of strings. */
async function* inventoryItems(
  objects: ObjectStore,
  place: Place,
  text: AsyncIterable<string>,
): AsyncGenerator<Item, void> {
  const manifest = await readManifest(text, uriOf(place.bucket, place.key))
  for (const key of manifest.keys) {
    const source = uriOf(manifest.bucket, key)
    for await (const row of csvRows(await textAt(objects, { bucket: manifest.bucket, key }))) {
      const value: Record<string, Json> = {}
      manifest.columns.forEach((name, i) => {
        setProperty(value, name, row[i] ?? '')
      })
      yield { value, source }
    }
  }
}

/** Characters of a manifest, which names files and holds no items. */
const longestManifest = 16 * 1024 * 1024

async function readManifest(
  text: AsyncIterable<string>,
  uri: string,
): Promise<{ bucket: string; columns: string[]; keys: string[] }> {
  let whole = ''
  for await (const chunk of text) {
    whole += chunk
    if (whole.length > longestManifest) {
      throw new ItemReaderFault(`The manifest ${uri} has more than ${longestManifest} characters.`)
    }
  }
  const manifest = parsedManifest(whole)
  const { destinationBucket, fileFormat, fileSchema, files } = manifest ?? {}
  if (
    typeof destinationBucket !== 'string' ||
    typeof fileSchema !== 'string' ||
    !Array.isArray(files)
  ) {
    throw new ItemReaderFault(`The object ${uri} is not the manifest of an S3 inventory.`)
  }
  if (fileFormat !== 'CSV') {
    throw new ItemReaderFault(
      `The inventory ${uri} has files of the format ${String(fileFormat)}; only CSV is read.`,
    )
  }
  return {
    bucket: destinationBucket.replace(/^arn:[^:]*:s3:::/, ''),
    columns: fileSchema.split(',').map((name) => name.trim()),
    keys: files.map((file) => {
      const key = (file as { key?: unknown } | null)?.key
      if (typeof key === 'string') return key
      throw new ItemReaderFault(`A file of the inventory ${uri} has no key.`)
    }),
  }
}

function parsedManifest(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(text) as unknown
    return value !== null && typeof value === 'object' ? { ...value } : undefined
  } catch {
    return undefined
  }
}
