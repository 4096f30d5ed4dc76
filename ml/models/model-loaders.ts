import type { Classifier } from './classifier.ts'
import type { Clusterer } from './clusterer.ts'
import { KMeans } from './clustering/k-means.ts'
import { ModelError } from './errors.ts'
import { LinearRegression } from './linear/linear-regression.ts'
import { Ridge } from './linear/ridge.ts'
import { LogisticRegression } from './linear/logistic-regression.ts'
import { MajorityBaseline } from './majority-baseline.ts'
import { MeanBaseline } from './mean-baseline.ts'
import { MlSvm } from './svm/ml-svm-adapter.ts'
import { KNeighborsClassifier } from './neighbors/k-neighbors-classifier.ts'
import { KNeighborsRegressor } from './neighbors/k-neighbors-regressor.ts'
import type { Parameters } from './options.ts'
import { ColumnTransformer } from './preprocessing/column-transformer.ts'
import { FunctionTransformer } from './preprocessing/function-transformer.ts'
import { OneHotEncoder } from './preprocessing/one-hot-encoder.ts'
import { OrdinalEncoder } from './preprocessing/ordinal-encoder.ts'
import { PCA } from './preprocessing/pca.ts'
import { SimpleImputer } from './preprocessing/simple-imputer.ts'
import { StandardScaler } from './preprocessing/standard-scaler.ts'
import type { Transformer } from './preprocessing/transformer.ts'
import type { Regressor } from './regressor.ts'
import { SVC } from './svm/svc.ts'
import type { LoadedTensors } from './tensors.ts'
import { TransformedTarget } from './transformed-target.ts'
import * as trees from './trees/index.ts'

/** Makes a part of what a file holds, all of it yet to be checked. Throws ModelFileInvalid. */
type Loader<Part> = (tensors: LoadedTensors, parameters: Parameters) => Part

export type Loaders<Part> = ReadonlyMap<string, Loader<Part>>

/** Every part that a model file can hold, by the name under which it is kept. */
export const classifiers: Loaders<Classifier> = new Map<string, Loader<Classifier>>([
  ['svc', (tensors, parameters) => SVC.fromTensors(tensors, parameters)],
  ['svc-linear', (tensors, parameters) => SVC.fromTensors(tensors, parameters)],
  [
    'logistic-regression',
    (tensors, parameters) => LogisticRegression.fromTensors(tensors, parameters),
  ],
  ['k-neighbors', (tensors, parameters) => KNeighborsClassifier.fromTensors(tensors, parameters)],
  ['majority', (tensors, parameters) => MajorityBaseline.fromTensors(tensors, parameters)],
  ['ml-svm', (tensors, parameters) => MlSvm.fromTensors(tensors, parameters)],
  [
    'decision-tree',
    (tensors, parameters) => trees.DecisionTreeClassifier.fromTensors(tensors, parameters),
  ],
  [
    'random-forest',
    (tensors, parameters) => trees.RandomForestClassifier.fromTensors(tensors, parameters),
  ],
  [
    'extra-trees',
    (tensors, parameters) => trees.ExtraTreesClassifier.fromTensors(tensors, parameters),
  ],
  [
    'gradient-boosting',
    (tensors, parameters) => trees.GradientBoostingClassifier.fromTensors(tensors, parameters),
  ],
])

export const regressors: Loaders<Regressor> = new Map<string, Loader<Regressor>>([
  ['linear-regression', (tensors, parameters) => LinearRegression.fromTensors(tensors, parameters)],
  ['ridge', (tensors, parameters) => Ridge.fromTensors(tensors, parameters)],
  ['k-neighbors', (tensors, parameters) => KNeighborsRegressor.fromTensors(tensors, parameters)],
  ['mean', (tensors, parameters) => MeanBaseline.fromTensors(tensors, parameters)],
  [
    'transformed-target',
    (tensors, parameters) => TransformedTarget.fromTensors(tensors, parameters, loadRegressor),
  ],
  [
    'decision-tree',
    (tensors, parameters) => trees.DecisionTreeRegressor.fromTensors(tensors, parameters),
  ],
  [
    'random-forest',
    (tensors, parameters) => trees.RandomForestRegressor.fromTensors(tensors, parameters),
  ],
  [
    'extra-trees',
    (tensors, parameters) => trees.ExtraTreesRegressor.fromTensors(tensors, parameters),
  ],
  [
    'gradient-boosting',
    (tensors, parameters) => trees.GradientBoostingRegressor.fromTensors(tensors, parameters),
  ],
])

export const clusterers: Loaders<Clusterer> = new Map<string, Loader<Clusterer>>([
  ['k-means', (tensors, parameters) => KMeans.fromTensors(tensors, parameters)],
])

export const transformers: Loaders<Transformer> = new Map<string, Loader<Transformer>>([
  ['standard-scaler', (tensors, parameters) => StandardScaler.fromTensors(tensors, parameters)],
  ['ordinal-encoder', (tensors, parameters) => OrdinalEncoder.fromTensors(tensors, parameters)],
  ['one-hot-encoder', (tensors, parameters) => OneHotEncoder.fromTensors(tensors, parameters)],
  ['simple-imputer', (tensors, parameters) => SimpleImputer.fromTensors(tensors, parameters)],
  ['pca', (tensors, parameters) => PCA.fromTensors(tensors, parameters)],
  [
    'function-transformer',
    (tensors, parameters) => FunctionTransformer.fromTensors(tensors, parameters),
  ],
  [
    'column-transformer',
    (tensors, parameters) => ColumnTransformer.fromTensors(tensors, parameters, loadTransformer),
  ],
])

/** What `loaders` has under a name that a file gives. Throws ModelFileInvalid. */
export function loaderNamed<Part>(
  loaders: Loaders<Part>,
  name: unknown,
  what: string,
): Loader<Part> {
  const found = typeof name === 'string' ? loaders.get(name) : undefined
  if (found) return found
  const known = [...loaders.keys()].join(', ')
  throw new ModelError(
    'ModelFileInvalid',
    `the model file was refused: its ${what} is ${JSON.stringify(name)}; known are ${known}`,
  )
}

function loadRegressor(name: string, tensors: LoadedTensors, parameters: Parameters): Regressor {
  return loaderNamed(regressors, name, 'regressor')(tensors, parameters)
}

function loadTransformer(
  kind: string,
  tensors: LoadedTensors,
  parameters: Parameters,
): Transformer {
  return loaderNamed(transformers, kind, 'step')(tensors, parameters)
}
