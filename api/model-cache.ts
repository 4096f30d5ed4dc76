import { MillraceError, type Clock, type Logger, type Objects } from '../platform/ports/index.ts'
import { loadModel, type LoadedModel } from '../tasks/model-artifact.ts'
import { formatModel, parseModel, type ModelName } from '../tasks/names.ts'
import type { Registry } from '../tasks/registry.ts'
import { Followed } from './followed.ts'

/** Versions kept in memory; the one used longest ago goes first. */
const maxVersions = 64

export interface ServedModel {
  /** `<user>/<dataset>` */
  readonly name: string
  readonly version: number
  readonly model: LoadedModel
}

/**
 * The models that answer predictions, kept in memory. A request never waits for a promotion: the
 * version in memory answers while its successor loads, and the successor answers from then on, within
 * `followedMaxAge` and the time to load it.
 *
 * Throws ModelNotFound, ModelFileInvalid.
 */
export interface ModelCache {
  /** The champion. */
  champion(model: ModelName): ServedModel | Promise<ServedModel>
  /** The champion of the model that this user promoted last. */
  lastPromoted(user: string): ServedModel | Promise<ServedModel>
  version(model: ModelName, version: number): Promise<ServedModel>
  /** A promotion was told: reads again at the next request. */
  invalidate(model: ModelName): void
}

export interface ModelCacheOptions {
  /**
   * How old the knowledge of what serves may be, in milliseconds, before a request waits for it to be
   * read again. Matters where nothing is read behind requests. @default Infinity
   */
  readonly maxAge?: number
}

/** For a process that is frozen between requests, as a Lambda function is. */
export const frozenBetweenRequests: ModelCacheOptions = { maxAge: 5000 }

export function createModelCache(
  registry: Registry,
  { objects, clock, logger }: { objects: Objects; clock: Clock; logger: Logger },
  options: ModelCacheOptions = {},
): ModelCache {
  const versions = new Map<string, Promise<ServedModel>>()
  const onError = (key: string, error: unknown) =>
    logger.warn('what serves could not be read again; what is in memory goes on', {
      model: key,
      error: String(error),
    })
  const champions = new Followed({ ...options, read: readChampion, clock, onError })
  const newest = new Followed({ ...options, read: readLastPromoted, clock, onError })

  return {
    champion: (model) => champions.get(formatModel(model)),
    lastPromoted: (user) => newest.get(user),
    version: loaded,
    invalidate(model) {
      champions.invalidate(formatModel(model))
      newest.invalidate(model.user)
    },
  }

  async function readChampion(name: string): Promise<ServedModel> {
    const model = parseModel(name)
    const alias = await registry.alias(model, 'champion')
    if (alias === undefined) {
      throw new MillraceError(
        'ModelNotFound',
        `no model ${name} has been promoted; upload uploads/${name}.npy to train one`,
      )
    }
    return loaded(model, alias.version)
  }

  async function readLastPromoted(user: string): Promise<ServedModel> {
    const model = await registry.lastPromoted(user)
    if (model === undefined) {
      throw new MillraceError(
        'ModelNotFound',
        `user ${user} has no model; upload uploads/${user}/<dataset>.npy to train one`,
      )
    }
    return readChampion(formatModel(model))
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
    return { name: formatModel(model), version, model: await loadModel(objects, artifact) }
  }
}
