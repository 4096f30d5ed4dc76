import * as z from 'zod'
import { isMillraceError, MillraceError } from '../platform/ports/index.ts'

/** Who an upload without a user folder belongs to. */
export const defaultUser = 'default'

const nameRule =
  'a name is 1 to 64 letters, digits, ".", "_" or "-", begins with a letter or digit, and has no ".."'

/** A user's or a dataset's name: safe as a path segment, a URL segment, a table key and a property. */
export const nameSchema = z
  .string()
  .max(64, nameRule)
  .regex(/^[A-Za-z0-9](?!.*\.\.)[A-Za-z0-9._-]*$/, nameRule)
  .refine((name) => !(name in {}), 'this name is reserved')

/** A name inside of a longer text, for patterns in documents: not its last rule, which holds besides. */
const namePart = '[A-Za-z0-9](?:\\.(?!\\.)|[A-Za-z0-9_-]){0,63}'

/** `<user>/<dataset>`, or `<dataset>` of the default user. */
export const modelPattern = `^(?:${namePart}/)?${namePart}$`

/** The key of an upload, see parseUploadKey. */
export const uploadKeyPattern = `^uploads/(?:${namePart}/)?${namePart}\\.(?:npy|csv)$`

/** The key of rows that were uploaded to be predicted, see parseInputKey. */
export const inputKeyPattern = `^inputs/${namePart}/${namePart}/[A-Za-z0-9_-]{1,64}\\.(?:npy|csv)$`

/** A model is named for the dataset it learns from: `<user>/<dataset>`. */
export interface ModelName {
  readonly user: string
  readonly dataset: string
}

export const modelNameSchema = z.object({ user: nameSchema, dataset: nameSchema })

export function formatModel({ user, dataset }: ModelName): string {
  return `${user}/${dataset}`
}

/** Reads `<user>/<dataset>`, or `<dataset>` of the default user. Throws NameInvalid. */
export function parseModel(text: string): ModelName {
  const parts = text.split('/')
  if (parts.length > 2) {
    throw new MillraceError(
      'NameInvalid',
      `a model is named <user>/<dataset>; found ${quote(text)}`,
    )
  }
  const [user, dataset] = parts.length === 2 ? parts : [defaultUser, parts[0]]
  return { user: checkName('user', user), dataset: checkName('dataset', dataset) }
}

export type UploadFormat = 'npy' | 'csv'

/**
 * Reads `uploads/<user>/<dataset>.npy`, or `uploads/<dataset>.npy` of the default user; `.csv` alike.
 * Throws NameInvalid for any other key.
 */
export function parseUploadKey(key: string): ModelName & { format: UploadFormat } {
  const [, path, format] = /^uploads\/(.*)\.(npy|csv)$/s.exec(key) ?? []
  if (path === undefined) {
    throw new MillraceError(
      'NameInvalid',
      `an upload's key is uploads/<user>/<dataset>.npy (or .csv); found ${quote(key)}`,
    )
  }
  return { ...parseModel(path), format: format as UploadFormat }
}

export function uploadKey(model: ModelName, format: UploadFormat): string {
  return `uploads/${formatModel(model)}.${format}`
}

/** Where rows are uploaded that a model is to predict once: no upload of them starts a training. */
export function inputKey(model: ModelName, id: string, format: UploadFormat): string {
  return `inputs/${formatModel(model)}/${id}.${format}`
}

/** Reads `inputs/<user>/<dataset>/<id>.npy` (or `.csv`). Throws NameInvalid for any other key. */
export function parseInputKey(key: string): ModelName & { format: UploadFormat } {
  const [, path, format] =
    /^inputs\/([^/]*\/[^/]*)\/[A-Za-z0-9_-]{1,64}\.(npy|csv)$/s.exec(key) ?? []
  if (path === undefined) {
    throw new MillraceError(
      'NameInvalid',
      `the key of an input is inputs/<user>/<dataset>/<id>.npy (or .csv); found ${quote(key)}`,
    )
  }
  return { ...parseModel(path), format: format as UploadFormat }
}

/** A version of a dataset as one object. */
export function datasetKey(dataset: ModelName, version: number): string {
  return `${datasetFolder(dataset)}/${version}.csv`
}

/** Where a dataset keeps what is not uploaded. */
export function datasetFolder(dataset: ModelName): string {
  return `datasets/${formatModel(dataset)}`
}

/** Where one training keeps its files. */
export function trainingFolder(training: {
  readonly model: ModelName
  readonly trainingId: string
}): string {
  return `models/${formatModel(training.model)}/${training.trainingId}`
}

/**
 * Reads `datasets/<user>/<dataset>/<version>.csv`, the key of a version as one object. Throws
 * NameInvalid for any other key.
 */
export function parseDatasetKey(key: string): ModelName & { version: number } {
  const [, path, version] = /^datasets\/([^/]*\/[^/]*)\/(0|[1-9]\d{0,9})\.csv$/s.exec(key) ?? []
  if (path === undefined) {
    throw new MillraceError(
      'NameInvalid',
      `the key of a dataset's version is datasets/<user>/<dataset>/<version>.csv; found ${quote(key)}`,
    )
  }
  return { ...parseModel(path), version: Number(version) }
}

/** The dataset that an object was uploaded to, or is a version of; null for another object. */
export function datasetOfKey(key: string): ModelName | null {
  try {
    const { user, dataset } = key.startsWith('datasets/')
      ? parseDatasetKey(key)
      : parseUploadKey(key)
    return { user, dataset }
  } catch (error) {
    if (isMillraceError(error, 'NameInvalid')) return null
    throw error
  }
}

function checkName(kind: string, name: string | undefined): string {
  const result = nameSchema.safeParse(name)
  if (!result.success) {
    throw new MillraceError('NameInvalid', `${kind} ${quote(name ?? '')}: ${nameRule}`)
  }
  return result.data
}

function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}
