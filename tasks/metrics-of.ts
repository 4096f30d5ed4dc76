import type { Dataset, Matrix } from '../ml/data/index.ts'
import {
  calinskiHarabaszScore,
  classificationReport,
  daviesBouldinScore,
  regressionReport,
  type ClassificationReport,
  type ClusteringPipeline,
} from '../ml/models/index.ts'
import { clipped } from './clipped.ts'
import { classLabel } from './dataset.ts'
import type { ClassificationMetrics, ClusteringMetrics, RegressionMetrics } from './shapes.ts'
import { meanOf, throughSteps, unlessAlike } from './silhouette.ts'

/** Characters of a label; two hundred and fifty-six of them travel between states. */
const maxLabel = 64

/** How well classes were told apart on held-out rows, over all of `classes`. */
export function classificationMetricsOf(
  dataset: Dataset,
  by: {
    readonly target: Float64Array
    readonly predicted: Float64Array
    readonly classes: Float64Array
    readonly probabilities: Matrix | undefined
  },
): ClassificationMetrics {
  const { target, predicted, classes, probabilities } = by
  const report = classificationReport(target, predicted, classes, probabilities)
  const labelOf = (value: number) => clipped(classLabel(dataset, value), maxLabel)
  return {
    task: 'classification',
    rows: target.length,
    accuracy: report.accuracy,
    balancedAccuracy: balancedAccuracyOf(report),
    macroPrecision: report.macro.precision,
    macroRecall: report.macro.recall,
    macroF1: report.macro.f1,
    logLoss: report.logLoss ?? null,
    labels: report.classes.map(labelOf),
    confusionMatrix: report.confusionMatrix.map((counts) => [...counts]),
    perClass: report.perClass.map(({ class: value, precision, recall, f1, support }) => ({
      label: labelOf(value),
      precision,
      recall,
      f1,
      support,
    })),
  }
}

/** Of classes without a row there is nothing to tell. */
function balancedAccuracyOf({ perClass }: ClassificationReport): number {
  return meanOf(perClass.filter(({ support }) => support > 0).map(({ recall }) => recall))
}

/** How near the answers came to the quantities. */
export function regressionMetricsOf(
  target: Float64Array,
  predicted: Float64Array,
): RegressionMetrics {
  const report = regressionReport(target, predicted)
  const varies = target.some((value) => value !== target[0])
  return {
    task: 'regression',
    rows: report.rows,
    rmse: report.rootMeanSquaredError,
    mae: report.meanAbsoluteError,
    r2: varies ? report.r2 : null,
    medianAbsoluteError: report.medianAbsoluteError,
    maxError: report.maxError,
  }
}

/** How far apart the clusters are that held-out rows fell into, as the model sees the rows. */
export function clusteringMetricsOf(
  model: ClusteringPipeline,
  features: Matrix,
  clusters: Float64Array,
  silhouettes: Float64Array | null,
): ClusteringMetrics {
  const seen = throughSteps(model.steps, features)
  const sizes = Array.from({ length: model.clusterCount }, () => 0)
  for (const cluster of clusters) sizes[cluster]!++
  return {
    task: 'clustering',
    rows: features.rows,
    clusters: model.clusterCount,
    sizes,
    silhouetteRows: silhouettes?.length ?? 0,
    silhouette: silhouettes === null ? null : meanOf(silhouettes),
    daviesBouldin: unlessAlike(() => daviesBouldinScore(seen, clusters)),
    calinskiHarabasz: unlessAlike(() => calinskiHarabaszScore(seen, clusters)),
  }
}
