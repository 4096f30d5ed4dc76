import {
  seedFromDigest,
  takeRows,
  takeValues,
  type Dataset,
  type Matrix,
} from '../ml/data/index.ts'
import { classificationReport, pairedBootstrap } from '../ml/models/index.ts'
import { defineJob } from '../platform/ports/index.ts'
import { clipped } from './clipped.ts'
import { classLabel, datasetOf, splitDataset, type DatasetForm } from './dataset.ts'
import { openModel, type LoadedModel } from './model-artifact.ts'
import type { ClassificationMetrics } from './shapes.ts'

/** Characters of a label or a name in what is told of a judgement. */
const maxLabel = 64

export interface JudgeRequest {
  readonly bytes: Uint8Array
  readonly form: DatasetForm
  readonly sha256: string
  /** Model files. */
  readonly challenger: Uint8Array
  readonly champion: Uint8Array | null
}

export interface Judgement {
  readonly metrics: ClassificationMetrics
  /** Null where there is no champion. */
  readonly against: {
    /** How the champion's features or classes differ; null when they are the same. */
    readonly schemaChange: string | null
    readonly accuracy: number | null
    readonly interval: [number, number] | null
  } | null
}

/** Judges a challenger, and the champion beside it, on the held-out rows of the challenger's data. */
export const judgeModels = defineJob(
  import.meta.url,
  'judgeModels',
  ({ bytes, form, sha256, challenger, champion }: JudgeRequest): Judgement => {
    const dataset = datasetOf(bytes, form)
    const { heldOut } = splitDataset(dataset)
    const features = takeRows(dataset.features, heldOut)
    const target = takeValues(dataset.target, heldOut)
    const model = openModel(challenger)
    const predicted = model.classifier.predict(features)
    const metrics = metricsOf(dataset, model, features, target, predicted)
    if (champion === null) return { metrics, against: null }

    const old = openModel(champion)
    const schemaChange = schemaChangeOf(old, model)
    if (schemaChange !== null) {
      return { metrics, against: { schemaChange, accuracy: null, interval: null } }
    }
    const right = predicted.map((value, i) => (value === target[i] ? 1 : 0))
    const oldRight = old.classifier
      .predict(features)
      .map((value, i) => (value === target[i] ? 1 : 0))
    const { lower, upper } = pairedBootstrap(right, oldRight, {
      seed: seedFromDigest(sha256),
      resamples: 2000,
    })
    const accuracy = oldRight.reduce((sum, one) => sum + one, 0) / target.length
    return { metrics, against: { schemaChange, accuracy, interval: [lower, upper] } }
  },
)

function metricsOf(
  dataset: Dataset,
  { classifier }: LoadedModel,
  features: Matrix,
  target: Float64Array,
  predicted: Float64Array,
): ClassificationMetrics {
  const report = classificationReport(
    target,
    predicted,
    classifier.classes,
    classifier.predictProba?.(features),
  )
  return {
    rows: target.length,
    accuracy: report.accuracy,
    macroPrecision: report.macro.precision,
    macroRecall: report.macro.recall,
    macroF1: report.macro.f1,
    logLoss: report.logLoss ?? null,
    labels: report.classes.map((value) => labelOf(dataset, value)),
    confusionMatrix: report.confusionMatrix.map((counts) => [...counts]),
    perClass: report.perClass.map(({ class: value, precision, recall, f1, support }) => ({
      label: labelOf(dataset, value),
      precision,
      recall,
      f1,
      support,
    })),
  }
}

/** Two hundred and fifty-six of them travel between states. */
function labelOf(dataset: Dataset, value: number): string {
  return clipped(classLabel(dataset, value), maxLabel)
}

function schemaChangeOf(champion: LoadedModel, challenger: LoadedModel): string | null {
  const differs = (a: readonly unknown[], b: readonly unknown[]) =>
    JSON.stringify(a) !== JSON.stringify(b)
  if (differs(champion.featureNames, challenger.featureNames)) {
    return `the champion reads ${list(champion.featureNames)}, this version ${list(challenger.featureNames)}`
  }
  if (differs(champion.classes, challenger.classes)) {
    return `the champion knows the classes ${list(champion.classes)}, this version ${list(challenger.classes)}`
  }
  return null
}

function list(values: readonly unknown[]): string {
  const shown = values
    .slice(0, 8)
    .map((value) => clipped(String(value), maxLabel))
    .join(', ')
  return values.length > 8 ? `${shown}, … (${values.length})` : shown
}
