import {
  isMillraceError,
  MillraceError,
  type Clock,
  type Item,
  type Json,
  type Table,
} from '../platform/ports/index.ts'
import { compareSequencers } from '../events/index.ts'
import { formatModel, parseModel, type ModelName } from './names.ts'
import type { ObjectReference, TrainedCandidate, Evaluation, TrainingClaim } from './shapes.ts'

/**
 * The registry of model versions. Versions are integers from 0 and never change; aliases
 * (`champion`, `challenger`, `previous`) move by compare-and-swap and keep their history.
 */
export interface Registry {
  /** Registers what a training made. The same training always gets the same version. */
  register(registration: Registration): Promise<{ version: number; created: boolean }>
  version(model: ModelName, version: number): Promise<ModelVersion>
  /** The newest first. */
  versions(
    model: ModelName,
    options?: { cursor?: string; limit?: number },
  ): Promise<{ versions: ModelVersion[]; cursor?: string }>
  models(options?: {
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
  /** Names a version that was not promoted as the challenger, unless a newer one is there. */
  challenge(model: ModelName, version: number, execution: string): Promise<void>
  /** The model of this user that was promoted last. */
  lastPromoted(user: string): Promise<ModelName | undefined>
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

export type AliasName = 'champion' | 'challenger' | 'previous'

export interface Alias {
  readonly alias: AliasName
  readonly version: number
  readonly execution: string
  /** ISO 8601 time. */
  readonly since: string
  /** Grows by one with every move; what a compare-and-swap compares. */
  readonly revision: number
}

export interface AliasMove {
  readonly from: number | null
  readonly to: number
  readonly execution: string
  readonly reason: string
  readonly at: string
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
    async register({ claim, evaluation }) {
      const model = formatModel(claim.model)
      const pk = partition(claim.model)
      // Only registrations of other trainings of this model can intervene; each round of a loser
      // is a success of another.
      for (let round = 0; round < 100; round++) {
        const made = await table.get(pk, `training#${claim.trainingId}`)
        if (made !== undefined) return { version: made['version'] as number, created: false }
        const head = await table.get(pk, 'model')
        const version = (head?.['nextVersion'] as number | undefined) ?? 0
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
              put: { pk, sk: 'model', nextVersion: version + 1 },
              if: head === undefined ? 'absent' : { nextVersion: version },
            },
            { put: { pk, sk: versionKey(version), record: asJson(record) }, if: 'absent' },
            { put: { pk, sk: `training#${claim.trainingId}`, version }, if: 'absent' },
            { put: { pk: 'models', sk: model } },
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

    async models(options = {}) {
      const page = await table.query('models', options)
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
      const { items } = await table.query(partition(model), { prefix: 'alias#' })
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
        const champion = await table.get(pk, 'alias#champion')
        const current = champion === undefined ? null : aliasOf(champion).version
        // A task that runs twice finds its own work done.
        if (current === version) {
          const moves = await registry.aliasHistory(model, 'champion')
          return { outcome: 'promoted', previous: moves.at(-1)?.from ?? null }
        }
        if (current !== null) {
          const mine = (await registry.version(model, version)).sequencer
          const theirs = (await registry.version(model, current)).sequencer
          if (compareSequencers(mine, theirs) < 0)
            return { outcome: 'superseded', champion: current }
        }
        if (current !== championSeen) return { outcome: 'champion-moved', champion: current }
        const previous = await table.get(pk, 'alias#previous')
        const moved = { to: version, execution, reason, at: now() }
        const moves = aliasMove(pk, 'champion', champion, moved)
        if (current !== null) {
          moves.push(...aliasMove(pk, 'previous', previous, { ...moved, to: current }))
        }
        try {
          await table.transact([
            ...moves,
            {
              put: { pk: `user#${model.user}`, sk: 'last-promoted', model: formatModel(model) },
            },
          ])
          return { outcome: 'promoted', previous: current }
        } catch (error) {
          if (!isMillraceError(error, 'ConditionFailed')) throw error
        }
      }
      throw new MillraceError('StorageFailed', `${formatModel(model)}: a hundred moves collided`)
    },

    async challenge(model, version, execution) {
      const pk = partition(model)
      const challenger = await table.get(pk, 'alias#challenger')
      if (challenger !== undefined && aliasOf(challenger).version >= version) return
      const moved = { to: version, execution, reason: 'registered, not promoted', at: now() }
      try {
        await table.transact(aliasMove(pk, 'challenger', challenger, moved))
      } catch (error) {
        // Another version took its place in the meantime, which is what the alias is for.
        if (!isMillraceError(error, 'ConditionFailed')) throw error
      }
    },

    async lastPromoted(user) {
      const item = await table.get(`user#${user}`, 'last-promoted')
      return item === undefined ? undefined : parseModel(item['model'] as string)
    },
  }
  return registry
}

/** The writes that move an alias from what `item` says, if it still says so, and note the move. */
function aliasMove(
  pk: string,
  alias: AliasName,
  item: Item | undefined,
  move: Omit<AliasMove, 'from'>,
) {
  const from = item === undefined ? null : aliasOf(item)
  const revision = from === null ? 0 : from.revision + 1
  const record: AliasMove = { from: from?.version ?? null, ...move }
  return [
    {
      put: {
        pk,
        sk: `alias#${alias}`,
        alias,
        version: move.to,
        execution: move.execution,
        since: move.at,
        revision,
      },
      if: from === null ? ('absent' as const) : { revision: from.revision },
    },
    {
      put: { pk, sk: `move#${alias}#${ordinal(revision)}`, move: asJson(record) },
      if: 'absent' as const,
    },
  ]
}

function partition(model: ModelName): string {
  return `model#${formatModel(model)}`
}

function versionKey(version: number): string {
  return `version#${ordinal(version)}`
}

function annotationKey(version: number, name: string): string {
  return `annotation#${ordinal(version)}#${name}`
}

/** Fixed width, so that the order of the text is the order of the numbers. */
function ordinal(n: number): string {
  return String(n).padStart(10, '0')
}

function versionOf(item: Item): ModelVersion {
  return item['record'] as unknown as ModelVersion
}

function aliasOf(item: Item): Alias {
  return {
    alias: item['alias'] as AliasName,
    version: item['version'] as number,
    execution: item['execution'] as string,
    since: item['since'] as string,
    revision: item['revision'] as number,
  }
}

function asJson(value: object): Json {
  return value as Json
}
