import { describe, expect, it } from 'vitest'
import { matrixFromRows, rowOf, takeRows, takeValues } from '../../../../ml/data/matrix.ts'
import { seededRandom } from '../../../../ml/data/random.ts'
import { logLoss, SVC } from '../../../../ml/models/index.ts'
import {
  coupleProbabilities,
  couplingScratch,
} from '../../../../ml/models/svm/pairwise-coupling.ts'
import { fitSigmoid } from '../../../../ml/models/svm/platt.ts'
import { blobs } from '../datasets.ts'
import fixtures from '../fixtures/svm-weights.json' with { type: 'json' }

const { probability } = fixtures
const all = matrixFromRows(probability.X)
const targets = Float64Array.from(probability.y)
const rows = (from: number, to: number) => Array.from({ length: to - from }, (_, k) => from + k)
const training = rows(0, probability.trainRows)
const held = rows(probability.trainRows, all.rows)
const X = takeRows(all, training)
const y = takeValues(targets, training)

describe('Probabilities of SVC', () => {
  it('are as good as those of scikit-learn 1.9 on rows it has not seen', () => {
    const model = new SVC({ probability: true }).fit(X, y)
    const at = takeRows(all, held)
    const loss = logLoss(takeValues(targets, held), model.predictProba(at), model.classes)
    // Both depend on the folds drawn, scikit-learn's on five at random.
    expect(Math.abs(loss - probability.logLoss)).toBeLessThan(0.03)
  })

  it('are the same for the same seed, with machines that no seed changes', () => {
    const create = (seed: number) => new SVC({ probability: true, seed }).fit(X, y)
    expect(create(1).toTensors()).toEqual(create(1).toTensors())
    expect(create(1).predictProba(X)).not.toEqual(create(2).predictProba(X))
    expect(create(1).decisionFunction(X)).toEqual(new SVC().fit(X, y).decisionFunction(X))
  })

  it('are those of a row by itself', () => {
    for (const kernel of ['rbf', 'linear'] as const) {
      const model = new SVC({ probability: true, kernel }).fit(X, y)
      const together = model.predictProba(X).data
      const out = new Float64Array(3)
      for (let i = 0; i < X.rows; i++) {
        model.predictProbaRow(rowOf(X, i), out)
        expect([...out]).toEqual([...together.subarray(3 * i, 3 * i + 3)])
        expect(out.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12)
      }
      expect(() => model.predictProbaRow(rowOf(X, 0), new Float64Array(2))).toThrow(
        expect.objectContaining({ name: 'ShapeMismatch' }),
      )
    }
  })

  it('rise with the decision of two classes', () => {
    const pair = blobs(80, 2, 2, { apart: 1 })
    const model = new SVC({ probability: true }).fit(pair.X, pair.y)
    const decisions = model.decisionFunction(pair.X).data
    const probabilities = model.predictProba(pair.X).data
    const order = [...decisions.keys()].sort((a, b) => decisions[a]! - decisions[b]!)
    order.slice(1).forEach((i, k) => {
      expect(probabilities[2 * i + 1]).toBeGreaterThanOrEqual(probabilities[2 * order[k]! + 1]!)
    })
  })

  it('are there only where they were asked for', () => {
    const model = new SVC().fit(X, y)
    expect(model.predictProba).toBeUndefined()
    expect(model.predictProbaRow).toBeUndefined()
  })

  it('can be learned of a class of one row', () => {
    const single = Float64Array.from(y, (value, i) => (i === 5 ? 9 : value))
    const model = new SVC({ probability: true }).fit(X, single)
    expect(model.predictProba(X).data.every((value) => value >= 0 && value <= 1)).toBe(true)
  })
})

describe('fitSigmoid', () => {
  it('finds the sigmoid that labels were drawn by', () => {
    const random = seededRandom(8)
    const decisions = Float64Array.from({ length: 20_000 }, () => 6 * random() - 3)
    const isFirst = Uint8Array.from(decisions, (decision) =>
      random() < 1 / (1 + Math.exp(-1.7 * decision + 0.4)) ? 1 : 0,
    )
    const { slope, offset } = fitSigmoid(decisions, isFirst)
    expect(slope).toBeCloseTo(-1.7, 1)
    expect(offset).toBeCloseTo(0.4, 1)
  })

  it('stays finite for decisions that are all alike, or that tell all rows apart', () => {
    const isFirst = Uint8Array.of(1, 1, 1, 0, 0)
    for (const decisions of [
      [0, 0, 0, 0, 0],
      [1e9, 1e9, 1e9, -1e9, -1e9],
      [1, 2, 3, -1, -2],
      [5, 5, 5, 5, 5],
    ]) {
      const { slope, offset } = fitSigmoid(Float64Array.from(decisions), isFirst)
      expect(Number.isFinite(slope) && Number.isFinite(offset)).toBe(true)
      expect(slope).toBeLessThanOrEqual(1e-6)
    }
  })
})

describe('coupleProbabilities', () => {
  it('gives back the probabilities that the pairs agree on', () => {
    const truth = [0.5, 0.2, 0.2, 0.1]
    const decisions: number[] = []
    for (let i = 0; i < 4; i++) {
      for (let j = i + 1; j < 4; j++) decisions.push(Math.log(truth[i]! / truth[j]!))
    }
    const sigmoids = { slopes: new Float64Array(6).fill(-1), offsets: new Float64Array(6) }
    const out = new Float64Array(4)
    coupleProbabilities(Float64Array.from(decisions), sigmoids, couplingScratch(4), out)
    truth.forEach((value, c) => expect(out[c]).toBeCloseTo(value, 9))
  })
})
