import { MillraceError, type Item, type Write } from '../platform/ports/index.ts'
import { formatModel, type ModelName } from './names.ts'
import type {
  Evaluation,
  MetricName,
  ObjectReference,
  SplitRule,
  TrainedCandidate,
  TrainingClaim,
} from './shapes.ts'
import { asJson, ordinal } from './table-items.ts'

/** What the table knows of models: how their items are keyed, written and read. */

export interface ModelVersion {
  readonly model: string
  readonly version: number
  readonly algorithm: string
  readonly artifact: ObjectReference
  readonly metrics: Evaluation['metrics']
  readonly crossValidation: Evaluation['crossValidation']
  readonly candidates: readonly TrainedCandidate[]
  readonly leftOut: Evaluation['leftOut']
  /** Which rows were held out; unknown of versions from before it could be chosen: a quarter. */
  readonly split?: SplitRule
  /** What it was chosen and let pass by; unknown of such versions: the usual one of its task. */
  readonly metric?: MetricName
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

export interface ModelHead {
  /** The number that the next version gets. */
  readonly nextVersion: number
  /** The first version since the model was deleted last; 0 when it never was. */
  readonly firstVersion: number
  /** ISO 8601 time; null while there is such a model. */
  readonly deletedAt: string | null
}

/** The table's partition of a model. */
export function modelPartition(model: ModelName): string {
  return `model#${formatModel(model)}`
}

export const modelHeadKey = 'model'

/** Where all models are listed. */
export const modelList = 'models'

export function versionKey(version: number): string {
  return `version#${ordinal(version)}`
}

export function annotationKey(version: number, name: string): string {
  return `annotation#${ordinal(version)}#${name}`
}

/** The version that a training made. */
export function trainingKey(trainingId: string): string {
  return `training#${trainingId}`
}

export function headOf(item: Item): ModelHead {
  return {
    nextVersion: item['nextVersion'] as number,
    firstVersion: (item['firstVersion'] as number | undefined) ?? 0,
    deletedAt: (item['deletedAt'] as string | undefined) ?? null,
  }
}

/** The first version of the model that what is trained now is for. */
export function firstVersionOf(head: ModelHead | undefined): number {
  if (head === undefined) return 0
  return head.deletedAt === null ? head.firstVersion : head.nextVersion
}

export function versionOf(item: Item): ModelVersion {
  return item['record'] as unknown as ModelVersion
}

/** A model as a whole, as it is kept: what is 0 or null is left out. */
export function headItem(model: ModelName, { nextVersion, firstVersion, deletedAt }: ModelHead) {
  return {
    pk: modelPartition(model),
    sk: modelHeadKey,
    nextVersion,
    ...(firstVersion === 0 ? {} : { firstVersion }),
    ...(deletedAt === null ? {} : { deletedAt }),
  }
}

export function versionWrite(model: ModelName, record: ModelVersion): Write {
  const sk = versionKey(record.version)
  return { put: { pk: modelPartition(model), sk, record: asJson(record) }, if: 'absent' }
}

export function modelDeleted(model: ModelName, { deletedAt }: ModelHead): MillraceError {
  const when = deletedAt === null ? 'before the present one was trained' : `at ${deletedAt}`
  return new MillraceError('ModelDeleted', `the model ${formatModel(model)} was deleted ${when}`)
}

/** What finds a model and its versions. */
export interface VersionLookup {
  /** What there is of a model as a whole; undefined when nothing was ever registered. */
  head(model: ModelName): Promise<ModelHead | undefined>
  /** Also of a deleted model, which its predictions name. Throws ModelNotFound. */
  version(model: ModelName, version: number): Promise<ModelVersion>
}

/** A model that is there. Throws ModelNotFound, ModelDeleted. */
export async function requireHead(
  registry: Pick<VersionLookup, 'head'>,
  model: ModelName,
): Promise<ModelHead> {
  const head = await registry.head(model)
  if (head === undefined) {
    throw new MillraceError('ModelNotFound', `there is no model ${formatModel(model)}`)
  }
  if (head.deletedAt !== null) throw modelDeleted(model, head)
  return head
}

/** A version of a model that is there. Throws ModelNotFound, ModelDeleted. */
export async function requireVersion(
  registry: VersionLookup,
  model: ModelName,
  version: number,
): Promise<ModelVersion> {
  const [head, found] = await Promise.all([registry.head(model), registry.version(model, version)])
  if (head !== undefined && (head.deletedAt !== null || version < head.firstVersion)) {
    throw modelDeleted(model, head)
  }
  return found
}
