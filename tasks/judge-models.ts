import {
  seedFromDigest,
  takeRows,
  takeValues,
  type Dataset,
  type Matrix,
} from '../ml/data/index.ts'
import { spreadOver } from '../ml/models/model-selection/score-tools.ts'
import { defineJob, type Place } from '../platform/ports/index.ts'
import { metricOf } from './chosen-metric.ts'
import { compareAnswers, type Answers, type Compared } from './compare-answers.ts'
import {
  hasMissing,
  learningTaskOf,
  readDataset,
  splitDataset,
  splitRuleOf,
  type DatasetForm,
  type UploadContent,
} from './dataset.ts'
import { classificationMetricsOf, clusteringMetricsOf, regressionMetricsOf } from './metrics-of.ts'
import { openModel, type LoadedModel } from './model-artifact.ts'
import { raceOf } from './race.ts'
import { columnsDiffer, featuresFor, listed } from './same-columns.ts'
import type { LeftOutAlgorithm, MetricName, ModelMetrics, SplitRule } from './shapes.ts'
import { drawnRows, silhouettesOf } from './silhouette.ts'

/** Held-out rows that the silhouettes of a clustering are of. */
const silhouetteRows = 2000

export type JudgeRequest = UploadContent & {
  readonly form: DatasetForm
  /** Bytes of the file. */
  readonly size: number
  /** Where candidates could be learned. */
  readonly places: readonly Place[]
  readonly sha256: string
  /** A model file. */
  readonly challenger: Uint8Array
  /** A model file, and which rows it did not learn from. */
  readonly champion: { readonly file: Uint8Array; readonly split: SplitRule } | null
}

export interface Judgement {
  /** On all held-out rows. */
  readonly metrics: ModelMetrics
  /** What the training goes by. */
  readonly metric: MetricName
  /** What was not raced on so many rows or fits nowhere, and why. */
  readonly leftOut: LeftOutAlgorithm[]
  /** Null where there is no champion. */
  readonly against: Comparison | null
}

/** A challenger beside the champion, on rows that neither learned from. */
export interface Comparison extends Compared {
  readonly rows: number
  /** How the champion's task, features or answers differ; null when they are the same. */
  readonly schemaChange: string | null
}

/**
 * Judges a challenger on the held-out rows of its data, and the champion beside it on those that were
 * held out of both their trainings, by the challenger's metric.
 */
export const judgeModels = defineJob(
  import.meta.url,
  'judgeModels',
  async (request: JudgeRequest): Promise<Judgement> => {
    const { form, size: bytes, places, sha256, challenger, champion } = request
    const { configuration } = form
    const { dataset } = await readDataset(request, form)
    const rule = splitRuleOf(configuration)
    const split = splitDataset(dataset, rule)
    const task = learningTaskOf(dataset, configuration)
    const metric = metricOf(task, configuration)
    const { leftOut } = raceOf({ dataset, split, task, form, bytes, places })
    const seed = seedFromDigest(sha256)
    const model = openModel(challenger)
    const rows = rowsOf(dataset, split.heldOut, model, seed)
    const answers = answersOf(model, rows.features, model, rows)
    const metrics = metricsOf(model, rows, answers)
    const judged = { metrics, metric, leftOut }
    if (champion === null) return { ...judged, against: null }

    const old = openModel(champion.file)
    const isWider = champion.split.heldOut >= rule.heldOut
    const common = isWider
      ? rows
      : rowsOf(dataset, splitDataset(dataset, champion.split).heldOut, model, seed)
    const schemaChange = schemaChangeOf(old, model, dataset)
    if (schemaChange !== null || common.numbers.length === 0) {
      const against = { rows: common.numbers.length, schemaChange, scores: null, interval: null }
      return { ...judged, against }
    }
    const oldFeatures = takeRows(featuresFor(old, dataset), common.numbers)
    const by = {
      challenger: isWider ? answers : answersOf(model, common.features, model, common),
      // Both as the challenger sees the rows: on one ground.
      champion: answersOf(old, oldFeatures, model, common),
    }
    const compared = compareAnswers(metric, common, by, seed)
    return { ...judged, against: { rows: common.numbers.length, schemaChange, ...compared } }
  },
)

/** Some rows of a dataset. */
export interface Rows {
  readonly dataset: Dataset
  readonly numbers: Int32Array
  readonly features: Matrix
  readonly target: Float64Array
  /**
   * Those that were learned and those of the rows, ascending: a class whose rows are all held out is
   * one that no model answers. Empty where there are none.
   */
  readonly classes: Float64Array
  /** Those of the rows whose silhouettes are taken. */
  readonly drawn: Int32Array
}

export function rowsOf(
  dataset: Dataset,
  numbers: Int32Array,
  model: LoadedModel,
  seed: number,
): Rows {
  const target = takeValues(dataset.target, numbers)
  const learned = classNumbers(model, dataset)
  return {
    dataset,
    numbers,
    features: takeRows(dataset.features, numbers),
    target,
    classes:
      model.classes === null ? learned : Float64Array.from(new Set([...learned, ...target])).sort(),
    drawn: drawnRows(numbers.length, silhouetteRows, seed),
  }
}

/**
 * What a model answers to rows, in the numbers that their classes have.
 *
 * @param features the rows as the model knows them
 * @param seenBy through whose steps clusters are near or far
 */
export function answersOf(
  model: LoadedModel,
  features: Matrix,
  seenBy: LoadedModel,
  rows: Rows,
): Answers {
  const { pipeline } = model
  const predicted = pipeline.predict(features)
  const none = { probabilities: undefined, silhouettes: null }
  switch (pipeline.task) {
    case 'classification': {
      const numbers = classNumbers(model, rows.dataset)
      const named = new Map(Array.from(pipeline.classes, (value, c) => [value, numbers[c]!]))
      const probabilities = pipeline.predictProba?.(features)
      return {
        ...none,
        predicted: predicted.map((answer) => named.get(answer)!),
        probabilities: probabilities && spreadOver(probabilities, numbers, rows.classes),
      }
    }
    case 'regression':
      return { ...none, predicted }
    case 'clustering': {
      const { steps } = seenBy.pipeline
      const silhouettes = silhouettesOf(steps, rows.features, predicted, rows.drawn)
      return { ...none, predicted, silhouettes }
    }
    default:
      return pipeline satisfies never
  }
}

/** A model's classes by the numbers that a dataset has for them; empty where there are none. */
function classNumbers({ classes }: LoadedModel, { classLabels = [] }: Dataset): Float64Array {
  return Float64Array.from(classes ?? [], (name) =>
    typeof name === 'number' ? name : classLabels.indexOf(name),
  )
}

export function metricsOf(
  { pipeline }: LoadedModel,
  { dataset, features, target, classes }: Rows,
  { predicted, probabilities, silhouettes }: Answers,
): ModelMetrics {
  switch (pipeline.task) {
    case 'classification':
      return classificationMetricsOf(dataset, { target, predicted, classes, probabilities })
    case 'regression':
      return regressionMetricsOf(target, predicted)
    case 'clustering':
      return clusteringMetricsOf(pipeline, features, predicted, silhouettes)
    default:
      return pipeline satisfies never
  }
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
  if (JSON.stringify(possibleAnswers(champion)) === JSON.stringify(possibleAnswers(challenger)))
    return null
  return `the champion knows ${answersTold(champion)}, this version ${answersTold(challenger)}`
}

/** What a model can answer; a quantity can be anything. */
function possibleAnswers({ classes, pipeline }: LoadedModel): unknown {
  return pipeline.task === 'clustering' ? pipeline.clusterCount : classes
}

function answersTold({ classes, pipeline }: LoadedModel): string {
  return pipeline.task === 'clustering'
    ? `${pipeline.clusterCount} clusters`
    : `the classes ${listed(classes ?? [])}`
}
