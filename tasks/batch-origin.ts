import { isDataError, parseCsv, readNpyHeader, type NpyHeader } from '../ml/data/index.ts'
import { isMillraceError, type Ports } from '../platform/ports/index.ts'
import { columnsByPlace, columnsFor, columnsOfHeader } from './batch-columns.ts'
import type { FittedColumns, Unfitting } from './batch-columns.ts'
import type { BatchFile, BatchRequest, BatchSource } from './batch-shapes.ts'
import { csvHeader } from './csv-header.ts'
import type { DatasetSchema } from './dataset-schema.ts'
import { createDatasets } from './datasets.ts'
import type { LoadedModel } from './model-artifact.ts'
import { parseInputKey, type ModelName } from './names.ts'

/** What a batch predicts: a version of a dataset, or a file. */
export interface BatchOrigin {
  readonly source: BatchSource
  readonly format: 'npy' | 'csv'
  /** Known of a dataset alone. */
  readonly rows: number | undefined
  /** Null of a file. */
  readonly dataset: { readonly name: ModelName; readonly version: number } | null
  readonly file?: BatchFile
  /** Of a dataset alone. */
  readonly schema: DatasetSchema | null
}

/** A table as its first bytes describe it. */
export interface TableHead extends FittedColumns {
  /** Of a `.npy`. */
  readonly npy: NpyHeader | undefined
  /** Bytes before the first row. */
  readonly headerEnd: number
}

/** The dataset's version or the file that a request names, or the reason why there is none. */
export async function originOf(
  request: Pick<BatchRequest, 'model' | 'dataset' | 'datasetVersion' | 'file'>,
  ports: Ports,
): Promise<BatchOrigin | Unfitting> {
  try {
    return request.file === undefined
      ? await datasetOrigin(request, ports)
      : await fileOrigin(request.model, request.file, ports)
  } catch (error) {
    for (const code of ['DatasetNotFound', 'ObjectNotFound'] as const) {
      if (isMillraceError(error, code)) return { reasons: [{ code, message: error.message }] }
    }
    throw error
  }
}

async function datasetOrigin(
  { model, dataset = model, datasetVersion }: Parameters<typeof originOf>[0],
  ports: Ports,
): Promise<BatchOrigin> {
  const datasets = createDatasets(ports)
  const record = await datasets.version(dataset, datasetVersion)
  const schema = await datasets.schema(record)
  const { source, format, rows } = await datasets.materialise(dataset, record.version)
  return { source, format, rows, dataset: { name: dataset, version: record.version }, schema }
}

async function fileOrigin(
  model: ModelName,
  file: BatchFile,
  { objects }: Pick<Ports, 'objects'>,
): Promise<BatchOrigin | Unfitting> {
  const { user, format } = parseInputKey(file.key)
  if (user !== model.user) {
    const message = `the file belongs to the user ${user}, and the model to ${model.user}`
    return { reasons: [{ code: 'ObjectNotFound', message }] }
  }
  const { versionId: asked } = file
  const found = await objects.head(file.key, asked === undefined ? {} : { versionId: asked })
  const { bucket, key, versionId, size, sha256 = null } = found
  const source = { bucket, key, versionId, size, sha256 }
  return { source, format, rows: undefined, dataset: null, file: { key, versionId }, schema: null }
}

/** Where the columns of the model stand in a table, by its header; or why they do not. */
export async function tableHead(
  { source, format, schema }: BatchOrigin,
  model: LoadedModel,
  { objects }: Pick<Ports, 'objects'>,
): Promise<TableHead | Unfitting> {
  const { key, versionId, size } = source
  const read = (start: number, end: number) => objects.read(key, { versionId, start, end })
  try {
    if (format === 'npy') {
      const npy = await readNpyHeader({ size, read })
      if (npy.shape.length !== 2) {
        const found = `rows have two axes; the array has shape (${npy.shape.join(', ')})`
        return { reasons: [{ code: 'ShapeInvalid', message: found }] }
      }
      const fitted =
        schema === null ? columnsByPlace(model, npy.shape[1]!) : columnsFor(model, schema, format)
      return 'reasons' in fitted ? fitted : { ...fitted, npy, headerEnd: npy.dataOffset }
    }
    const header = await csvHeader({ size, read })
    const names = parseCsv(header).columns.map(({ name }) => name)
    const fitted =
      schema === null
        ? columnsOfHeader(model, names, model.targetName)
        : columnsFor(model, schema, format)
    return 'reasons' in fitted ? fitted : { ...fitted, npy: undefined, headerEnd: header.length }
  } catch (error) {
    if (!isDataError(error)) throw error
    return { reasons: [{ code: error.name, message: error.message }] }
  }
}
