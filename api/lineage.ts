import * as z from 'zod'
import { isMillraceError } from '../platform/ports/index.ts'
import type { ModelName } from '../tasks/names.ts'
import type { Registry } from '../tasks/registry.ts'
import { objectReference } from '../tasks/shapes.ts'

/** Where the version that answered comes from. */
export const lineage = z
  .object({
    algorithm: z.string(),
    source: objectReference.describe('the uploaded bytes that the version learned from'),
    trainingId: z.string().describe('digest of data, configuration and code'),
    execution: z.string().describe('which trained it'),
    registeredAt: z.string(),
    deleted: z.boolean().describe('whether the model was deleted since'),
  })
  .nullable()
  .describe('of the version that answered; null when it is not on record any more')

/** Null when the version is not on record. */
export async function lineageOf(
  registry: Registry,
  model: ModelName,
  version: number,
): Promise<z.infer<typeof lineage>> {
  try {
    const [found, head] = await Promise.all([
      registry.version(model, version),
      registry.head(model),
    ])
    const { algorithm, source, trainingId, execution, registeredAt } = found
    const isDeleted = head === undefined || head.deletedAt !== null || version < head.firstVersion
    return { algorithm, source, trainingId, execution, registeredAt, deleted: isDeleted }
  } catch (error) {
    if (isMillraceError(error, 'ModelNotFound')) return null
    throw error
  }
}
