import { createHash } from 'node:crypto'
import { matrix, type Matrix, type Tensor } from '../ml/data/index.ts'
import { baselineFromTensors, type Baseline } from '../ml/drift/index.ts'
import { decodeModel, isModelError, type Classifier } from '../ml/models/index.ts'
import { MillraceError, type Objects } from '../platform/ports/index.ts'
import type { ObjectReference } from './shapes.ts'

/** A model version in memory, ready to answer. */
export interface LoadedModel {
  readonly algorithm: string
  readonly featureNames: readonly string[]
  /** The classes as answers name them: numbers of a `.npy`, texts of a CSV. */
  readonly classes: (number | string)[]
  readonly classifier: Classifier
  /** What the training rows looked like; read when asked for. */
  baseline(): Baseline
  /** Throws InstancesInvalid for rows that do not fit the model. */
  predict(rows: readonly (readonly number[])[]): Predictions
}

export interface Predictions {
  readonly predictions: (number | string)[]
  /** A row a prediction, a column a class; null where the model has none. */
  readonly probabilities: number[][] | null
  readonly classes: (number | string)[]
}

/**
 * Reads a model file, exactly the version that was evaluated.
 *
 * @throws MillraceError ModelFileInvalid when its bytes are not those that were registered.
 */
export async function loadModel(objects: Objects, artifact: ObjectReference): Promise<LoadedModel> {
  return openModel(await readArtifact(objects, artifact))
}

/** The bytes that a reference names. Throws MillraceError ModelFileInvalid when they are others. */
export async function readArtifact(
  objects: Objects,
  artifact: ObjectReference,
): Promise<Uint8Array> {
  const bytes = await objects.read(artifact.key, { versionId: artifact.versionId })
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  if (sha256 === artifact.sha256) return bytes
  throw new MillraceError(
    'ModelFileInvalid',
    `${artifact.key} version ${artifact.versionId}: its digest is ${sha256}, registered was ${artifact.sha256}`,
  )
}

/** A model file's bytes as a model. Throws ModelError ModelFileInvalid. */
export function openModel(bytes: Uint8Array): LoadedModel {
  const { model: classifier, metadata, tensors } = decodeModel(bytes)
  const classLabels = JSON.parse(metadata['classLabels'] ?? 'null') as string[] | null
  const classes = Array.from(classifier.classes, (value) => classLabels?.[value] ?? value)
  return {
    algorithm: classifier.algorithm,
    featureNames: JSON.parse(metadata['featureNames'] ?? '[]') as string[],
    classes,
    classifier,
    baseline: () =>
      baselineFromTensors({
        json: metadata['baseline'] ?? '',
        sample: sampleOf(tensors.get('baseline.sample')),
      }),
    predict(rows) {
      const features = matrixOf(rows)
      return refusingRows(() => ({
        predictions: Array.from(
          classifier.predict(features),
          (value) => classLabels?.[value] ?? value,
        ),
        probabilities: classifier.predictProba ? rowsOf(classifier.predictProba(features)) : null,
        classes,
      }))
    },
  }
}

/** Rows that the model cannot take (out of a double's range in its sums) are the asker's to mend. */
function refusingRows<Result>(ask: () => Result): Result {
  try {
    return ask()
  } catch (error) {
    if (!isModelError(error)) throw error
    throw new MillraceError('InstancesInvalid', error.message, { cause: error })
  }
}

/** Throws ModelFileInvalid when the file has no sample of doubles in rows and columns. */
function sampleOf(tensor: Tensor | undefined): Matrix {
  if (!(tensor?.data instanceof Float64Array) || tensor.shape.length !== 2) {
    throw new MillraceError('ModelFileInvalid', 'the model file has no sample of its training rows')
  }
  const [rows, cols] = tensor.shape
  return matrix(tensor.data, rows!, cols!)
}

function matrixOf(rows: readonly (readonly number[])[]): Matrix {
  const cols = rows[0]?.length ?? 0
  const data = new Float64Array(rows.length * cols)
  rows.forEach((row, i) => data.set(row, i * cols))
  return matrix(data, rows.length, cols)
}

function rowsOf({ data, rows, cols }: Matrix): number[][] {
  return Array.from({ length: rows }, (_, i) => Array.from(data.subarray(i * cols, (i + 1) * cols)))
}
