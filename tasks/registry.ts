import {
  MillraceError,
  type Clock,
  type Json,
  type PageOptions,
  type Table,
} from '../platform/ports/index.ts'
import { dependentWrites } from './dataset-dependents.ts'
import {
  annotationKey,
  firstVersionOf,
  headItem,
  headOf,
  modelDeleted,
  modelHeadKey,
  modelList,
  modelPartition,
  trainingKey,
  versionKey,
  versionOf,
  versionWrite,
  type ModelVersion,
  type VersionLookup,
} from './model-records.ts'
import { formatModel, parseModel, type ModelName } from './names.ts'
import { createPromotions, type Promotions } from './promotions.ts'
import type { Evaluation, TrainingClaim } from './shapes.ts'
import { asJson, attempt } from './table-items.ts'

export { modelDeleted, requireHead, requireVersion } from './model-records.ts'
export type { ModelHead, ModelVersion } from './model-records.ts'

/**
 * The registry of model versions. Versions are integers from 0 and never change; aliases
 * (`champion`, `challenger`, `previous`) move by compare-and-swap and keep their history.
 */
export interface Registry extends VersionLookup, Promotions {
  /**
   * Registers what a training made. The same training always gets the same version. Throws ModelDeleted
   * where the model was deleted after the training had begun.
   */
  register(registration: Registration): Promise<{ version: number; created: boolean }>
  /** The newest first. */
  versions(
    model: ModelName,
    options?: PageOptions,
  ): Promise<{ versions: ModelVersion[]; cursor?: string }>
  /** In order of their names; of one user, or of all. */
  models(
    options?: PageOptions & { user?: string | undefined },
  ): Promise<{ models: ModelName[]; cursor?: string }>
  /** Adds a finding about a version (drift, the gate's decision) beside it. Idempotent by name. */
  annotate(model: ModelName, version: number, name: string, finding: object): Promise<void>
  annotation(model: ModelName, version: number, name: string): Promise<Json | undefined>
}

export interface Registration {
  readonly claim: TrainingClaim
  readonly evaluation: Evaluation
}

export function createRegistry(table: Table, clock: Clock): Registry {
  const now = () => new Date(clock.now()).toISOString()

  const versions: Omit<Registry, keyof Promotions> = {
    async head(model) {
      const item = await table.get(modelPartition(model), modelHeadKey)
      return item === undefined ? undefined : headOf(item)
    },

    async register({ claim, evaluation }) {
      const model = formatModel(claim.model)
      const pk = modelPartition(claim.model)
      // Only registrations of other trainings of this model can intervene; each round of a loser
      // is a success of another.
      for (let round = 0; round < 100; round++) {
        const item = await table.get(pk, modelHeadKey)
        const head = item === undefined ? undefined : headOf(item)
        const made = await table.get(pk, trainingKey(claim.trainingId))
        // Of a model that was deleted since, it says nothing any more.
        const isThere = head?.deletedAt === null && Number(made?.['version']) >= head.firstVersion
        if (made !== undefined && isThere) {
          return { version: made['version'] as number, created: false }
        }
        const version = head?.nextVersion ?? 0
        const firstVersion = firstVersionOf(head)
        if (head !== undefined && (claim.firstVersion ?? firstVersion) !== firstVersion) {
          throw modelDeleted(claim.model, head)
        }
        const record: ModelVersion = {
          model,
          version,
          algorithm: evaluation.algorithm,
          artifact: evaluation.artifact,
          metrics: evaluation.metrics,
          crossValidation: evaluation.crossValidation,
          candidates: evaluation.candidates,
          leftOut: evaluation.leftOut,
          split: evaluation.split,
          metric: evaluation.decision.metric,
          source: claim.source,
          sequencer: claim.sequencer,
          sidecar: claim.sidecar,
          trainingId: claim.trainingId,
          execution: claim.execution,
          registeredAt: now(),
        }
        const next = { nextVersion: version + 1, firstVersion, deletedAt: null }
        const registered = table.transact([
          {
            put: headItem(claim.model, next),
            // A removal at this moment leaves the number as it is.
            if: head === undefined ? 'absent' : { nextVersion: version, deletedAt: head.deletedAt },
          },
          versionWrite(claim.model, record),
          {
            put: { pk, sk: trainingKey(claim.trainingId), version },
            if: made === undefined ? 'absent' : { version: made['version'] as number },
          },
          { put: { pk: modelList, sk: model } },
          ...dependentWrites(claim.source.key, claim.model, version),
        ])
        if (await attempt(registered)) return { version, created: true }
      }
      throw new MillraceError(
        'StorageFailed',
        `${model}: a hundred registrations in a row collided`,
      )
    },

    async version(model, version) {
      const item = await table.get(modelPartition(model), versionKey(version))
      if (item === undefined) {
        throw new MillraceError(
          'ModelNotFound',
          `there is no version ${version} of a model ${formatModel(model)}`,
        )
      }
      return versionOf(item)
    },

    async versions(model, options) {
      const asked = { ...options, prefix: 'version#', descending: true }
      const page = await table.query(modelPartition(model), asked)
      return { versions: page.items.map(versionOf), cursor: page.cursor }
    },

    async models({ user, cursor, limit } = {}) {
      const prefix = user === undefined ? undefined : `${user}/`
      const page = await table.query(modelList, { prefix, cursor, limit })
      return { models: page.items.map((item) => parseModel(item.sk)), cursor: page.cursor }
    },

    async annotate(model, version, name, finding) {
      await table.put({
        pk: modelPartition(model),
        sk: annotationKey(version, name),
        finding: asJson(finding),
      })
    },

    async annotation(model, version, name) {
      return (await table.get(modelPartition(model), annotationKey(version, name)))?.['finding']
    },
  }
  return { ...versions, ...createPromotions(table, clock, versions) }
}
