import type { Clock, Logger, Objects } from '../platform/ports/index.ts'
import { loadModel, type LoadedModel } from '../tasks/model-artifact.ts'
import { formatModel, type ModelName } from '../tasks/names.ts'
import { MillraceError } from '../platform/ports/index.ts'
import type { Registry } from '../tasks/registry.ts'

/** How long an alias may be followed without being read again, in milliseconds. */
export const aliasMaxAge = 1000

/** Versions kept in memory; the one used longest ago goes first. */
const maxVersions = 64

export interface ServedModel {
  readonly version: number
  readonly model: LoadedModel
}

/**
 * The models that answer predictions, kept in memory. A request never waits for a promotion: the
 * version in memory answers while its successor loads, and the successor answers from then on.
 */
export interface ModelCache {
  /** The champion, or the version asked for. Throws ModelNotFound, ModelFileInvalid. */
  get(model: ModelName, version?: number): Promise<ServedModel>
  /** Reads the alias again at the next request (a promotion was told on the bus). */
  invalidate(model: string): void
}

interface Champion {
  served: ServedModel
  readAt: number
  refresh: Promise<void> | undefined
}

export function createModelCache(
  registry: Registry,
  { objects, clock, logger }: { objects: Objects; clock: Clock; logger: Logger },
): ModelCache {
  const champions = new Map<string, Champion>()
  const versions = new Map<string, Promise<ServedModel>>()

  return {
    async get(model, version) {
      if (version !== undefined) return loaded(model, version)
      const name = formatModel(model)
      const champion = champions.get(name)
      if (champion === undefined) return readChampion(model, name)
      if (clock.now() - champion.readAt > aliasMaxAge && champion.refresh === undefined) {
        champion.refresh = readChampion(model, name).then(
          () => undefined,
          (error: unknown) => {
            champion.refresh = undefined
            logger.warn('the champion could not be read again; the one in memory goes on', {
              model: name,
              version: champion.served.version,
              error: String(error),
            })
          },
        )
      }
      return champion.served
    },

    invalidate(model) {
      const champion = champions.get(model)
      if (champion !== undefined) champion.readAt = -Infinity
    },
  }

  async function readChampion(model: ModelName, name: string): Promise<ServedModel> {
    const readAt = clock.now()
    const alias = await registry.alias(model, 'champion')
    if (alias === undefined) {
      throw new MillraceError(
        'ModelNotFound',
        `no model ${name} has been promoted; upload uploads/${name}.npy to train one`,
      )
    }
    const served = await loaded(model, alias.version)
    champions.set(name, { served, readAt, refresh: undefined })
    return served
  }

  function loaded(model: ModelName, version: number): Promise<ServedModel> {
    const key = `${formatModel(model)}@${version}`
    const present = versions.get(key)
    // Taken out and put back: the order of a Map is the order of its use.
    versions.delete(key)
    const served = present ?? load(model, version)
    versions.set(key, served)
    if (present === undefined) {
      served.catch(() => versions.delete(key))
      const oldest = versions.keys().next().value
      if (versions.size > maxVersions && oldest !== undefined) versions.delete(oldest)
    }
    return served
  }

  async function load(model: ModelName, version: number): Promise<ServedModel> {
    const { artifact } = await registry.version(model, version)
    return { version, model: await loadModel(objects, artifact) }
  }
}
