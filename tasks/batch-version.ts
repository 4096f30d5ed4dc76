import { MillraceError } from '../platform/ports/index.ts'
import type { AliasName } from './aliases.ts'
import { formatModel, type ModelName } from './names.ts'
import { requireVersion, type ModelVersion, type Registry } from './registry.ts'

/**
 * The version that is to predict: the one named, or what an alias names, which are the same one where
 * both are given. Throws ModelNotFound, ModelDeleted.
 */
export async function versionAsked(
  registry: Registry,
  model: ModelName,
  asked: { readonly version?: number | undefined; readonly alias?: AliasName | undefined },
): Promise<ModelVersion> {
  const { version, alias = version === undefined ? 'champion' : undefined } = asked
  if (alias === undefined) return requireVersion(registry, model, version!)
  const named = await registry.alias(model, alias)
  if (named === undefined || (version !== undefined && named.version !== version)) {
    const what = named === undefined ? 'has no alias' : `names version ${named.version} by`
    throw new MillraceError('ModelNotFound', `the model ${formatModel(model)} ${what} ${alias}`)
  }
  return requireVersion(registry, model, named.version)
}
