import { compareSequencers } from '../events/index.ts'
import {
  MillraceError,
  pages,
  type Clock,
  type Item,
  type Table,
  type Write,
} from '../platform/ports/index.ts'
import {
  aliasKey,
  aliasMove,
  aliasOf,
  moveOf,
  movesPrefix,
  type Alias,
  type AliasMove,
  type AliasName,
} from './aliases.ts'
import {
  modelHeadKey,
  modelPartition,
  requireVersion,
  type ModelHead,
  type VersionLookup,
} from './model-records.ts'
import { formatModel, parseModel, type ModelName } from './names.ts'
import { attempt } from './table-items.ts'

/** The aliases of models, which move by compare-and-swap and keep their history. */
export interface Promotions {
  alias(model: ModelName, alias: AliasName): Promise<Alias | undefined>
  aliases(model: ModelName): Promise<Alias[]>
  /** Every move of an alias, the oldest first. */
  aliasHistory(model: ModelName, alias: AliasName): Promise<AliasMove[]>
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
    /** See Alias. */
    readonly movedBy: string
    readonly reason: string
  }): Promise<{ alias: Alias; from: number | null }>
  /** Names a version that was not promoted as the challenger, unless a newer one is there. */
  challenge(model: ModelName, version: number, execution: string): Promise<void>
  /** The model of this user that was promoted last. */
  lastPromoted(user: string): Promise<ModelName | undefined>
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

/** Moves that may come between before one gives up. */
const maxRounds = 100

export function createPromotions(table: Table, clock: Clock, versions: VersionLookup): Promotions {
  const now = () => new Date(clock.now()).toISOString()

  const promotions: Promotions = {
    async alias(model, alias) {
      const item = await table.get(modelPartition(model), aliasKey(alias))
      return item === undefined ? undefined : aliasOf(item)
    },

    async aliases(model) {
      return (await allOf(modelPartition(model), aliasKey(''))).map(aliasOf)
    },

    async aliasHistory(model, alias) {
      return (await allOf(modelPartition(model), movesPrefix(alias))).map(moveOf)
    },

    async promote({ model, version, championSeen, execution, reason }) {
      const pk = modelPartition(model)
      for (let round = 0; round < maxRounds; round++) {
        const head = await versions.head(model)
        // Deleted while it was trained.
        if (head?.deletedAt !== null || version < head.firstVersion) {
          return { outcome: 'champion-moved', champion: null }
        }
        const champion = await table.get(pk, aliasKey('champion'))
        const current = champion === undefined ? null : aliasOf(champion).version
        // A task that runs twice finds its own work done.
        if (current === version) {
          return { outcome: 'promoted', previous: (await lastMove(pk, 'champion'))?.from ?? null }
        }
        if (current !== null) {
          const mine = (await versions.version(model, version)).sequencer
          const theirs = (await versions.version(model, current)).sequencer
          if (compareSequencers(mine, theirs) < 0)
            return { outcome: 'superseded', champion: current }
        }
        if (current !== championSeen) return { outcome: 'champion-moved', champion: current }
        const moved = { to: version, movedBy: execution, reason, at: now() }
        const writes = [isLive(pk, head), ...(await championMoves(model, champion, moved))]
        if (await attempt(table.transact(writes))) {
          return { outcome: 'promoted', previous: current }
        }
      }
      throw new MillraceError('StorageFailed', `${formatModel(model)}: a hundred moves collided`)
    },

    async moveAlias({ model, alias, version, ifRevision, movedBy, reason }) {
      await requireVersion(versions, model, version)
      const pk = modelPartition(model)
      const head = (await versions.head(model))!
      const item = await table.get(pk, aliasKey(alias))
      const from = item === undefined ? null : aliasOf(item)
      if ((from?.revision ?? null) !== ifRevision) throw aliasChanged(model, alias, from)
      const moved = { to: version, movedBy, reason, at: now() }
      const moves =
        alias === 'champion'
          ? await championMoves(model, item, moved)
          : aliasMove(pk, alias, item, moved)
      if (!(await attempt(table.transact([isLive(pk, head), ...moves])))) {
        await requireVersion(versions, model, version)
        throw aliasChanged(model, alias, (await promotions.alias(model, alias)) ?? null)
      }
      const revision = from === null ? 0 : from.revision + 1
      return {
        from: from?.version ?? null,
        alias: { alias, version, movedBy, since: moved.at, revision },
      }
    },

    async challenge(model, version, execution) {
      const pk = modelPartition(model)
      const head = await versions.head(model)
      if (head?.deletedAt !== null || version < head.firstVersion) return
      const challenger = await table.get(pk, aliasKey('challenger'))
      if (challenger !== undefined && aliasOf(challenger).version >= version) return
      const reason = 'registered, not promoted'
      const moved = { to: version, movedBy: execution, reason, at: now() }
      const moves = aliasMove(pk, 'challenger', challenger, moved)
      // Else another version took its place in the meantime, which is what the alias is for, or the
      // model went.
      await attempt(table.transact([isLive(pk, head), ...moves]))
    },

    async lastPromoted(user) {
      const item = await table.get(`user#${user}`, 'last-promoted')
      return item === undefined ? undefined : parseModel(item['model'] as string)
    },
  }
  return promotions

  /** The writes that make a version the champion, and the one before it `previous`. */
  async function championMoves(
    model: ModelName,
    champion: Item | undefined,
    moved: Omit<AliasMove, 'from'>,
  ): Promise<Write[]> {
    const pk = modelPartition(model)
    const moves = aliasMove(pk, 'champion', champion, moved)
    if (champion !== undefined) {
      const previous = await table.get(pk, aliasKey('previous'))
      const former = aliasOf(champion).version
      moves.push(...aliasMove(pk, 'previous', previous, { ...moved, to: former }))
    }
    const name = formatModel(model)
    return [...moves, { put: { pk: `user#${model.user}`, sk: 'last-promoted', model: name } }]
  }

  async function lastMove(pk: string, alias: AliasName): Promise<AliasMove | undefined> {
    const newest = { prefix: movesPrefix(alias), descending: true, limit: 1 }
    const [item] = (await table.query(pk, newest)).items
    return item === undefined ? undefined : moveOf(item)
  }

  async function allOf(pk: string, prefix: string): Promise<Item[]> {
    const found: Item[] = []
    const ask = (cursor?: string) => table.query(pk, { prefix, limit: 1000, cursor })
    for await (const { items } of pages(ask)) found.push(...items)
    return found
  }
}

/** Nothing moves of a model that is deleted in the meantime, or that is another one since. */
function isLive(pk: string, { firstVersion }: ModelHead): Write {
  const condition = { deletedAt: null, firstVersion: firstVersion === 0 ? null : firstVersion }
  return { check: { pk, sk: modelHeadKey }, if: condition }
}

function aliasChanged(model: ModelName, alias: AliasName, at: Alias | null) {
  const found =
    at === null ? 'is not there' : `is at revision ${at.revision}, version ${at.version}`
  return new MillraceError(
    'AliasChanged',
    `the alias ${alias} of ${formatModel(model)} ${found}: look at what it names now, then ask again`,
  )
}
