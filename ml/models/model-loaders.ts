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
  ['svc', loaderOf(SVC)],
  ['svc-linear', loaderOf(SVC)],
  ['logistic-regression', loaderOf(LogisticRegression)],
  ['k-neighbors', loaderOf(KNeighborsClassifier)],
  ['majority', loaderOf(MajorityBaseline)],
  ['ml-svm', loaderOf(MlSvm)],
  ['decision-tree', loaderOf(trees.DecisionTreeClassifier)],
  ['random-forest', loaderOf(trees.RandomForestClassifier)],
  ['extra-trees', loaderOf(trees.ExtraTreesClassifier)],
  ['gradient-boosting', loaderOf(trees.GradientBoostingClassifier)],
])

export const regressors: Loaders<Regressor> = new Map<string, Loader<Regressor>>([
  ['linear-regression', loaderOf(LinearRegression)],
  ['ridge', loaderOf(Ridge)],
  ['k-neighbors', loaderOf(KNeighborsRegressor)],
  ['mean', loaderOf(MeanBaseline)],
  [
    'transformed-target',
    (tensors, parameters) => TransformedTarget.fromTensors(tensors, parameters, loadRegressor),
  ],
  ['decision-tree', loaderOf(trees.DecisionTreeRegressor)],
  ['random-forest', loaderOf(trees.RandomForestRegressor)],
  ['extra-trees', loaderOf(trees.ExtraTreesRegressor)],
  ['gradient-boosting', loaderOf(trees.GradientBoostingRegressor)],
])

export const clusterers: Loaders<Clusterer> = new Map<string, Loader<Clusterer>>([
  ['k-means', loaderOf(KMeans)],
])

export const transformers: Loaders<Transformer> = new Map<string, Loader<Transformer>>([
  ['standard-scaler', loaderOf(StandardScaler)],
  ['ordinal-encoder', loaderOf(OrdinalEncoder)],
  ['one-hot-encoder', loaderOf(OneHotEncoder)],
  ['simple-imputer', loaderOf(SimpleImputer)],
  ['pca', loaderOf(PCA)],
  ['function-transformer', loaderOf(FunctionTransformer)],
  [
    'column-transformer',
    (tensors, parameters) => ColumnTransformer.fromTensors(tensors, parameters, loadTransformer),
  ],
])

/** The loader that the class of a part is. */
function loaderOf<Part>(partClass: { fromTensors: Loader<Part> }): Loader<Part> {
  return (tensors, parameters) => partClass.fromTensors(tensors, parameters)
}

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
