import { describe, expect, it } from 'vitest'
import {
  clusteringTrainers,
  regressionTrainers,
  trainerNamed,
  trainers,
} from '../../../ml/models/index.ts'
import { accuracy } from '../../../ml/models/index.ts'
import { blobs, iris } from './datasets.ts'

describe('The table of trainers', () => {
  it('names them all', () => {
    expect(Object.keys(trainers).sort()).toEqual([
      'decision-tree',
      'extra-trees',
      'gradient-boosting',
      'k-neighbors',
      'logistic-regression',
      'majority',
      'ml-svm',
      'random-forest',
      'svc',
      'svc-linear',
    ])
    expect(Object.keys(regressionTrainers).sort()).toEqual([
      'decision-tree',
      'extra-trees',
      'gradient-boosting',
      'k-neighbors',
      'linear-regression',
      'mean',
      'random-forest',
      'ridge',
    ])
    expect(Object.keys(clusteringTrainers)).toEqual(['k-means'])
    for (const [name, trainer] of Object.entries(regressionTrainers)) {
      expect(trainerNamed(name, 'regression')).toBe(trainer)
      expect(trainer.create()).toMatchObject({ task: 'regression', algorithm: name })
    }
    for (const [name, trainer] of Object.entries(clusteringTrainers)) {
      expect(trainerNamed(name, 'clustering')).toBe(trainer)
      expect(trainer.create()).toMatchObject({ task: 'clustering', algorithm: name })
    }
    for (const [name, trainer] of Object.entries(trainers)) {
      expect(trainerNamed(name)).toBe(trainer)
      expect(trainer.create().algorithm).toBe(name)
    }
  })

  it('lists the known ones for a name that is unknown', () => {
    for (const name of ['svm', '', '__proto__', 'constructor', 'toString', 'SVC']) {
      expect(() => trainerNamed(name)).toThrow(
        expect.objectContaining({
          name: 'OptionInvalid',
          message: expect.stringContaining('svc, svc-linear, logistic-regression') as string,
        }),
      )
    }
  })

  it('refuses hyperparameters that are unknown, with the list of known ones', () => {
    expect(() => trainerNamed('svc').create({ kernel: 'linear' })).toThrow(
      expect.objectContaining({
        name: 'OptionInvalid',
        message: expect.stringMatching(/svc: unknown option "kernel".*C, gamma/) as string,
      }),
    )
    expect(() => trainerNamed('majority').create({ C: 1 })).toThrow(
      expect.objectContaining({ name: 'OptionInvalid' }),
    )
  })

  it('takes each default as a value, and hands values on to the model', () => {
    for (const trainer of Object.values(trainers)) {
      const defaults = Object.entries(trainer.options).map(([name, spec]) => [name, spec.default])
      const given = Object.fromEntries(defaults) as Record<string, string | number>
      expect(trainer.create(given).parameters).toEqual(trainer.create().parameters)
    }
    expect(trainerNamed('svc').create({ C: 5 }).parameters).toMatchObject({ C: 5, kernel: 'rbf' })
    for (const name of ['svc', 'svc-linear', 'logistic-regression']) {
      const { parameters } = trainerNamed(name).create({ classWeight: 'balanced' })
      expect(parameters).toMatchObject({ classWeight: 'balanced' })
    }
    expect(trainerNamed('ml-svm').create({}, 42).parameters.seed).toBe(42)
  })

  it('learns Iris well, by each but the floor', () => {
    for (const trainer of Object.values(trainers)) {
      const model = trainer.create({}, 1).fit(iris.X, iris.y)
      const share = accuracy(iris.y, model.predict(iris.X))
      if (trainer.name === 'majority') expect(share).toBeCloseTo(1 / 3, 12)
      else expect(share).toBeGreaterThan(0.94)
    }
  })

  it('refuses more rows than a trainer states', () => {
    const { X, y } = blobs(20_001, 1, 2)
    expect(() => trainerNamed('svc').create().fit(X, y)).toThrow(
      expect.objectContaining({ name: 'RowCapExceeded' }),
    )
  })
})
