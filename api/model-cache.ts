import {
  isMillraceError,
  MillraceError,
  type Clock,
  type Logger,
  type Objects,
} from '../platform/ports/index.ts'
import type { AliasName } from '../tasks/aliases.ts'
import { BoundedMap } from '../tasks/bounded-map.ts'
import { loadModel, type LoadedModel } from '../tasks/model-artifact.ts'
import { formatModel, parseModel, type ModelName } from '../tasks/names.ts'
import { modelDeleted, type Registry } from '../tasks/registry.ts'
import { Followed } from './followed.ts'

/** Versions kept in memory; the one used longest ago goes first. */
const maxVersions = 64

export interface ServedModel {
  /** `<user>/<dataset>` */
  readonly name: string
  readonly of: ModelName
  readonly version: number
  readonly model: LoadedModel
}

/**
 * The models that answer predictions, kept in memory. A request never waits for a promotion: the
 * version in memory answers while its successor loads, and the successor answers from then on, within
 * `followedMaxAge` and the time to load it.
 *
 * Throws ModelNotFound, ModelDeleted, ModelFileInvalid.
 */
export interface ModelCache {
  /** What an alias names: `champion` is what answers when nothing else is asked for. */
  alias(model: ModelName, alias: AliasName): ServedModel | Promise<ServedModel>
  /** The champion of the model that this user promoted last. */
  lastPromoted(user: string): ServedModel | Promise<ServedModel>
  version(model: ModelName, version: number): Promise<ServedModel>
  /** An alias of the model moved, or the model was removed: what is known of it is read again. */
  invalidate(model: ModelName): void
}

export interface ModelCacheOptions {
  /**
   * How old the knowledge of what serves may be, in milliseconds, before a request waits for it to be
   * read again. Matters where nothing is read behind requests. @default Infinity
   */
  readonly maxAge?: number
  /** Told of every model that is invalidated, for caches in other processes. @default nobody is told */
  readonly onInvalidate?: (model: ModelName) => void
}

/** For a process that is frozen between requests, as a Lambda function is. */
export const frozenBetweenRequests: ModelCacheOptions = { maxAge: 5000 }

export function createModelCache(
  registry: Registry,
  { objects, clock, logger }: { objects: Pick<Objects, 'read'>; clock: Clock; logger: Logger },
  options: ModelCacheOptions = {},
): ModelCache {
  const versions = new BoundedMap<string, Promise<ServedModel>>(maxVersions)
  const onError = (key: string, error: unknown) =>
    logger.warn('what serves could not be read again; what is in memory goes on', {
      model: key,
      error: String(error),
    })
  const isGone = (error: unknown) =>
    isMillraceError(error, 'ModelNotFound') || isMillraceError(error, 'ModelDeleted')
  const following = { ...options, clock, onError, isGone }
  const named = new Followed({ ...following, read: readNamed })
  const newest = new Followed({ ...following, read: readLastPromoted })
  const heads = new Followed({ ...following, read: (key) => registry.head(modelIn(key)) })

  return {
    alias: (model, alias) => named.get(aliasKey(model, alias)),
    lastPromoted: (user) => newest.get(userKey(user)),
    async version(model, version) {
      const head = await heads.get(headKey(model))
      if (head !== undefined && (head.deletedAt !== null || version < head.firstVersion)) {
        throw modelDeleted(model, head)
      }
      return loaded(model, version)
    },
    invalidate(model) {
      named.invalidate(aliasKey(model, ''))
      newest.invalidate(userKey(model.user))
      heads.invalidate(headKey(model))
      options.onInvalidate?.(model)
    },
  }

  async function readNamed(key: string): Promise<ServedModel> {
    const model = modelIn(key)
    const name = formatModel(model)
    const alias = key.slice(aliasKey(model, '').length)
    const found = await registry.alias(model, alias)
    if (found !== undefined) return loaded(model, found.version)
    const head = await registry.head(model)
    if (head !== undefined && head.deletedAt !== null) throw modelDeleted(model, head)
    throw new MillraceError(
      'ModelNotFound',
      alias === 'champion'
        ? `no model ${name} has been promoted; upload uploads/${name}.npy to train one`
        : `the model ${name} has no alias ${alias}`,
    )
  }

  async function readLastPromoted(key: string): Promise<ServedModel> {
    const user = key.slice(0, -1)
    const model = await registry.lastPromoted(user)
    if (model === undefined) {
      throw new MillraceError(
        'ModelNotFound',
        `user ${user} has no model; upload uploads/${user}/<dataset>.npy to train one`,
      )
    }
    return readNamed(aliasKey(model, 'champion'))
  }

  function loaded(model: ModelName, version: number): Promise<ServedModel> {
    const key = `${formatModel(model)}@${version}`
    const present = versions.get(key)
    const served = present ?? load(model, version)
    // What is used is set again: the one used longest ago goes first.
    versions.set(key, served)
    if (present === undefined) served.catch(() => versions.delete(key))
    return served
  }

  async function load(model: ModelName, version: number): Promise<ServedModel> {
    const { artifact } = await registry.version(model, version)
    return {
      name: formatModel(model),
      of: model,
      version,
      model: await loadModel(objects, artifact),
    }
  }
}

// No name has an "@", and what a key begins with ends in one: it is that of no other name.
function userKey(user: string): string {
  return `${user}@`
}

function headKey(model: ModelName): string {
  return `${formatModel(model)}@`
}

function modelIn(key: string): ModelName {
  return parseModel(key.slice(0, key.indexOf('@')))
}

function aliasKey(model: ModelName, alias: AliasName): string {
  return `${formatModel(model)}@${alias}`
}
