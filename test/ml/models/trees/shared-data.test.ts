import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { matrixFromRows, takeRows, takeValues } from '../../../../ml/data/matrix.ts'
import {
  accuracy,
  ExtraTreesClassifier,
  GradientBoostingRegressor,
  TransformedTarget,
} from '../../../../ml/models/index.ts'
import diamonds from '../fixtures/diamonds.json' with { type: 'json' }
import { fixture } from './golden-trees.ts'

const folder = new URL('../../../../../shared/data/', import.meta.url)
const isThere = existsSync(folder)
const title = isThere ? 'Real data' : 'Real data (skipped: there is no ../shared/data)'

describe.skipIf(!isThere)(title, () => {
  it('tells 110 typists apart by the 25 intervals of a word', () => {
    const rows = table('Train_keystroke.csv')
    const times = rows.map((row) => Object.values(row).slice(1).map(Number))
    const X = matrixFromRows(times.map((row) => row.slice(1).map((time, k) => time - row[k]!)))
    const y = Float64Array.from(rows, (row) => Number(row.user))
    expect([X.rows, X.cols]).toEqual([880, 25])
    const isHeld = new Set(fixture.keystrokesHeld)
    const rest = [...y.keys()].filter((i) => !isHeld.has(i))
    const [train, truth] = [takeRows(X, rest), takeValues(y, fixture.keystrokesHeld)]
    const held = takeRows(X, fixture.keystrokesHeld)
    // Of 1000 trees it is 0.853 over seeds on the average, 0.847 to 0.864, as scikit-learn's is; of
    // 400 with this seed 0.858.
    const model = new ExtraTreesClassifier({ nEstimators: 400 })
    model.fit(train, takeValues(y, rest))
    expect(accuracy(truth, model.predict(held))).toBeGreaterThanOrEqual(0.85)
  })

  it('tells the price of a diamond to 300 dollars', () => {
    const rows = table('diamonds.csv').filter(
      ({ price, x, y, z }) => Number(price) > 0 && [x, y, z].every((size) => Number(size) > 0),
    )
    const X = matrixFromRows(rows.map(features))
    const y = Float64Array.from(rows, ({ price }) => Number(price))
    expect(X.rows).toBe(4989)
    const isHeld = new Set(diamonds.test)
    const rest = [...y.keys()].filter((i) => !isHeld.has(i))
    const boosted = new GradientBoostingRegressor({
      maxIter: 600,
      learningRate: 0.03,
      maxLeafNodes: 15,
    })
    const model = new TransformedTarget(boosted, { func: 'log' })
    model.fit(takeRows(X, rest), takeValues(y, rest))
    const truth = takeValues(y, diamonds.test)
    const predicted = model.predict(takeRows(X, diamonds.test))
    const errors = predicted.map((value, k) => Math.abs(value - truth[k]!))
    expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThanOrEqual(300)
  })
})

function features(row: Record<string, string>): number[] {
  const grades = {
    cut: ['Fair', 'Good', 'Very Good', 'Premium', 'Ideal'],
    color: ['J', 'I', 'H', 'G', 'F', 'E', 'D'],
    clarity: ['I1', 'SI2', 'SI1', 'VS2', 'VS1', 'VVS2', 'VVS1', 'IF'],
  }
  const ranked = Object.entries(grades).map(([name, order]) => order.indexOf(row[name]!))
  const sizes = ['carat', 'depth', 'table', 'x', 'y', 'z'].map((name) => Number(row[name]))
  return [...ranked, ...sizes]
}

function table(file: string): Record<string, string>[] {
  const [head, ...lines] = readFileSync(new URL(file, folder), 'utf8').trim().split(/\r?\n/)
  const names = head!.split(',')
  return lines.map((line) =>
    Object.fromEntries(line.split(',').map((value, k) => [names[k]!, value])),
  )
}
