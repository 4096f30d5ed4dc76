import { seedFromDigest, takeRows, takeValues, type Matrix } from '../ml/data/index.ts'
import { baselineToTensors, makeBaseline } from '../ml/drift/index.ts'
import { crossValidate, encodeModel, trainerNamed } from '../ml/models/index.ts'
import { defineJob } from '../platform/ports/index.ts'
import { datasetOf, splitDataset, type DatasetForm } from './dataset.ts'
import type { CandidateScore } from './shapes.ts'

const maxFolds = 5

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
 * Learns one candidate from the training rows: judged by cross-validation on them, then fitted to
 * all of them. Held-out rows are not looked at.
 */
export const fitCandidate = defineJob(
  import.meta.url,
  'fitCandidate',
  ({ bytes, form, algorithm, sha256, lineage }: FitRequest): FitResult => {
    const dataset = datasetOf(bytes, form)
    const { train } = splitDataset(dataset)
    const trainer = trainerNamed(algorithm)
    if (train.length > trainer.rowCap) {
      const reason = `${algorithm} learns from at most ${trainer.rowCap} rows; there are ${train.length}`
      return { outcome: 'skipped', reason }
    }
    const features = takeRows(dataset.features, train)
    const target = takeValues(dataset.target, train)
    const seed = seedFromDigest(sha256)
    const hyperparameters = form.configuration.hyperparameters?.[algorithm] ?? {}
    const scores = crossValidate(trainer, features, target, {
      folds: Math.min(maxFolds, Math.max(2, smallestClass(target))),
      seed,
      hyperparameters,
    })
    const crossValidation = {
      accuracy: scores.meanAccuracy,
      logLoss: scores.meanLogLoss ?? null,
      folds: scores.folds.map((fold) => fold.accuracy),
    }
    const model = trainer.create(hyperparameters, seed).fit(features, target)
    const baseline = baselineToTensors(
      makeBaseline(features, { featureNames: dataset.featureNames, seed }),
    )
    const metadata = {
      ...lineage,
      featureNames: JSON.stringify(dataset.featureNames),
      targetName: dataset.targetName,
      classLabels: JSON.stringify(dataset.classLabels ?? null),
      crossValidation: JSON.stringify(crossValidation),
      baseline: baseline.json,
    }
    return {
      outcome: 'trained',
      bytes: encodeModel(model, metadata, { 'baseline.sample': sampleTensor(baseline.sample) }),
      crossValidation,
    }
  },
)

function sampleTensor({ data, rows, cols }: Matrix) {
  return { dtype: 'F64' as const, shape: [rows, cols], data }
}

function smallestClass(target: Float64Array): number {
  const counts = new Map<number, number>()
  for (const value of target) counts.set(value, (counts.get(value) ?? 0) + 1)
  return Math.min(...counts.values())
}
