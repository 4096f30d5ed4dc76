import {
  ClusteringPipeline,
  clusteringTrainers,
  KMeans,
  KNeighborsClassifier,
  KNeighborsRegressor,
  LinearRegression,
  MajorityBaseline,
  MeanBaseline,
  PCA,
  Pipeline,
  RegressionPipeline,
  Ridge,
  SimpleImputer,
  StandardScaler,
  TransformedTarget,
} from '../../../ml/models/index.ts'
import { testClusterer } from './clusterer-contract.ts'
import { testEstimator } from './estimator-contract.ts'
import { testRegressor } from './regressor-contract.ts'

testEstimator('KNeighborsClassifier', () => new KNeighborsClassifier())
testEstimator('KNeighborsClassifier by distance', () => {
  return new KNeighborsClassifier({ nNeighbors: 3, weights: 'distance', metric: 'manhattan' })
})
testEstimator(
  'A pipeline of three steps and KNeighborsClassifier',
  () => {
    const steps = [new SimpleImputer(), new StandardScaler(), new PCA({ nComponents: 0.999 })]
    return new Pipeline(new KNeighborsClassifier({ nNeighbors: 3 }), { steps })
  },
  { scaleFree: true },
)
testEstimator(
  'A pipeline that fills and MajorityBaseline',
  () =>
    new Pipeline(new MajorityBaseline(), { steps: [new SimpleImputer({ addIndicator: true })] }),
  { learns: false },
)

testRegressor('LinearRegression', () => new LinearRegression(), { scaleFree: true })
testRegressor(
  'LinearRegression with positive weights',
  () => {
    return new LinearRegression({ positive: true })
  },
  { learns: 0 },
)
testRegressor('Ridge', () => new Ridge())
testRegressor('MeanBaseline', () => new MeanBaseline(), { learns: -1e-9 })
testRegressor('KNeighborsRegressor', () => new KNeighborsRegressor({ nNeighbors: 3 }), {
  learns: 0.5,
})
testRegressor(
  'A pipeline of two steps and Ridge',
  () => new RegressionPipeline(new Ridge(), { steps: [new SimpleImputer()], scale: true }),
  { scaleFree: true },
)

for (const func of ['log', 'log1p', 'sqrt'] as const) {
  testRegressor(
    `TransformedTarget by ${func} and Ridge`,
    () => new TransformedTarget(new Ridge({ alpha: 0.01 }), { func }),
    { onlyPositive: true },
  )
}
testRegressor(
  'A pipeline that scales and TransformedTarget',
  () => {
    const model = new TransformedTarget(new LinearRegression(), { func: 'log' })
    return new RegressionPipeline(model, { scale: true })
  },
  { onlyPositive: true, scaleFree: true },
)

testClusterer('KMeans', () => new KMeans({ nClusters: 3, nInit: 3 }))
testClusterer('KMeans from random rows', () => new KMeans({ nClusters: 3, init: 'random' }))
testClusterer('A pipeline that scales and KMeans', () => {
  return new ClusteringPipeline(new KMeans({ nClusters: 3, nInit: 3 }), { scale: true })
})
testClusterer('The trainer k-means', () => {
  return clusteringTrainers['k-means']!.create({ nClusters: 3, nInit: 3 }, 1)
})
