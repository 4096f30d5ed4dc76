import { describe, expect, it } from 'vitest'
import { matrix } from '../../../../ml/data/matrix.ts'
import { seededRandom } from '../../../../ml/data/random.ts'
import {
  bootstrapMeans,
  bootstrapRoots,
  crossValidate,
  pairedBootstrap,
  trainerNamed,
} from '../../../../ml/models/index.ts'
import { blobs, iris } from '../datasets.ts'

describe('crossValidate', () => {
  it('judges every row once, by a model that has not seen it', () => {
    // Each row has a column of its own: only a model that saw the row can know its class.
    const n = 20
    const own = matrix(new Float64Array(n * n), n, n)
    const y = Float64Array.from({ length: n }, (_, i) => {
      own.data[i * n + i] = 1
      return i % 2
    })
    const result = crossValidate(trainerNamed('svc-linear'), own, y, { folds: 5, seed: 1 })
    expect(result.folds.reduce((sum, fold) => sum + fold.rows, 0)).toBe(n)
    expect(result.meanAccuracy).toBeLessThan(0.8)
  })

  it('has the log loss where there are probabilities', () => {
    const options = { folds: 5, seed: 3 }
    const logistic = crossValidate(trainerNamed('logistic-regression'), iris.X, iris.y, options)
    expect(logistic.folds).toHaveLength(5)
    expect(logistic.meanAccuracy).toBeGreaterThan(0.93)
    expect(logistic.meanLogLoss).toBeLessThan(0.3)
    const mean = logistic.folds.reduce((sum, fold) => sum + fold.logLoss!, 0) / 5
    expect(logistic.meanLogLoss).toBeCloseTo(mean, 12)
    const machine = crossValidate(trainerNamed('svc'), iris.X, iris.y, options)
    expect(machine.meanAccuracy).toBeGreaterThan(0.93)
    expect(machine).not.toHaveProperty('meanLogLoss')
  })

  it('answers the same for the same seed', () => {
    const run = (seed: number) =>
      crossValidate(trainerNamed('majority'), iris.X, iris.y, { folds: 7, seed })
    expect(run(1)).toEqual(run(1))
  })

  it('gives a class that no other fold has the probability 0', () => {
    const { X } = blobs(9, 2, 2)
    const y = [0, 0, 0, 0, 1, 1, 1, 1, 2]
    const result = crossValidate(trainerNamed('majority'), X, y, { folds: 3, seed: 1 })
    const worst = Math.max(...result.folds.map((fold) => fold.logLoss!))
    expect(worst).toBeGreaterThan(-Math.log(2 ** -52) / 3)
    expect(Number.isFinite(worst)).toBe(true)
  })

  it('hands hyperparameters on, and refuses wrong ones and impossible folds', () => {
    const trainer = trainerNamed('svc')
    const invalid = expect.objectContaining({ name: 'OptionInvalid' }) as Error
    for (const folds of [1, 2.5, 151, NaN]) {
      expect(() => crossValidate(trainer, iris.X, iris.y, { folds, seed: 1 })).toThrow(invalid)
    }
    const options = { folds: 3, seed: 1, hyperparameters: { c: 1 } }
    expect(() => crossValidate(trainer, iris.X, iris.y, options)).toThrow(invalid)
  })

  it('tells of progress over all folds, and ends at its signal', () => {
    const seen: number[] = []
    const options = {
      folds: 3,
      seed: 1,
      onProgress: (p: { fraction: number }) => seen.push(p.fraction),
    }
    crossValidate(trainerNamed('svc'), iris.X, iris.y, options)
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(seen.at(-1)).toBeGreaterThanOrEqual(2 / 3)
    const signal = AbortSignal.abort()
    expect(() =>
      crossValidate(trainerNamed('svc'), iris.X, iris.y, { ...options, signal }),
    ).toThrow(expect.objectContaining({ name: 'FitAborted' }))
  })
})

describe('pairedBootstrap', () => {
  const random = seededRandom(9)
  const draws = Array.from({ length: 400 }, () => random())
  const correct = (share: number) => draws.map((draw) => draw < share)

  it('finds no difference between equals', () => {
    const result = pairedBootstrap(correct(0.8), correct(0.8), { seed: 1 })
    expect(result).toEqual({ difference: 0, lower: 0, upper: 0, probabilityWorse: 0 })
  })

  it('is sure of a great difference, either way', () => {
    const better = pairedBootstrap(correct(0.9), correct(0.6), { seed: 1 })
    expect(better.lower).toBeGreaterThan(0.2)
    expect(better.difference).toBeGreaterThan(better.lower)
    expect(better.difference).toBeLessThan(better.upper)
    expect(better.probabilityWorse).toBe(0)
    expect(pairedBootstrap(correct(0.6), correct(0.9), { seed: 1 }).probabilityWorse).toBe(1)
  })

  it('has the interval that the binomial distribution has', () => {
    const b = draws.map(() => 1)
    const a = draws.map((_, i) => (i % 4 === 0 ? 0 : 1))
    const { difference, lower, upper } = pairedBootstrap(a, b, { seed: 4 })
    const deviation = Math.sqrt((0.25 * 0.75) / 400)
    expect(difference).toBe(-0.25)
    expect(Math.abs(lower - (-0.25 - 1.96 * deviation))).toBeLessThan(0.008)
    expect(Math.abs(upper - (-0.25 + 1.96 * deviation))).toBeLessThan(0.008)
  })

  it('has a wider interval where less is left beyond its ends', () => {
    const b = new Float64Array(400)
    const a = Float64Array.from(b, (_, i) => (i % 4 === 0 ? 1 : 0))
    const options = { tail: 0.0005, resamples: 20_000 }
    const deviation = Math.sqrt((0.25 * 0.75) / 400)
    const [lower, upper] = bootstrapMeans(a, b, 4, options)
    expect(Math.abs(lower - (0.25 - 3.29 * deviation))).toBeLessThan(0.01)
    expect(Math.abs(upper - (0.25 + 3.29 * deviation))).toBeLessThan(0.01)
    expect(bootstrapMeans(a, b, 4)[0]).toBeGreaterThan(lower)
    const [least, most] = bootstrapRoots(a, b, 4, options)
    expect(least).toBeCloseTo(Math.sqrt(lower), 3)
    expect(most).toBeCloseTo(Math.sqrt(upper), 3)
  })

  it('is unsure where the answers differ by chance, and says so by its seed', () => {
    const a = draws.map((draw, i) => (i % 2 === 0 ? draw < 0.5 : draw < 0.7))
    const b = draws.map((draw, i) => (i % 2 === 0 ? draw < 0.7 : draw < 0.5))
    const result = pairedBootstrap(a, b, { seed: 5, resamples: 500 })
    expect(result.lower).toBeLessThan(0)
    expect(result.upper).toBeGreaterThan(0)
    expect(result).toEqual(pairedBootstrap(a, b, { seed: 5, resamples: 500 }))
    expect(result).not.toEqual(pairedBootstrap(a, b, { seed: 6, resamples: 500 }))
    expect(
      pairedBootstrap(Uint8Array.from(a, Number), Uint8Array.from(b, Number), {
        seed: 5,
        resamples: 500,
      }),
    ).toEqual(result)
  })

  it('refuses other lengths, no rows and no resamples', () => {
    const named = (name: string) => expect.objectContaining({ name }) as Error
    expect(() => pairedBootstrap([true], [], { seed: 1 })).toThrow(named('ShapeMismatch'))
    expect(() => pairedBootstrap([], [], { seed: 1 })).toThrow(named('DatasetEmpty'))
    expect(() => pairedBootstrap([1], [1], { seed: 1, resamples: 0 })).toThrow(
      named('OptionInvalid'),
    )
  })
})
