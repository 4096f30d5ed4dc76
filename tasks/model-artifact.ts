import * as z from 'zod'
import { matrix, type Matrix, type Tensor } from '../ml/data/index.ts'
import { baselineFromTensors, type Baseline } from '../ml/drift/index.ts'
// Not by the index, which has the trainers too: what answers predictions stays light.
import { isModelError } from '../ml/models/errors.ts'
import { decodeAnyModel } from '../ml/models/model-file.ts'
import type { AnyPipeline } from '../ml/models/pipeline/tasks.ts'
import { isMillraceError, MillraceError, type Objects } from '../platform/ports/index.ts'
import { sha256 } from './digest.ts'
import type { LearningTask, ObjectReference } from './shapes.ts'

/** A model version in memory, ready to answer. */
export interface LoadedModel {
  readonly task: LearningTask
  readonly algorithm: string
  readonly featureNames: readonly string[]
  /** The column that was learned; null of other tasks, and of models that do not say. */
  readonly targetName: string | null
  /** For each feature its categories as text, whose indices the model knows; null for numbers. */
  readonly categories: readonly (readonly string[] | null)[]
  /** The classes as answers name them: numbers of a `.npy`, texts of a CSV; null of other tasks. */
  readonly classes: (number | string)[] | null
  readonly pipeline: AnyPipeline
  /** What the training rows looked like; read when asked for. */
  baseline(): Baseline
  /**
   * `rows` have the model's number of columns. Throws InstancesInvalid for values out of range, and
   * for text or nothing where the model takes numbers.
   */
  predict(rows: readonly (readonly Cell[])[]): Predictions
  /** Writes a row's values to `out` as the model takes them. Throws InstancesInvalid as `predict` does. */
  read(values: readonly Cell[], out: Float64Array): void
}

/** A value of a row: a number, the text of a category, or nothing where it is missing. */
export type Cell = number | string | null

export interface Predictions {
  /** Classes, quantities, or numbers of clusters. */
  readonly predictions: (number | string)[]
  /** A row a prediction, a column a class; null where the model has none. */
  readonly probabilities: number[][] | null
  readonly classes: (number | string)[] | null
}

/**
 * Reads a model file, exactly the version that was evaluated.
 *
 * @throws MillraceError ModelFileInvalid when its bytes are not those that were registered.
 */
export async function loadModel(
  objects: Pick<Objects, 'read'>,
  artifact: ObjectReference,
): Promise<LoadedModel> {
  return openModel(await readArtifact(objects, artifact))
}

/** The bytes that a reference names. Throws MillraceError ModelFileInvalid when they are others. */
export async function readArtifact(
  objects: Pick<Objects, 'read'>,
  artifact: ObjectReference,
): Promise<Uint8Array> {
  const bytes = await objects.read(artifact.key, { versionId: artifact.versionId })
  const digest = sha256(bytes)
  if (digest === artifact.sha256) return bytes
  throw new MillraceError(
    'ModelFileInvalid',
    `${artifact.key} version ${artifact.versionId}: its digest is ${digest}, registered was ${artifact.sha256}`,
  )
}

/** A model file's bytes as a model. Throws ModelError ModelFileInvalid. */
export function openModel(bytes: Uint8Array): LoadedModel {
  const { task, model: pipeline, algorithm, metadata, tensors } = decodeAnyModel(bytes)
  const { featureNames, classLabels, categories } = readSchema(metadata)
  if (featureNames.length !== pipeline.featureCount) {
    throw new MillraceError(
      'ModelFileInvalid',
      `the model file names ${featureNames.length} features and has ${pipeline.featureCount}`,
    )
  }
  const nameOf = (value: number): number | string => classLabels?.[value] ?? value
  const classes = task === 'classification' ? Array.from(pipeline.classes, nameOf) : null
  const weigh = task === 'classification' ? pipeline.predictProbaRow : undefined
  const cells = cellReader(featureNames, categories)
  // Room for one row and its probabilities: a prediction allocates only its answer.
  const row = new Float64Array(pipeline.featureCount)
  const shares = new Float64Array(classes?.length ?? 0)
  return {
    task,
    algorithm,
    featureNames,
    targetName: metadata['targetName'] || null,
    categories,
    classes,
    pipeline,
    baseline: () =>
      baselineFromTensors({
        json: metadata['baseline'] ?? '',
        sample: sampleOf(tensors.get('baseline.sample')),
      }),
    read: (values, out) => cells.read(values, out),
    predict(rows) {
      const predictions: (number | string)[] = []
      const probabilities: number[][] | null = weigh ? [] : null
      try {
        for (const values of rows) {
          cells.read(values, row)
          const value = pipeline.predictRow(row)
          predictions.push(classes === null ? value : nameOf(value))
          weigh?.(row, shares)
          probabilities?.push([...shares])
        }
      } catch (error) {
        // Values that the model cannot take, as beyond a double's range in its sums.
        if (!isModelError(error) && !isMillraceError(error, 'InstancesInvalid')) throw error
        const at = `row ${predictions.length}: ${error.message}`
        throw new MillraceError('InstancesInvalid', at, { cause: error })
      }
      return { predictions, probabilities, classes }
    },
  }
}

/** Whether it tells the probabilities of its classes. */
export function weighs({ pipeline }: Pick<LoadedModel, 'pipeline'>): boolean {
  return 'predictProbaRow' in pipeline && pipeline.predictProbaRow !== undefined
}

/** Reads rows as a model knows them: categories by their texts, one that is new as -1. */
function cellReader(featureNames: readonly string[], categories: LoadedModel['categories']) {
  const indexes = categories.map(
    (labels) => labels && new Map(labels.map((label, index) => [label, index])),
  )
  return {
    read(values: readonly Cell[], row: Float64Array): void {
      for (let j = 0; j < row.length; j++) {
        const value = values[j]!
        const index = indexes[j]
        if (value === null) row[j] = NaN
        else if (index) row[j] = index.get(String(value)) ?? -1
        else if (typeof value === 'number') row[j] = value
        else
          throw new MillraceError('InstancesInvalid', `feature "${featureNames[j]!}" is a number`)
      }
    },
  }
}

const schema = z.object({
  featureNames: z.array(z.string()).min(1),
  classLabels: z.array(z.string()).nullable(),
  categories: z.array(z.array(z.string()).nullable()).nullable(),
})

/** What the training wrote of columns and classes. Throws ModelFileInvalid. */
function readSchema(metadata: Readonly<Record<string, string>>) {
  const entry = (name: string): unknown => JSON.parse(metadata[name] ?? '')
  try {
    const { featureNames, classLabels, categories } = schema.parse({
      featureNames: entry('featureNames'),
      classLabels: entry('classLabels'),
      categories: entry('categories'),
    })
    if (categories !== null && categories.length !== featureNames.length) {
      throw new TypeError(`categories of ${categories.length} of ${featureNames.length} features`)
    }
    return { featureNames, classLabels, categories: categories ?? featureNames.map(() => null) }
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
