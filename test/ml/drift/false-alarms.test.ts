import { describe, expect, it } from 'vitest'
import type { Matrix } from '../../../ml/data/matrix.ts'
import { seededRandom, type Random } from '../../../ml/data/random.ts'
import { compareBatch, makeBaseline } from '../../../ml/drift/index.ts'

/** Stationary features of every kind, from one uniform source. */
const distributions: Readonly<Record<string, (random: Random) => number>> = {
  normal,
  uniform: (random) => random(),
  exponential: (random) => -Math.log(1 - random()),
  'Student t, 3 degrees of freedom': (random) => student(random, 3),
  Cauchy: (random) => student(random, 1),
  'log-normal': (random) => Math.exp(2 * normal(random)),
  'rare yes': (random) => (random() < 0.02 ? 1 : 0),
  'even yes': (random) => (random() < 0.5 ? 1 : 0),
  geometric: (random) => Math.floor(Math.log(1 - random()) / Math.log(0.7)),
  constant: () => 3,
}
const featureNames = Object.keys(distributions)

const PAIRS = 200
const LEVEL = 0.01

describe('false alarms of compareBatch on stationary pairs of batches', () => {
  for (const [referenceRows, rows] of [
    [30, 30],
    [150, 150],
    [1000, 300],
  ] as const) {
    it(`stay at the level of ${LEVEL} for ${referenceRows} and ${rows} rows`, () => {
      const random = seededRandom(referenceRows + rows)
      const alarms = { shuffled: 0, timeOrdered: 0 }
      for (let seed = 0; seed < PAIRS; seed++) {
        const baseline = makeBaseline(batch(referenceRows, random), { featureNames, seed })
        const X = batch(rows, random)
        if (compareBatch(baseline, X, { seed }).verdict !== 'none') alarms.shuffled++
        const ordered = compareBatch(baseline, X, { seed, timeOrdered: true })
        if (ordered.verdict !== 'none') alarms.timeOrdered++
      }
      expect(alarms.shuffled).toBeLessThanOrEqual(PAIRS * LEVEL)
      expect(alarms.timeOrdered).toBeLessThanOrEqual(PAIRS * LEVEL)
    })
  }

  it('do not come with long batches, in time order or not', () => {
    const random = seededRandom(5)
    const baseline = makeBaseline(batch(5000, random), { featureNames, seed: 1 })
    for (let seed = 0; seed < 5; seed++) {
      const X = batch(20_000, random)
      for (const timeOrdered of [false, true]) {
        expect(compareBatch(baseline, X, { seed, timeOrdered }).reasons).toEqual([])
      }
    }
  })
})

function batch(rows: number, random: Random): Matrix {
  const draw = Object.values(distributions)
  const cols = draw.length
  const data = Float64Array.from({ length: rows * cols }, (_, k) => draw[k % cols]!(random))
  return { data, rows, cols }
}

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

function student(random: Random, freedom: number): number {
  let squares = 0
  for (let i = 0; i < freedom; i++) squares += normal(random) ** 2
  return normal(random) / Math.sqrt(squares / freedom)
}
