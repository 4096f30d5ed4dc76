/**
 * Batch checks: one JSON line a measure, `{measure, peer, value, unit}`; CPU times, medians of the
 * rounds.
 *
 *     node bench/drift/batches.ts
 *
 * `drift.batch` compares 100,000 rows × 50 features with a baseline, `drift.baseline` makes one from
 * as many.
 */
import type { Matrix } from '../../ml/data/matrix.ts'
import { seededRandom } from '../../ml/data/random.ts'
import { compareBatch, makeBaseline } from '../../ml/drift/index.ts'
import { median } from '../median.ts'
import { cpuMilliseconds, print } from './measure.ts'

const rounds = 7

const featureNames = Array.from({ length: 50 }, (_, j) => `feature ${j}`)
const trained = batch(100_000, 50, 1)
const arrived = batch(100_000, 50, 2)
const baseline = makeBaseline(trained, { featureNames, seed: 1 })

const measures = {
  'drift.baseline': () => makeBaseline(trained, { featureNames, seed: 1 }),
  'drift.batch': () => compareBatch(baseline, arrived, { seed: 1 }),
  'drift.batch.timeOrdered': () => compareBatch(baseline, arrived, { seed: 1, timeOrdered: true }),
}
for (const [name, run] of Object.entries(measures)) {
  const times = Array.from({ length: rounds }, () => cpuMilliseconds(run))
  print(name, 'millrace', median(times), 'ms')
}

function batch(rows: number, cols: number, seed: number): Matrix {
  const random = seededRandom(seed)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return { data: Float64Array.from({ length: rows * cols }, normal), rows, cols }
}
