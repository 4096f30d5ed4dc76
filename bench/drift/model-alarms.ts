import { parseArgs } from 'node:util'
import { seededRandom, type Random } from '../../ml/data/index.ts'
import { ModelMonitor } from '../../tasks/model-monitor.ts'
import { standardised, type MonitorPlan, type StreamPlan } from '../../tasks/monitor-plan.ts'
import { formatPredictionId } from '../../tasks/prediction-records.ts'

/**
 * False alarms of a whole model while nothing changes: ten features of ten distributions, a class of
 * three and its errors, all under their monitors, every row labelled.
 *
 *   node bench/drift/model-alarms.ts --rows 1000000 --models 3
 *
 * One JSON line a model: its alarms by what they are of.
 */
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    models: { type: 'string', default: '3' },
  },
})
const rows = Number(values.rows)
const rowsOfRequest = 100
const trainingRows = 1000
const errorShare = 0.05

const normal = (random: Random) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
const distributions: Readonly<Record<string, (random: Random) => number>> = {
  normal,
  uniform: (random) => random(),
  exponential: (random) => -Math.log(1 - random()),
  'log-normal-1': (random) => Math.exp(normal(random)),
  'log-normal-2': (random) => Math.exp(2 * normal(random)),
  'student-t-3': (random) =>
    normal(random) /
    Math.sqrt((normal(random) ** 2 + normal(random) ** 2 + normal(random) ** 2) / 3),
  cauchy: (random) => Math.tan(Math.PI * (random() - 0.5)),
  rare: (random) => (random() < 0.02 ? 1 : 0),
  geometric: (random) => Math.floor(Math.log(1 - random()) / Math.log(0.7)),
  constant: () => 7,
}
const model = { user: 'bench', dataset: 'stationary' }

for (let seed = 1; seed <= Number(values.models); seed++) {
  const alarms = alarmsOf(seed)
  const perMillion = (alarms.length / rows) * 1e6
  const of = alarms.map(({ stream, detector }) => `${stream} ${detector}`)
  const line = { measure: 'model.alarms', seed, rows, alarms: alarms.length, perMillion, of }
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

function alarmsOf(seed: number) {
  const random = seededRandom(seed)
  const monitor = ModelMonitor.begin({ model, version: 0 }, plan(random))
  const found = []
  for (let n = 0; n < rows / rowsOfRequest; n++) {
    const at = new Date(Date.UTC(2026, 0, 1) + 1000 * n).toISOString()
    const place = (i: number) => ({ model, shard: '0', position: String(i).padStart(16, '0') })
    const instances = Array.from({ length: rowsOfRequest }, () =>
      Object.values(distributions).map((draw) => draw(random)),
    )
    const predictions = instances.map(() => Math.floor(random() * 3))
    found.push(...monitor.takeRows({ at, instances, predictions }, place(2 * n)))
    const labels = predictions.map((predicted, row) => {
      const label = random() < errorShare ? (predicted + 1) % 3 : predicted
      return { row, label, predicted, replaced: null }
    })
    const feedback = {
      kind: 'feedback' as const,
      prediction: formatPredictionId(place(2 * n)),
      model: 'bench/stationary',
      version: 0,
      at,
      predictedAt: at,
      key: null,
      labels,
    }
    found.push(...monitor.takeLabels(feedback, place(2 * n + 1)))
  }
  return found
}

/** What would be watched of a model that learned from 1,000 rows, and knows 250 held-out ones. */
function plan(random: Random) {
  const streams: StreamPlan[] = []
  const reference: (Float64Array | null)[] = []
  for (const [column, [name, draw]] of Object.entries(distributions).entries()) {
    const sample = Float64Array.from({ length: trainingRows }, () => draw(random))
    const center = sample.reduce((sum, value) => sum + value, 0) / trainingRows
    const squares = sample.reduce((sum, value) => sum + (value - center) ** 2, 0)
    const unit = Math.sqrt(squares / trainingRows) || 1e-5
    const expected = { mean: 0, deviation: 1 }
    streams.push({ name: `feature:${name}`, watches: 'number', column, center, unit, expected })
    reference.push(sample.map((value) => standardised(value, center, unit)))
  }
  const flag = (share: number) => ({ mean: share, deviation: Math.sqrt(share * (1 - share)) })
  streams.push({ name: 'missing', watches: 'missing', expected: flag(0) })
  reference.push(new Float64Array(trainingRows))
  for (const label of [0, 1, 2]) {
    const expected = flag(1 / 3)
    streams.push({ name: `prediction:${label}`, watches: 'class', class: label, expected })
    reference.push(null)
  }
  streams.push({ name: 'error', watches: 'error', unit: 1, expected: flag(errorShare) })
  reference.push(Float64Array.from({ length: 250 }, () => (random() < errorShare ? 1 : 0)))
  const planned: MonitorPlan = {
    task: 'classification',
    width: streams.filter(({ watches }) => watches === 'number').length,
    registeredAt: '2026-01-01T00:00:00.000Z',
    registered: { metric: 'accuracy', value: 1 - errorShare, rows: 250 },
    streams,
  }
  return { plan: planned, reference }
}
