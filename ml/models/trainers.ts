import type { Classifier } from './classifier.ts'
import type { Clusterer } from './clusterer.ts'
import { KMeans, kMeansOptions, type KMeansOptions } from './clustering/k-means.ts'
import { ModelError } from './errors.ts'
import {
  LinearRegression,
  linearRegressionOptions,
  type LinearRegressionOptions,
} from './linear/linear-regression.ts'
import { Ridge, ridgeOptions, type RidgeOptions } from './linear/ridge.ts'
import {
  LogisticRegression,
  logisticRegressionOptions,
  type LogisticRegressionOptions,
} from './linear/logistic-regression.ts'
import { MajorityBaseline, majorityOptions } from './majority-baseline.ts'
import { MeanBaseline, meanOptions } from './mean-baseline.ts'
import { MlSvm, mlSvmOptions, mlSvmRowCap, type MlSvmOptions } from './svm/ml-svm-adapter.ts'
import { KNeighborsClassifier } from './neighbors/k-neighbors-classifier.ts'
import { KNeighborsRegressor } from './neighbors/k-neighbors-regressor.ts'
import { kNeighborsOptions, type KNeighborsOptions } from './neighbors/neighbors-options.ts'
import { resolveOptions, type OptionTable, type OptionValue } from './options.ts'
import { ClusteringPipeline } from './pipeline/clustering-pipeline.ts'
import { Pipeline } from './pipeline/pipeline.ts'
import { RegressionPipeline } from './pipeline/regression-pipeline.ts'
import type { PipelineOptions } from './pipeline/steps.ts'
import type { LearningTask, PipelineOf } from './pipeline/tasks.ts'
import type { Transformer } from './preprocessing/transformer.ts'
import type { Regressor } from './regressor.ts'
import {
  fitsInMemory,
  keepsForest,
  keepsRawPredictions,
  keepsTree,
  solvesInTime,
  type SizeLimit,
} from './size-limits.ts'
import { SVC } from './svm/svc.ts'
import { svcOptions, type SVCOptions } from './svm/svc-options.ts'
import * as trees from './trees/index.ts'
import { treeTrainerOptions } from './trees/trainer-options.ts'

/** A way to learn a model, by name. */
export interface Trainer<Task extends LearningTask = 'classification'> {
  readonly name: string
  /** For people. */
  readonly title: string
  readonly task: Task
  /** The most rows that it learns from in a useful time; more are RowCapExceeded. */
  readonly rowCap: number
  /** What else bounds the data that it learns from in a useful time and memory. */
  readonly limits: readonly SizeLimit[]
  /** Hyperparameters: defaults, ranges and meanings. */
  readonly options: OptionTable
  /**
   * A model yet to be fitted, which scales its features where that helps, after `steps` of the
   * caller. The seed is a 32-bit integer; some trainers have no use for it. Throws OptionInvalid,
   * naming what is known.
   */
  create(
    hyperparameters?: Readonly<Record<string, OptionValue>>,
    seed?: number,
    steps?: readonly Transformer[],
  ): PipelineOf[Task]
}

const { C, gamma, tol, cacheSize, maxIter, classWeight } = svcOptions

const table: readonly Trainer[] = [
  trainer<SVCOptions>({
    name: 'svc',
    title: 'Support vector machine, rbf kernel',
    rowCap: 20_000,
    scale: true,
    options: { C, gamma, tol, cacheSize, maxIter, classWeight },
    create: (options) => new SVC({ ...options, kernel: 'rbf' }),
  }),
  trainer<SVCOptions>({
    name: 'svc-linear',
    title: 'Support vector machine, linear kernel',
    rowCap: 500_000,
    scale: true,
    options: { C, tol, cacheSize, maxIter, classWeight },
    create: (options) => new SVC({ ...options, kernel: 'linear' }),
  }),
  trainer<LogisticRegressionOptions>({
    name: 'logistic-regression',
    title: 'Multinomial logistic regression',
    rowCap: 5_000_000,
    scale: true,
    options: logisticRegressionOptions,
    create: (options) => new LogisticRegression(options),
  }),
  trainer<KNeighborsOptions>({
    name: 'k-neighbors',
    title: 'Vote of the nearest rows',
    rowCap: 200_000,
    scale: true,
    options: kNeighborsOptions,
    create: (options) => new KNeighborsClassifier(options),
  }),
  trainer<Record<string, never>>({
    name: 'majority',
    title: 'Most frequent class',
    rowCap: 100_000_000,
    scale: false,
    options: majorityOptions,
    create: (options) => new MajorityBaseline(options),
  }),
  trainer<MlSvmOptions>({
    name: 'ml-svm',
    title: 'Support vector machine of the npm package ml-svm',
    rowCap: mlSvmRowCap,
    scale: false,
    options: {
      C: mlSvmOptions.C,
      kernel: mlSvmOptions.kernel,
      sigma: mlSvmOptions.sigma,
      tol: mlSvmOptions.tol,
      maxPasses: mlSvmOptions.maxPasses,
      maxIter: mlSvmOptions.maxIter,
    },
    create: (options, seed) => new MlSvm({ ...options, seed }),
  }),
  trainer<Omit<trees.GradientBoostingOptions, 'seed'>>({
    name: 'gradient-boosting',
    title: 'Gradient boosted trees',
    rowCap: 4_000_000,
    scale: false,
    limits: [keepsRawPredictions],
    options: treeTrainerOptions.boosting,
    create: (options, seed) => new trees.GradientBoostingClassifier({ ...options, seed }),
  }),
  trainer<Omit<trees.RandomForestClassifierOptions, 'seed'>>({
    name: 'random-forest',
    title: 'Random forest',
    rowCap: 1_000_000,
    scale: false,
    limits: [keepsForest],
    options: treeTrainerOptions.randomForest,
    create: (options, seed) => new trees.RandomForestClassifier({ ...options, seed }),
  }),
  trainer<Omit<trees.ExtraTreesClassifierOptions, 'seed'>>({
    name: 'extra-trees',
    title: 'Extremely randomized trees',
    rowCap: 1_000_000,
    scale: false,
    limits: [keepsForest],
    options: treeTrainerOptions.extraTrees,
    create: (options, seed) => new trees.ExtraTreesClassifier({ ...options, seed }),
  }),
  trainer<Omit<trees.DecisionTreeClassifierOptions, 'seed'>>({
    name: 'decision-tree',
    title: 'Decision tree',
    rowCap: 5_000_000,
    scale: false,
    limits: [keepsTree],
    options: treeTrainerOptions.decisionTree,
    create: (options, seed) => new trees.DecisionTreeClassifier({ ...options, seed }),
  }),
]

const regressionTable: readonly Trainer<'regression'>[] = [
  regressionTrainer<LinearRegressionOptions>({
    name: 'linear-regression',
    title: 'Ordinary least squares',
    rowCap: 20_000_000,
    scale: false,
    limits: [solvesInTime],
    options: linearRegressionOptions,
    create: (options) => new LinearRegression(options),
  }),
  regressionTrainer<RidgeOptions>({
    name: 'ridge',
    title: 'Least squares with an L2 penalty',
    rowCap: 20_000_000,
    scale: true,
    limits: [solvesInTime],
    options: ridgeOptions,
    create: (options) => new Ridge(options),
  }),
  regressionTrainer<KNeighborsOptions>({
    name: 'k-neighbors',
    title: 'Mean of the nearest rows',
    rowCap: 200_000,
    scale: true,
    options: kNeighborsOptions,
    create: (options) => new KNeighborsRegressor(options),
  }),
  regressionTrainer<Record<string, never>>({
    name: 'mean',
    title: 'Mean of the targets',
    rowCap: 100_000_000,
    scale: false,
    options: meanOptions,
    create: (options) => new MeanBaseline(options),
  }),
  regressionTrainer<Omit<trees.GradientBoostingRegressorOptions, 'seed'>>({
    name: 'gradient-boosting',
    title: 'Gradient boosted trees',
    rowCap: 20_000_000,
    scale: false,
    options: treeTrainerOptions.boostingRegressor,
    create: (options, seed) => new trees.GradientBoostingRegressor({ ...options, seed }),
  }),
  regressionTrainer<Omit<trees.ForestOptions, 'seed'>>({
    name: 'random-forest',
    title: 'Random forest',
    rowCap: 1_000_000,
    scale: false,
    limits: [keepsForest],
    options: treeTrainerOptions.randomForestRegressor,
    create: (options, seed) => new trees.RandomForestRegressor({ ...options, seed }),
  }),
  regressionTrainer<Omit<trees.ForestOptions, 'seed'>>({
    name: 'extra-trees',
    title: 'Extremely randomized trees',
    rowCap: 1_000_000,
    scale: false,
    limits: [keepsForest],
    options: treeTrainerOptions.extraTreesRegressor,
    create: (options, seed) => new trees.ExtraTreesRegressor({ ...options, seed }),
  }),
  regressionTrainer<Omit<trees.TreeOptions, 'seed'>>({
    name: 'decision-tree',
    title: 'Decision tree',
    rowCap: 5_000_000,
    scale: false,
    limits: [keepsTree],
    options: treeTrainerOptions.decisionTreeRegressor,
    create: (options, seed) => new trees.DecisionTreeRegressor({ ...options, seed }),
  }),
]

const { nClusters, nInit, maxIter: kMeansIterations, tol: kMeansTolerance } = kMeansOptions

const clusteringTable: readonly Trainer<'clustering'>[] = [
  clusteringTrainer<Omit<KMeansOptions, 'init' | 'seed'>>({
    name: 'k-means',
    title: 'k-means',
    rowCap: 10_000_000,
    scale: true,
    options: { nClusters, nInit, maxIter: kMeansIterations, tol: kMeansTolerance },
    create: (options, seed) => new KMeans({ ...options, seed }),
  }),
]

/** Every trainer of classifiers by its name. Names from outside go through `trainerNamed`. */
export const trainers: Readonly<Record<string, Trainer>> = byName(table)

export const regressionTrainers: Readonly<Record<string, Trainer<'regression'>>> =
  byName(regressionTable)
export const clusteringTrainers: Readonly<Record<string, Trainer<'clustering'>>> =
  byName(clusteringTable)

/**
 * The trainer of this name for this task. Throws OptionInvalid, which lists the known ones.
 */
export function trainerNamed(name: string): Trainer
export function trainerNamed<Task extends LearningTask>(name: string, task: Task): Trainer<Task>
export function trainerNamed(
  name: string,
  task: LearningTask = 'classification',
): Trainer<LearningTask> {
  const entries = tables[task]
  const found = entries.find((entry) => entry.name === name)
  if (!found) {
    const known = entries.map((entry) => entry.name).join(', ')
    const shown = JSON.stringify(String(name).slice(0, 60))
    throw new ModelError(
      'OptionInvalid',
      `unknown algorithm ${shown} for ${task}; known are: ${known}`,
    )
  }
  return found
}

const tables = {
  classification: table,
  regression: regressionTable,
  clustering: clusteringTable,
}

/** Every trainer for this task by its name. */
export function trainersOf<Task extends LearningTask>(
  task: Task,
): Readonly<Record<string, Trainer<Task>>> {
  return named[task]
}

const named: { readonly [Task in LearningTask]: Readonly<Record<string, Trainer<Task>>> } = {
  classification: trainers,
  regression: regressionTrainers,
  clustering: clusteringTrainers,
}

interface Entry<Options, Model> {
  readonly name: string
  readonly title: string
  readonly rowCap: number
  readonly scale: boolean
  readonly limits?: readonly SizeLimit[]
  readonly options: OptionTable
  readonly create: (options: Required<Options>, seed: number) => Model
}

function trainer<Options>(entry: Entry<Options, Classifier>): Trainer {
  return trainerOf('classification', entry, (model, options) => new Pipeline(model, options))
}

function regressionTrainer<Options>(entry: Entry<Options, Regressor>): Trainer<'regression'> {
  return trainerOf('regression', entry, (model, options) => new RegressionPipeline(model, options))
}

function clusteringTrainer<Options>(entry: Entry<Options, Clusterer>): Trainer<'clustering'> {
  return trainerOf('clustering', entry, (model, options) => new ClusteringPipeline(model, options))
}

function trainerOf<Task extends LearningTask, Options, Model>(
  task: Task,
  { name, title, rowCap, scale, limits = [], options, create }: Entry<Options, Model>,
  pipeline: (model: Model, options: PipelineOptions) => PipelineOf[Task],
): Trainer<Task> {
  return {
    name,
    title,
    task,
    rowCap,
    limits: [fitsInMemory, ...limits],
    options,
    create: (hyperparameters = {}, seed = 0, steps = []) => {
      const resolved = resolveOptions<Options>(name, options, hyperparameters as Partial<Options>)
      return pipeline(create(resolved, seed), { steps, scale, rowCap })
    },
  }
}

function byName<Task extends LearningTask>(
  entries: readonly Trainer<Task>[],
): Readonly<Record<string, Trainer<Task>>> {
  return Object.freeze(Object.fromEntries(entries.map((entry) => [entry.name, entry])))
}
