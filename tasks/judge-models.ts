import {
  seedFromDigest,
  takeRows,
  takeValues,
  type Dataset,
  type Matrix,
} from '../ml/data/index.ts'
import { bootstrapMeans, bootstrapRoots } from '../ml/models/index.ts'
import { defineJob } from '../platform/ports/index.ts'
import { candidatesFor, sizeToLearn } from './candidates.ts'
import { datasetOf, hasMissing, learningTaskOf, splitDataset, type DatasetForm } from './dataset.ts'
import { classificationMetricsOf, clusteringMetricsOf, regressionMetricsOf } from './metrics-of.ts'
import { openModel, type LoadedModel } from './model-artifact.ts'
import { columnsDiffer, featuresFor, listed } from './same-columns.ts'
import type { LeftOutAlgorithm, ModelMetrics } from './shapes.ts'
import { drawnRows, meanOf, silhouettesOf, throughSteps } from './silhouette.ts'

/** Held-out rows that the silhouettes of a clustering are of. */
const silhouetteRows = 2000

export interface JudgeRequest {
  readonly bytes: Uint8Array
  readonly form: DatasetForm
  readonly sha256: string
  /** Model files. */
  readonly challenger: Uint8Array
  readonly champion: Uint8Array | null
}

export interface Judgement {
  readonly metrics: ModelMetrics
  /** What was not raced on so many rows, and why. */
  readonly leftOut: LeftOutAlgorithm[]
  /** Null where there is no champion. */
  readonly against: Comparison | null
}

/** A champion on the rows of its challenger. */
export interface Comparison {
  /** How the champion's task, features or answers differ; null when they are the same. */
  readonly schemaChange: string | null
  /** The gate's metric of the champion; null where there is none. */
  readonly score: number | null
  /** Challenger minus champion: 95% interval of the paired bootstrap. */
  readonly interval: [number, number] | null
}

/** Judges a challenger, and the champion beside it, on the held-out rows of the challenger's data. */
export const judgeModels = defineJob(
  import.meta.url,
  'judgeModels',
  ({ bytes, form, sha256, challenger, champion }: JudgeRequest): Judgement => {
    const dataset = datasetOf(bytes, form)
    const split = splitDataset(dataset)
    const { heldOut } = split
    const { leftOut } = candidatesFor(
      form.configuration,
      learningTaskOf(dataset, form.configuration),
      sizeToLearn(dataset, split),
    )
    const rows: HeldOut = {
      dataset,
      features: takeRows(dataset.features, heldOut),
      target: takeValues(dataset.target, heldOut),
      drawn: drawnRows(heldOut.length, silhouetteRows, seedFromDigest(sha256)),
    }
    const model = openModel(challenger)
    const answers = model.pipeline.predict(rows.features)
    const silhouettes = silhouettesBy(model, rows, answers)
    const metrics = metricsOf(model, rows, answers, silhouettes)
    if (champion === null) return { metrics, leftOut, against: null }

    const old = openModel(champion)
    const schemaChange = schemaChangeOf(old, model, dataset)
    if (schemaChange !== null) {
      return { metrics, leftOut, against: { schemaChange, score: null, interval: null } }
    }
    const oldFeatures = takeRows(featuresFor(old, dataset), heldOut)
    const oldAnswers = old.pipeline.predict(oldFeatures)
    const seed = seedFromDigest(sha256)
    const compared = compare(model, rows, { answers, silhouettes, oldAnswers, seed })
    return { metrics, leftOut, against: { schemaChange, ...compared } }
  },
)

interface HeldOut {
  readonly dataset: Dataset
  readonly features: Matrix
  readonly target: Float64Array
  /** Rows whose silhouettes are taken. */
  readonly drawn: Int32Array
}

function metricsOf(
  { pipeline }: LoadedModel,
  { dataset, features, target }: HeldOut,
  answers: Float64Array,
  silhouettes: Float64Array | null,
): ModelMetrics {
  switch (pipeline.task) {
    case 'classification':
      return classificationMetricsOf(dataset, pipeline, features, target, answers)
    case 'regression':
      return regressionMetricsOf(target, answers)
    case 'clustering':
      return clusteringMetricsOf(pipeline, features, answers, silhouettes)
    default:
      return pipeline satisfies never
  }
}

/** Both models row by row: of a classification whether right, of a regression the squared error, … */
function compare(
  { pipeline }: LoadedModel,
  rows: HeldOut,
  by: {
    answers: Float64Array
    silhouettes: Float64Array | null
    oldAnswers: Float64Array
    seed: number
  },
): Pick<Comparison, 'score' | 'interval'> {
  const { target } = rows
  switch (pipeline.task) {
    case 'classification': {
      const right = (answers: Float64Array) =>
        answers.map((answer, i) => (answer === target[i] ? 1 : 0))
      const old = right(by.oldAnswers)
      return { score: meanOf(old), interval: bootstrapMeans(right(by.answers), old, by.seed) }
    }
    case 'regression': {
      const squares = (answers: Float64Array) =>
        answers.map((answer, i) => (answer - target[i]!) ** 2)
      const old = squares(by.oldAnswers)
      const interval = bootstrapRoots(squares(by.answers), old, by.seed)
      return { score: Math.sqrt(meanOf(old)), interval }
    }
    case 'clustering': {
      // Both as the challenger sees the rows: on one ground.
      const seen = throughSteps(pipeline.steps, rows.features)
      const old = silhouettesOf(seen, by.oldAnswers, rows.drawn)
      if (old === null) return { score: null, interval: null }
      const interval = by.silhouettes === null ? null : bootstrapMeans(by.silhouettes, old, by.seed)
      return { score: meanOf(old), interval }
    }
    default:
      return pipeline satisfies never
  }
}

function silhouettesBy(
  { pipeline }: LoadedModel,
  { features, drawn }: HeldOut,
  answers: Float64Array,
): Float64Array | null {
  if (pipeline.task !== 'clustering') return null
  return silhouettesOf(throughSteps(pipeline.steps, features), answers, drawn)
}

function schemaChangeOf(
  champion: LoadedModel,
  challenger: LoadedModel,
  dataset: Dataset,
): string | null {
  if (champion.task !== challenger.task) {
    return `the champion is a ${champion.task}, this version a ${challenger.task}`
  }
  const columns = columnsDiffer(champion, dataset)
  if (columns !== null) return columns
  if (hasMissing(dataset.features) && champion.pipeline.acceptsMissing !== true) {
    return 'the champion takes no missing values, and there are some'
  }
  if (JSON.stringify(answersOf(champion)) === JSON.stringify(answersOf(challenger))) return null
  return `the champion knows ${answersTold(champion)}, this version ${answersTold(challenger)}`
}

/** What a model can answer; a quantity can be anything. */
function answersOf({ classes, pipeline }: LoadedModel): unknown {
  return pipeline.task === 'clustering' ? pipeline.clusterCount : classes
}

function answersTold({ classes, pipeline }: LoadedModel): string {
  return pipeline.task === 'clustering'
    ? `${pipeline.clusterCount} clusters`
    : `the classes ${listed(classes ?? [])}`
}
