import * as z from 'zod'
import { trainersOf } from '../ml/models/index.ts'
import { isMillraceError, type Objects, type ObjectVersion } from '../platform/ports/index.ts'
import { hyperparameter, learningTask, metricName } from './shapes.ts'

const trainers = new Set(learningTask.options.flatMap((task) => Object.keys(trainersOf(task))))

/** Settings of hyperparameters that are tried of each algorithm, and the most that may be. */
export const defaultTrials = 8
export const maxTrials = 200

/** The share of rows held out of training unless told, and the least and most that may be. */
export const defaultHeldOut = 0.25
export const minHeldOut = 0.05
export const maxHeldOut = 0.5

/**
 * What an uploader may say about a training, in a sidecar (`<key>.json`) or in the object's metadata
 * (`configuration`, the same JSON). The sidecar wins where both are there.
 */
export const trainingConfiguration = z.strictObject({
  /** Default: classification or regression, decided by the target's type. Of clustering, all columns
   * are features. */
  task: learningTask.optional(),
  /** Trainers to race, by their names. Default: chosen by the task and the data's size. */
  algorithms: z
    .array(
      z
        .string()
        .min(1)
        .max(64)
        .meta({ enum: [...trainers] }),
    )
    .min(1)
    .max(16)
    .optional(),
  /** Options of each trainer: `{ "svc": { "C": 10 } }`. */
  hyperparameters: z
    .record(z.string().max(64), z.record(z.string().max(64), hyperparameter))
    .optional(),
  /** Settings of hyperparameters that are tried of each trainer, its defaults first. Default 8. */
  trials: z.number().int().min(1).max(maxTrials).optional(),
  /** What settings, candidates and the champion are compared by. Default: accuracy, RMSE, silhouette. */
  metric: metricName.optional(),
  /** Rows held out of training, by their hash: those of a smaller share are among those of a larger. */
  split: z
    .strictObject({
      heldOut: z
        .number()
        .min(minHeldOut)
        .max(maxHeldOut)
        .default(defaultHeldOut)
        .describe('the share of rows that are held out, on average'),
    })
    .optional(),
  /** Names of the feature columns of a `.npy`, in order. */
  featureNames: z.array(z.string().min(1).max(256)).min(1).max(10_000).optional(),
  /** The target column of a `.csv`. Default: the last one. */
  target: z.string().min(1).max(256).optional(),
  /** Reasons for a rejection that the uploader knows of and accepts. */
  accept: z.array(z.enum(['ConstantColumn', 'DuplicateRows', 'ClassWithOneRow'])).optional(),
  /** Whether the order of the rows is the order in which they happened. Default: no. */
  timeOrder: z.boolean().optional(),
})

export type TrainingConfiguration = z.infer<typeof trainingConfiguration>

export const maxSidecarBytes = 1024 * 1024

/** The object version that holds a configuration beside an upload. */
export type Sidecar = Pick<ObjectVersion, 'bucket' | 'key' | 'versionId' | 'size'>

/**
 * The configuration that belongs to an upload and where it is, or the reasons why what is there is
 * none. Reads the sidecar's current version, or that of a request, which is one.
 */
export async function findConfiguration(
  objects: Objects,
  upload: ObjectVersion,
  request?: { readonly key: string; readonly versionId: string },
): Promise<
  { configuration: TrainingConfiguration; sidecar: Sidecar | null } | { reasons: string[] }
> {
  const found =
    request === undefined
      ? await headSidecar(objects, `${upload.key}.json`)
      : await objects.head(request.key, { versionId: request.versionId })
  if (found !== undefined && found.size > maxSidecarBytes) {
    return { reasons: [`${found.key} has ${found.size} bytes, over its ${maxSidecarBytes}`] }
  }
  const sidecar = found === undefined ? null : sidecarOf(found)
  const read = await parseConfiguration(objects, upload, sidecar)
  return 'reasons' in read ? read : { ...read, sidecar }
}

/**
 * The configuration that a claim refers to. It may be as large as a sidecar, so that it never travels
 * between states itself.
 */
export async function readConfiguration(
  objects: Objects,
  {
    source,
    sidecar,
  }: { source: Pick<ObjectVersion, 'key' | 'versionId'>; sidecar: Sidecar | null },
): Promise<TrainingConfiguration> {
  const upload = await objects.head(source.key, { versionId: source.versionId })
  const read = await parseConfiguration(objects, upload, sidecar)
  // The same immutable versions had a valid one when they were claimed.
  if ('reasons' in read) throw new Error(read.reasons.join('; '))
  return read.configuration
}

async function parseConfiguration(
  objects: Objects,
  upload: ObjectVersion,
  sidecar: Sidecar | null,
): Promise<{ configuration: TrainingConfiguration } | { reasons: string[] }> {
  const source = sidecar?.key ?? 'metadata "configuration"'
  const text =
    sidecar === null
      ? upload.metadata['configuration']
      : new TextDecoder().decode(await objects.read(sidecar.key, { versionId: sidecar.versionId }))
  if (text === undefined) return { configuration: {} }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { reasons: [`${source} is not JSON: ${(error as Error).message}`] }
  }
  const parsed = trainingConfiguration.safeParse(value)
  if (parsed.success) return { configuration: parsed.data }
  return {
    reasons: parsed.error.issues.map(
      (issue) => `${source}: ${issue.path.map(String).join('.') || 'value'}: ${issue.message}`,
    ),
  }
}

function sidecarOf({ bucket, key, versionId, size }: ObjectVersion): Sidecar {
  return { bucket, key, versionId, size }
}

async function headSidecar(objects: Objects, key: string): Promise<ObjectVersion | undefined> {
  try {
    return await objects.head(key)
  } catch (error) {
    if (isMillraceError(error, 'ObjectNotFound')) return undefined
    throw error
  }
}
