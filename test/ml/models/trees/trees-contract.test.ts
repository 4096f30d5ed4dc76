import {
  DecisionTreeClassifier,
  DecisionTreeRegressor,
  ExtraTreesClassifier,
  ExtraTreesRegressor,
  GradientBoostingClassifier,
  GradientBoostingRegressor,
  RandomForestClassifier,
  RandomForestRegressor,
} from '../../../../ml/models/index.ts'
import { testEstimator } from '../estimator-contract.ts'
import { testRegressor } from '../regressor-contract.ts'

testEstimator('DecisionTreeClassifier', () => new DecisionTreeClassifier(), {
  scaleFree: true,
  // Of two columns that part the rows equally well the first is taken.
  agreement: 0.9,
})
testEstimator(
  'RandomForestClassifier',
  () => new RandomForestClassifier({ nEstimators: 20, criterion: 'entropy' }),
  { scaleFree: true, agreement: 0.9 },
)
testEstimator('ExtraTreesClassifier', () => new ExtraTreesClassifier({ nEstimators: 20 }), {
  scaleFree: true,
  agreement: 0.9,
})
testEstimator(
  'GradientBoostingClassifier',
  () => new GradientBoostingClassifier({ minSamplesLeaf: 3, maxIter: 30 }),
  { scaleFree: true, agreement: 0.9 },
)
testEstimator(
  'GradientBoostingClassifier with early stopping',
  () => new GradientBoostingClassifier({ minSamplesLeaf: 3, maxIter: 30, earlyStopping: true }),
  { scaleFree: true, agreement: 0.8 },
)

testRegressor('DecisionTreeRegressor', () => new DecisionTreeRegressor(), { scaleFree: true })
testRegressor('RandomForestRegressor', () => new RandomForestRegressor({ nEstimators: 20 }), {
  scaleFree: true,
  agreement: 1,
})
testRegressor('ExtraTreesRegressor', () => new ExtraTreesRegressor({ nEstimators: 20 }), {
  scaleFree: true,
  agreement: 1,
})
testRegressor(
  'GradientBoostingRegressor',
  () => new GradientBoostingRegressor({ minSamplesLeaf: 3 }),
  { scaleFree: true, agreement: 0.2 },
)
testRegressor(
  'GradientBoostingRegressor of absolute errors',
  () => new GradientBoostingRegressor({ minSamplesLeaf: 3, loss: 'absolute_error' }),
  { scaleFree: true, agreement: 0.5 },
)
