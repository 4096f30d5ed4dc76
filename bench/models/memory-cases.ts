import { seededRandom, type Matrix } from '../../ml/data/index.ts'
import * as models from '../../ml/models/index.ts'
import type { Classifier, Regressor, Tensors, Transformer } from '../../ml/models/index.ts'
import { tune } from '../../tasks/tune.ts'

/** What `memory.ts` measures: everything in `millrace/models` that fits, and on what. */
export interface Case {
  readonly rows: number
  readonly cols: number
  readonly values: 'quantities' | 'categories'
  /** Megabytes that the fit is told to take besides. */
  readonly cacheMB?: number
  /** Rows of the fit before the one that is measured. Default 400. */
  readonly warmRows?: number
  readonly fit: (problem: Problem) => Fitted
}

export interface Problem {
  readonly X: Matrix
  readonly y: Float64Array
  /** Of 3 classes. */
  readonly labels: Float64Array
}

/** What a fit made. */
export interface Fitted {
  readonly classes?: Float64Array
  predictRow?(row: Float64Array): number
  predictProbaRow?(row: Float64Array, out: Float64Array): void
  toTensors(): Tensors
}

const table = { rows: 200_000, cols: 20, values: 'quantities' } as const
/** A cache that is surely filled. */
const kernels = { rows: 10_000, cols: 20, values: 'quantities', cacheMB: 16 } as const
const cacheSize = kernels.cacheMB
/** The package keeps the kernel of two classes, which is all of it that there is. */
const mlSvm = { rows: 1000, cols: 20, values: 'quantities' } as const

export const cases: Readonly<Record<string, Case>> = {
  SVC: classifier(() => new models.SVC({ cacheSize }), kernels),
  'SVC.wide': classifier(() => new models.SVC({ cacheSize }), { ...kernels, cols: 100 }),
  'SVC.linear': classifier(() => new models.SVC({ kernel: 'linear', cacheSize }), kernels),
  'SVC.probability': classifier(() => new models.SVC({ probability: true, cacheSize }), kernels),
  MlSvm: classifier(() => new models.MlSvm({ C: 0.1 }), mlSvm),
  LogisticRegression: classifier(() => new models.LogisticRegression()),
  KNeighborsClassifier: classifier(() => new models.KNeighborsClassifier()),
  MajorityBaseline: classifier(() => new models.MajorityBaseline()),
  DecisionTreeClassifier: classifier(() => new models.DecisionTreeClassifier()),
  RandomForestClassifier: classifier(() => new models.RandomForestClassifier({ nEstimators: 5 })),
  ExtraTreesClassifier: classifier(() => new models.ExtraTreesClassifier({ nEstimators: 5 })),
  GradientBoostingClassifier: classifier(
    () => new models.GradientBoostingClassifier({ maxIter: 10 }),
  ),
  Pipeline: classifier(() => new models.Pipeline(new models.LogisticRegression(), { scale: true })),

  LinearRegression: regressor(() => new models.LinearRegression()),
  'LinearRegression.positive': regressor(() => new models.LinearRegression({ positive: true })),
  Ridge: regressor(() => new models.Ridge()),
  TransformedTarget: regressor(
    () => new models.TransformedTarget(new models.Ridge(), { func: 'log' }),
  ),
  KNeighborsRegressor: regressor(() => new models.KNeighborsRegressor()),
  MeanBaseline: regressor(() => new models.MeanBaseline()),
  DecisionTreeRegressor: regressor(() => new models.DecisionTreeRegressor()),
  RandomForestRegressor: regressor(() => new models.RandomForestRegressor({ nEstimators: 5 })),
  ExtraTreesRegressor: regressor(() => new models.ExtraTreesRegressor({ nEstimators: 5 })),
  GradientBoostingRegressor: regressor(() => new models.GradientBoostingRegressor({ maxIter: 10 })),
  'GradientBoostingRegressor.absoluteError': regressor(
    () => new models.GradientBoostingRegressor({ maxIter: 10, loss: 'absolute_error' }),
  ),
  RegressionPipeline: regressor(
    () => new models.RegressionPipeline(new models.Ridge(), { scale: true }),
  ),

  KMeans: { ...table, fit: ({ X }) => new models.KMeans({ maxIter: 20 }).fit(X) },
  ClusteringPipeline: {
    ...table,
    fit: ({ X }) =>
      new models.ClusteringPipeline(new models.KMeans({ maxIter: 20 }), { scale: true }).fit(X),
  },

  StandardScaler: transformer(() => new models.StandardScaler()),
  PCA: transformer(() => new models.PCA()),
  SimpleImputer: transformer(() => new models.SimpleImputer()),
  'SimpleImputer.median': transformer(() => new models.SimpleImputer({ strategy: 'median' })),
  FunctionTransformer: transformer(() => new models.FunctionTransformer({ func: 'log1p' })),
  OneHotEncoder: transformer(() => new models.OneHotEncoder(), 'categories'),
  OrdinalEncoder: transformer(() => new models.OrdinalEncoder(), 'categories'),
  ColumnTransformer: transformer(
    () =>
      new models.ColumnTransformer([
        { columns: range(0, 10), step: new models.StandardScaler() },
        { columns: range(10, 20), step: new models.OneHotEncoder() },
      ]),
    'categories',
  ),

  crossValScores: search(({ X, y }) => {
    const folds = models.kFold(X.rows, { seed: 1 })
    models.crossValScores(() => new models.Ridge(), X, y, { folds, scoring: 'r2' })
  }),
  gridSearch: search(({ X, y }) => {
    const options = { folds: models.kFold(X.rows, { seed: 1 }), scoring: 'r2' } as const
    models.gridSearch((alpha) => new models.Ridge(alpha), { alpha: [0.1, 1, 10] }, X, y, options)
  }),
  crossValidate: search(({ X, labels }) => {
    models.crossValidate(models.trainerNamed('majority'), X, labels, { folds: 5, seed: 1 })
  }),
  tune: search(({ X, y }) => {
    const options = { given: {}, trials: 3, metric: 'rmse', seed: 1, timeOrder: false } as const
    tune(models.trainerNamed('ridge', 'regression'), X, y, options)
  }),
}

/** Rows of positive values, a class that follows from three of them, and a quantity of all. */
export function makeProblem(rows: number, cols: number, values: Case['values']): Problem {
  const random = seededRandom(1)
  const data = new Float64Array(rows * cols)
  for (let at = 0; at < data.length; at++) {
    data[at] = values === 'categories' ? Math.floor(random() * 12) : random()
  }
  const y = new Float64Array(rows)
  const labels = new Float64Array(rows)
  for (let i = 0; i < rows; i++) {
    let sum = 0
    for (let j = 0; j < cols; j++) sum += data[i * cols + j]! / (j + 1)
    y[i] = 1 + sum + random() / 4
    labels[i] = Math.floor(3 * random() ** 8 + data[i * cols]! + data[i * cols + 1]!) % 3
  }
  return { X: { data, rows, cols }, y, labels }
}

function classifier(create: () => Classifier, size: Omit<Case, 'fit'> = table): Case {
  return { ...size, fit: ({ X, labels }) => create().fit(X, labels) }
}

function regressor(create: () => Regressor): Case {
  return { ...table, fit: ({ X, y }) => create().fit(X, y) }
}

function transformer(create: () => Transformer, values: Case['values'] = 'quantities'): Case {
  return { ...table, values, fit: ({ X }) => create().fit(X) }
}

/** What makes no model: all that it holds counts. */
function search(run: (problem: Problem) => void): Case {
  return {
    ...table,
    fit(problem) {
      run(problem)
      return { toTensors: () => ({}) }
    },
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, k) => from + k)
}
