import { createHash } from 'node:crypto'
import * as z from 'zod'
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
  /** `rows` have the model's number of columns. Throws InstancesInvalid for values out of range. */
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
  const { model: classifier, algorithm, metadata, tensors } = decodeModel(bytes)
  const { featureNames, classLabels } = readSchema(metadata)
  if (featureNames.length !== classifier.featureCount) {
    throw new MillraceError(
      'ModelFileInvalid',
      `the model file names ${featureNames.length} features and has ${classifier.featureCount}`,
    )
  }
  const nameOf = (value: number): number | string => classLabels?.[value] ?? value
  const classes = Array.from(classifier.classes, nameOf)
  // Room for one row and its probabilities: a prediction allocates only its answer.
  const row = new Float64Array(classifier.featureCount)
  const shares = new Float64Array(classes.length)
  return {
    algorithm,
    featureNames,
    classes,
    classifier,
    baseline: () =>
      baselineFromTensors({
        json: metadata['baseline'] ?? '',
        sample: sampleOf(tensors.get('baseline.sample')),
      }),
    predict(rows) {
      const predictions: (number | string)[] = []
      const probabilities: number[][] | null = classifier.predictProbaRow ? [] : null
      try {
        for (const values of rows) {
          row.set(values)
          predictions.push(nameOf(classifier.predictRow(row)))
          classifier.predictProbaRow?.(row, shares)
          probabilities?.push([...shares])
        }
      } catch (error) {
        // Values that the model cannot take, as beyond a double's range in its sums.
        if (!isModelError(error)) throw error
        const at = `row ${predictions.length}: ${error.message}`
        throw new MillraceError('InstancesInvalid', at, { cause: error })
      }
      return { predictions, probabilities, classes }
    },
  }
}

const schema = z.object({
  featureNames: z.array(z.string()).min(1),
  classLabels: z.array(z.string()).nullable(),
})

/** What the training wrote of columns and classes. Throws ModelFileInvalid. */
function readSchema(metadata: Readonly<Record<string, string>>): z.infer<typeof schema> {
  try {
    return schema.parse({
      featureNames: JSON.parse(metadata['featureNames'] ?? '') as unknown,
      classLabels: JSON.parse(metadata['classLabels'] ?? '') as unknown,
    })
  } catch (error) {
    throw new MillraceError(
      'ModelFileInvalid',
      'the model file does not say what its columns are',
      {
        cause: error,
      },
    )
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
