import { seedFromDigest, takeRows, takeValues, type Matrix } from '../ml/data/index.ts'
import { baselineToTensors, makeBaseline } from '../ml/drift/index.ts'
import {
  encodeModel,
  isModelError,
  trainerNamed,
  type AnyPipeline,
  type Trainer,
} from '../ml/models/index.ts'
import { defineJob } from '../platform/ports/index.ts'
import { datasetOf, learningTaskOf, splitDataset, type DatasetForm } from './dataset.ts'
import { peculiaritiesOf, prepared } from './preparation.ts'
import type { CandidateScore, LearningTask } from './shapes.ts'
import { defaultTrials } from './training-configuration.ts'
import { tune } from './tune.ts'

export interface FitRequest {
  readonly bytes: Uint8Array
  readonly form: DatasetForm
  readonly algorithm: string
  /** Digest of the bytes: the seed of all that is random, so that the same bytes make one model. */
  readonly sha256: string
  readonly lineage: Readonly<Record<string, string>>
}

export type FitResult =
  | {
      readonly outcome: 'trained'
      /** The model file. */
      readonly bytes: Uint8Array
      readonly crossValidation: CandidateScore
    }
  | { readonly outcome: 'skipped'; readonly reason: string }

/**
 * Learns one candidate from the training rows: tuned and judged by cross-validation on them, then
 * fitted to all of them. Held-out rows are not looked at. What it cannot learn from, as values that
 * do not converge, is told, and leaves the race to the others.
 */
export const fitCandidate = defineJob(
  import.meta.url,
  'fitCandidate',
  ({ bytes, form, algorithm, sha256, lineage }: FitRequest): FitResult => {
    const { configuration } = form
    const dataset = datasetOf(bytes, form)
    const { train } = splitDataset(dataset)
    const features = takeRows(dataset.features, train)
    const target = takeValues(dataset.target, train)
    const seed = seedFromDigest(sha256)
    const task = learningTaskOf(dataset, configuration)
    const trainer: Trainer<LearningTask> = prepared<LearningTask>(
      trainerNamed<LearningTask>(algorithm, task),
      peculiaritiesOf(dataset),
    )
    try {
      const { parameters, score } = tune(trainer, features, target, {
        given: configuration.hyperparameters?.[algorithm] ?? {},
        trials: configuration.trials ?? defaultTrials,
        seed,
      })
      const model = fitted(trainer.create(parameters, seed), features, target)
      const baseline = baselineToTensors(
        makeBaseline(features, { featureNames: dataset.featureNames, seed }),
      )
      const metadata = {
        ...lineage,
        featureNames: JSON.stringify(dataset.featureNames),
        categories: JSON.stringify(dataset.categories ?? null),
        targetName: dataset.targetName ?? '',
        classLabels: JSON.stringify(dataset.classLabels ?? null),
        crossValidation: JSON.stringify(score),
        baseline: baseline.json,
      }
      return {
        outcome: 'trained',
        bytes: encodeModel(model, metadata, { 'baseline.sample': sampleTensor(baseline.sample) }),
        crossValidation: score,
      }
    } catch (error) {
      if (!isModelError(error)) throw error
      return { outcome: 'skipped', reason: `${algorithm}: ${error.message}` }
    }
  },
)

function fitted(model: AnyPipeline, features: Matrix, target: Float64Array): AnyPipeline {
  return model.task === 'clustering' ? model.fit(features) : model.fit(features, target)
}

function sampleTensor({ data, rows, cols }: Matrix) {
  return { dtype: 'F64' as const, shape: [rows, cols], data }
}
