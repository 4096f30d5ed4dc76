import { seedFromDigest, type Matrix } from '../ml/data/index.ts'
import { baselineToTensors, makeBaseline, withPredictions } from '../ml/drift/index.ts'
import {
  encodeModel,
  isModelError,
  trainerNamed,
  type AnyPipeline,
  type Trainer,
} from '../ml/models/index.ts'
import { defineJob } from '../platform/ports/index.ts'
import { metricOf } from './chosen-metric.ts'
import { splitRuleOf, type DatasetForm, type UploadContent } from './dataset.ts'
import { prepared } from './preparation.ts'
import type { CandidateScore, LearningTask } from './shapes.ts'
import { defaultTrials } from './training-configuration.ts'
import { readTrainingRows } from './training-rows.ts'
import { tune } from './tune.ts'

export type FitRequest = UploadContent & {
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
  async (request: FitRequest): Promise<FitResult> => {
    const { form, algorithm, sha256, lineage } = request
    const { configuration } = form
    const { features, target, task, peculiarities, names } = await readTrainingRows(request, form)
    const seed = seedFromDigest(sha256)
    const trainer: Trainer<LearningTask> = prepared<LearningTask>(
      trainerNamed<LearningTask>(algorithm, task),
      peculiarities,
    )
    try {
      const { parameters, score } = tune(trainer, features, target, {
        given: configuration.hyperparameters?.[algorithm] ?? {},
        trials: configuration.trials ?? defaultTrials,
        seed,
        timeOrder: configuration.timeOrder ?? false,
        metric: metricOf(task, configuration),
      })
      const categories = names.classLabels ?? null
      const sketch = makeBaseline(features, {
        featureNames: names.featureNames,
        categories: names.categories ?? null,
        target:
          task === 'clustering'
            ? null
            : { name: names.targetName ?? 'target', values: target, categories },
        seed,
      })
      const model = fitted(trainer.create(parameters, seed), features, target)
      const predict = (row: Float64Array) => model.predictRow(row)
      const baseline = baselineToTensors(withPredictions(sketch, { predict, categories }))
      const metadata = {
        ...lineage,
        featureNames: JSON.stringify(names.featureNames),
        categories: JSON.stringify(names.categories ?? null),
        targetName: names.targetName ?? '',
        classLabels: JSON.stringify(names.classLabels ?? null),
        split: JSON.stringify(splitRuleOf(configuration)),
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

/** Spends the memory of the features. */
function fitted(model: AnyPipeline, features: Matrix, target: Float64Array): AnyPipeline {
  const options = { overwriteX: true }
  return model.task === 'clustering'
    ? model.fit(features, options)
    : model.fit(features, target, options)
}

function sampleTensor({ data, rows, cols }: Matrix) {
  return { dtype: 'F64' as const, shape: [rows, cols], data }
}
