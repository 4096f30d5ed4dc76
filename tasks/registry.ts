import {
  isMillraceError,
  MillraceError,
  type Clock,
  type Item,
  type Json,
  type Table,
  type Write,
} from '../platform/ports/index.ts'
import { compareSequencers } from '../events/index.ts'
import {
  aliasMove,
  aliasOf,
  asJson,
  ordinal,
  partition,
  type Alias,
  type AliasMove,
  type AliasName,
} from './aliases.ts'
import { dependentWrites } from './dataset-dependents.ts'
import { formatModel, parseModel, type ModelName } from './names.ts'
import type { ObjectReference, TrainedCandidate, Evaluation, TrainingClaim } from './shapes.ts'

/**
 * The registry of model versions. Versions are integers from 0 and never change; aliases
 * (`champion`, `challenger`, `previous`) move by compare-and-swap and keep their history.
 */
export interface Registry {
  /** What there is of a model as a whole; undefined when nothing was ever registered. */
  head(model: ModelName): Promise<ModelHead | undefined>
  /** Registers what a training made. The same training always gets the same version. */
  register(registration: Registration): Promise<{ version: number; created: boolean }>
  /** Also of a deleted model, which its predictions name. Throws ModelNotFound. */
  version(model: ModelName, version: number): Promise<ModelVersion>
  /** The newest first. */
  versions(
    model: ModelName,
    options?: { cursor?: string; limit?: number },
  ): Promise<{ versions: ModelVersion[]; cursor?: string }>
  /** In order of their names; of one user, or of all. */
  models(options?: {
    user?: string | undefined
    cursor?: string
    limit?: number
  }): Promise<{ models: ModelName[]; cursor?: string }>
  alias(model: ModelName, alias: AliasName): Promise<Alias | undefined>
  aliases(model: ModelName): Promise<Alias[]>
  /** Every move of an alias, the oldest first. */
  aliasHistory(model: ModelName, alias: AliasName): Promise<AliasMove[]>
  /** Adds a finding about a version (drift, the gate's decision) beside it. Idempotent by name. */
  annotate(model: ModelName, version: number, name: string, finding: object): Promise<void>
  annotation(model: ModelName, version: number, name: string): Promise<Json | undefined>
  /**
   * Makes a version the champion, if the champion is still the one that the decision was made
   * against and no newer upload of the dataset was promoted before.
   */
  promote(promotion: Promotion): Promise<PromotionResult>
  /**
   * Moves an alias by hand; of `champion` also `previous`, as a promotion does. Throws AliasChanged
   * unless it is at the revision named (null: not there), ModelNotFound, ModelDeleted.
   */
  moveAlias(move: {
    readonly model: ModelName
    readonly alias: AliasName
    readonly version: number
    readonly ifRevision: number | null
    /** Who moves it. */
    readonly execution: string
    readonly reason: string
  }): Promise<{ alias: Alias; from: number | null }>
  /** Names a version that was not promoted as the challenger, unless a newer one is there. */
  challenge(model: ModelName, version: number, execution: string): Promise<void>
  /** The model of this user that was promoted last. */
  lastPromoted(user: string): Promise<ModelName | undefined>
}

export interface ModelHead {
  /** The number that the next version gets. */
  readonly nextVersion: number
  /** The first version since the model was deleted last; 0 when it never was. */
  readonly firstVersion: number
  /** ISO 8601 time; null while there is such a model. */
  readonly deletedAt: string | null
}

export interface Registration {
  readonly claim: TrainingClaim
  readonly evaluation: Evaluation
}

export interface ModelVersion {
  readonly model: string
  readonly version: number
  readonly algorithm: string
  readonly artifact: ObjectReference
  readonly metrics: Evaluation['metrics']
  readonly crossValidation: Evaluation['crossValidation']
  readonly candidates: readonly TrainedCandidate[]
  readonly leftOut: Evaluation['leftOut']
  /** The uploaded bytes it learned from. */
  readonly source: ObjectReference
  readonly sequencer: string
  /** Where the uploader's configuration is; null when in the metadata of `source`, if at all. */
  readonly sidecar: TrainingClaim['sidecar']
  readonly trainingId: string
  readonly execution: string
  /** ISO 8601 time. */
  readonly registeredAt: string
}

export interface Promotion {
  readonly model: ModelName
  readonly version: number
  /** The champion that the decision was made against; null for none. */
  readonly championSeen: number | null
  readonly execution: string
  readonly reason: string
}

export type PromotionResult =
  | { readonly outcome: 'promoted'; readonly previous: number | null }
  | { readonly outcome: 'superseded'; readonly champion: number }
  | { readonly outcome: 'champion-moved'; readonly champion: number | null }

export function createRegistry(table: Table, clock: Clock): Registry {
  const now = () => new Date(clock.now()).toISOString()

  const registry: Registry = {
    async head(model) {
      const item = await table.get(partition(model), 'model')
      return item === undefined ? undefined : headOf(item)
    },

    async register({ claim, evaluation }) {
      const model = formatModel(claim.model)
      const pk = partition(claim.model)
      // Only registrations of other trainings of this model can intervene; each round of a loser
      // is a success of another.
      for (let round = 0; round < 100; round++) {
        const item = await table.get(pk, 'model')
        const head = item === undefined ? undefined : headOf(item)
        const made = await table.get(pk, `training#${claim.trainingId}`)
        // Of a model that was deleted since, it says nothing any more.
        const isThere = head?.deletedAt === null && Number(made?.['version']) >= head.firstVersion
        if (made !== undefined && isThere) {
          return { version: made['version'] as number, created: false }
        }
        const version = head?.nextVersion ?? 0
        const firstVersion =
          (head?.deletedAt ?? null) === null ? (head?.firstVersion ?? 0) : version
        const record: ModelVersion = {
          model,
          version,
          algorithm: evaluation.algorithm,
          artifact: evaluation.artifact,
          metrics: evaluation.metrics,
          crossValidation: evaluation.crossValidation,
          candidates: evaluation.candidates,
          leftOut: evaluation.leftOut,
          source: claim.source,
          sequencer: claim.sequencer,
          sidecar: claim.sidecar,
          trainingId: claim.trainingId,
          execution: claim.execution,
          registeredAt: now(),
        }
        try {
          await table.transact([
            {
              put: headItem(claim.model, {
                nextVersion: version + 1,
                firstVersion,
                deletedAt: null,
              }),
              // A removal at this moment leaves the number as it is.
              if:
                head === undefined ? 'absent' : { nextVersion: version, deletedAt: head.deletedAt },
            },
            { put: { pk, sk: versionKey(version), record: asJson(record) }, if: 'absent' },
            {
              put: { pk, sk: `training#${claim.trainingId}`, version },
              if: made === undefined ? 'absent' : { version: made['version'] as number },
            },
            { put: { pk: 'models', sk: model } },
            ...dependentWrites(claim.source.key, claim.model, version),
          ])
          return { version, created: true }
        } catch (error) {
          if (!isMillraceError(error, 'ConditionFailed')) throw error
        }
      }
      throw new MillraceError(
        'StorageFailed',
        `${model}: a hundred registrations in a row collided`,
      )
    },

    async version(model, version) {
      const item = await table.get(partition(model), versionKey(version))
      if (item === undefined) {
        throw new MillraceError(
          'ModelNotFound',
          `there is no version ${version} of a model ${formatModel(model)}`,
        )
      }
      return versionOf(item)
    },

    async versions(model, options = {}) {
      const page = await table.query(partition(model), {
        prefix: 'version#',
        descending: true,
        ...options,
      })
      return {
        versions: page.items.map(versionOf),
        ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
      }
    },

    async models({ user, ...options } = {}) {
      const prefix = user === undefined ? {} : { prefix: `${user}/` }
      const page = await table.query('models', { ...options, ...prefix })
      return {
        models: page.items.map((item) => parseModel(item.sk)),
        ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
      }
    },

    async alias(model, alias) {
      const item = await table.get(partition(model), `alias#${alias}`)
      return item === undefined ? undefined : aliasOf(item)
    },

    async aliases(model) {
      const { items } = await table.query(partition(model), { prefix: 'alias#', limit: 1000 })
      return items.map(aliasOf)
    },

    async aliasHistory(model, alias) {
      const { items } = await table.query(partition(model), {
        prefix: `move#${alias}#`,
        limit: 1000,
      })
      return items.map((item) => item['move'] as unknown as AliasMove)
    },

    async annotate(model, version, name, finding) {
      await table.put({
        pk: partition(model),
        sk: annotationKey(version, name),
        finding: asJson(finding),
      })
    },

    async annotation(model, version, name) {
      return (await table.get(partition(model), annotationKey(version, name)))?.['finding']
    },

    async promote({ model, version, championSeen, execution, reason }) {
      const pk = partition(model)
      for (let round = 0; round < 100; round++) {
        const head = await registry.head(model)
        // Deleted while it was trained.
        if (head?.deletedAt !== null || version < head.firstVersion) {
          return { outcome: 'champion-moved', champion: null }
        }
        const champion = await table.get(pk, 'alias#champion')
        const current = champion === undefined ? null : aliasOf(champion).version
        // A task that runs twice finds its own work done.
        if (current === version) {
          return { outcome: 'promoted', previous: (await lastMove(pk, 'champion'))?.from ?? null }
        }
        if (current !== null) {
          const mine = (await registry.version(model, version)).sequencer
          const theirs = (await registry.version(model, current)).sequencer
          if (compareSequencers(mine, theirs) < 0)
            return { outcome: 'superseded', champion: current }
        }
        if (current !== championSeen) return { outcome: 'champion-moved', champion: current }
        try {
          const moved = { to: version, execution, reason, at: now() }
          await table.transact([isLive(pk, head), ...(await championMoves(model, champion, moved))])
          return { outcome: 'promoted', previous: current }
        } catch (error) {
          if (!isMillraceError(error, 'ConditionFailed')) throw error
        }
      }
      throw new MillraceError('StorageFailed', `${formatModel(model)}: a hundred moves collided`)
    },

    async moveAlias({ model, alias, version, ifRevision, execution, reason }) {
      await requireVersion(registry, model, version)
      const pk = partition(model)
      const head = (await registry.head(model))!
      const item = await table.get(pk, `alias#${alias}`)
      const from = item === undefined ? null : aliasOf(item)
      if ((from?.revision ?? null) !== ifRevision) throw aliasChanged(model, alias, from)
      const moved = { to: version, execution, reason, at: now() }
      try {
        const moves =
          alias === 'champion'
            ? await championMoves(model, item, moved)
            : aliasMove(pk, alias, item, moved)
        await table.transact([isLive(pk, head), ...moves])
      } catch (error) {
        if (!isMillraceError(error, 'ConditionFailed')) throw error
        await requireVersion(registry, model, version)
        throw aliasChanged(model, alias, (await registry.alias(model, alias)) ?? null)
      }
      return {
        from: from?.version ?? null,
        alias: {
          alias,
          version,
          execution,
          since: moved.at,
          revision: from === null ? 0 : from.revision + 1,
        },
      }
    },

    async challenge(model, version, execution) {
      const pk = partition(model)
      const head = await registry.head(model)
      if (head?.deletedAt !== null || version < head.firstVersion) return
      const challenger = await table.get(pk, 'alias#challenger')
      if (challenger !== undefined && aliasOf(challenger).version >= version) return
      const moved = { to: version, execution, reason: 'registered, not promoted', at: now() }
      try {
        await table.transact([isLive(pk, head), ...aliasMove(pk, 'challenger', challenger, moved)])
      } catch (error) {
        // Another version took its place in the meantime, which is what the alias is for, or the model went.
        if (!isMillraceError(error, 'ConditionFailed')) throw error
      }
    },

    async lastPromoted(user) {
      const item = await table.get(`user#${user}`, 'last-promoted')
      return item === undefined ? undefined : parseModel(item['model'] as string)
    },
  }
  return registry

  /** The writes that make a version the champion, and the one before it `previous`. */
  async function championMoves(
    model: ModelName,
    champion: Item | undefined,
    moved: Omit<AliasMove, 'from'>,
  ): Promise<Write[]> {
    const pk = partition(model)
    const moves = aliasMove(pk, 'champion', champion, moved)
    if (champion !== undefined) {
      const previous = await table.get(pk, 'alias#previous')
      const former = aliasOf(champion).version
      moves.push(...aliasMove(pk, 'previous', previous, { ...moved, to: former }))
    }
    const name = formatModel(model)
    return [...moves, { put: { pk: `user#${model.user}`, sk: 'last-promoted', model: name } }]
  }

  async function lastMove(pk: string, alias: AliasName): Promise<AliasMove | undefined> {
    const newest = { prefix: `move#${alias}#`, descending: true, limit: 1 }
    const [item] = (await table.query(pk, newest)).items
    return item?.['move'] as unknown as AliasMove | undefined
  }
}

/** Throws ModelNotFound, ModelDeleted. */
export async function requireVersion(
  registry: Pick<Registry, 'head' | 'version'>,
  model: ModelName,
  version: number,
): Promise<ModelVersion> {
  const [head, found] = await Promise.all([registry.head(model), registry.version(model, version)])
  if (head !== undefined && (head.deletedAt !== null || version < head.firstVersion)) {
    throw modelDeleted(model, head)
  }
  return found
}

export function modelDeleted(model: ModelName, { deletedAt }: ModelHead): MillraceError {
  const when = deletedAt === null ? 'before the present one was trained' : `at ${deletedAt}`
  return new MillraceError('ModelDeleted', `the model ${formatModel(model)} was deleted ${when}`)
}

function aliasChanged(model: ModelName, alias: AliasName, at: Alias | null) {
  const found =
    at === null ? 'is not there' : `is at revision ${at.revision}, version ${at.version}`
  return new MillraceError(
    'AliasChanged',
    `the alias ${alias} of ${formatModel(model)} ${found}: look at what it names now, then ask again`,
  )
}

/** A model as a whole, as it is kept: what is 0 or null is left out. */
export function headItem(model: ModelName, { nextVersion, firstVersion, deletedAt }: ModelHead) {
  return {
    pk: partition(model),
    sk: 'model',
    nextVersion,
    ...(firstVersion === 0 ? {} : { firstVersion }),
    ...(deletedAt === null ? {} : { deletedAt }),
  }
}

/** Nothing moves of a model that is deleted in the meantime, or that is another one since. */
function isLive(pk: string, { firstVersion }: ModelHead): Write {
  const condition = { deletedAt: null, firstVersion: firstVersion === 0 ? null : firstVersion }
  return { check: { pk, sk: 'model' }, if: condition }
}

function versionKey(version: number): string {
  return `version#${ordinal(version)}`
}

function annotationKey(version: number, name: string): string {
  return `annotation#${ordinal(version)}#${name}`
}

function headOf(item: Item): ModelHead {
  return {
    nextVersion: item['nextVersion'] as number,
    firstVersion: (item['firstVersion'] as number | undefined) ?? 0,
    deletedAt: (item['deletedAt'] as string | undefined) ?? null,
  }
}

function versionOf(item: Item): ModelVersion {
  return item['record'] as unknown as ModelVersion
}
