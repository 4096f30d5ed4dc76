import * as z from 'zod'
import { MillraceError } from '../platform/ports/index.ts'

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
