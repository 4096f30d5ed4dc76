import * as z from 'zod'
import { csvLimits, csvRecord, isDataError, parseCsv } from '../ml/data/index.ts'
import { MillraceError, type Objects } from '../platform/ports/index.ts'
import { sha256 } from './digest.ts'
import { datasetFolder, type ModelName } from './names.ts'
import { putOnce } from './stored-objects.ts'

export const columnType = z.enum(['number', 'text'])

/** As text, since it has the control characters that it refuses. */
const columnName = new RegExp(String.raw`^[^\x00-\x20\x7f](?:[^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$`)

export const datasetColumn = z.strictObject({
  name: z
    .string()
    .max(256)
    .regex(
      columnName,
      'a name is 1 to 256 characters without control characters, and without blanks around it',
    )
    .refine((name) => name !== '__proto__' && name.isWellFormed(), 'this name is not allowed'),
  type: columnType,
})
export type DatasetColumn = z.infer<typeof datasetColumn>

/** The columns of a dataset in their order, and which of them is learned; null where none is. */
export const datasetSchema = z.strictObject({
  columns: z
    .array(datasetColumn)
    .min(1)
    .max(csvLimits.columns)
    .describe('in the order of the table; no two of one name'),
  target: z.string().max(256).nullable().describe('the column to learn; null: all are features'),
})
export type DatasetSchema = z.infer<typeof datasetSchema>

/** A schema is kept as an object, since ten thousand columns are too many for an item of the table. */
export interface SchemaReference {
  readonly key: string
  readonly versionId: string
  /** Equal for equal schemas alone. */
  readonly digest: string
  readonly columns: number
  readonly target: string | null
}

/** Throws RequestInvalid unless rows of these columns can be written as a table and read again. */
export function checkSchema({ columns, target }: DatasetSchema): void {
  const names = columns.map(({ name }) => name)
  if (target !== null && !names.includes(target)) {
    throw invalid('target', 'name one of the columns, or null where all of them are features')
  }
  if (target !== null && columns.length < 2) {
    throw invalid('columns', 'give at least two, a feature and the target')
  }
  try {
    parseCsv(new TextEncoder().encode(csvRecord(names)))
  } catch (error) {
    if (isDataError(error)) throw invalid('columns', error.message)
    throw error
  }
}

export function schemaDigest({ columns, target }: DatasetSchema): string {
  const parts = [columns.map(({ name, type }) => [name, type]), target]
  return sha256(JSON.stringify(parts)).slice(0, 32)
}

/** Writes a schema once. */
export async function storeSchema(
  objects: Objects,
  dataset: ModelName,
  schema: DatasetSchema,
): Promise<SchemaReference> {
  const digest = schemaDigest(schema)
  const key = `${datasetFolder(dataset)}/schemas/${digest}.json`
  const { versionId } = await putOnce(
    objects,
    key,
    new TextEncoder().encode(JSON.stringify(schema)),
    'application/json',
  )
  return { key, versionId, digest, columns: schema.columns.length, target: schema.target }
}

export async function readSchema(
  objects: Objects,
  { key, versionId }: Pick<SchemaReference, 'key' | 'versionId'>,
): Promise<DatasetSchema> {
  const bytes = await objects.read(key, { versionId })
  return JSON.parse(new TextDecoder().decode(bytes)) as DatasetSchema
}

function invalid(field: string, message: string): MillraceError {
  return new MillraceError('RequestInvalid', `${field}: ${message}`, {
    details: { errors: [{ field, message }] },
  })
}
