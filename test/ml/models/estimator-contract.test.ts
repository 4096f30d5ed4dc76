import { LogisticRegression, MajorityBaseline, MlSvm, SVC } from '../../../ml/models/index.ts'
import { trainers } from '../../../ml/models/index.ts'
import { testEstimator } from './estimator-contract.ts'

testEstimator('SVC with the rbf kernel', () => new SVC())
testEstimator('SVC with the linear kernel', () => new SVC({ kernel: 'linear', maxIter: 100_000 }), {
  mayNotConverge: true,
})
testEstimator('SVC with probabilities and weights', () => {
  return new SVC({ probability: true, classWeight: 'balanced' })
})
testEstimator('LogisticRegression', () => new LogisticRegression())
testEstimator('MajorityBaseline', () => new MajorityBaseline(), { learns: false })
testEstimator('MlSvm with the rbf kernel', () => new MlSvm({ seed: 1 }), {
  agreement: 0.9,
  scaleFree: true,
  mayNotConverge: true,
})
testEstimator('MlSvm with the linear kernel', () => new MlSvm({ seed: 1, kernel: 'linear' }), {
  agreement: 0.9,
  scaleFree: true,
  mayNotConverge: true,
})
for (const trainer of Object.values(trainers)) {
  testEstimator(`The trainer ${trainer.name}`, () => trainer.create({}, 1), {
    learns: trainer.name !== 'majority',
    agreement: trainer.name === 'ml-svm' ? 0.9 : 1,
    scaleFree: trainer.name !== 'majority',
    mayNotConverge: trainer.name === 'ml-svm',
  })
}
