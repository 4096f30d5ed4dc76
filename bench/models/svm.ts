import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { rowOf, takeRows, takeValues } from '../../ml/data/index.ts'
import { accuracy, SVC } from '../../ml/models/index.ts'
import { median } from '../median.ts'
import {
  benchOptions,
  differences,
  emit,
  ours,
  readProblem,
  sklearn,
  timed,
  writeDigits,
  writeSynthetic,
} from './kernels-data.ts'

/**
 * SVC beside scikit-learn's: training, the objective reached, support vectors, labels of held-out
 * rows, and prediction.
 *
 *   python -m venv .venv && .venv/bin/pip install scikit-learn==1.9.1
 *   node bench/models/svm.ts --python .venv/bin/python
 *
 * One JSON line a measure. Every round runs each peer once in a fresh process of three fits, whose
 * median CPU time is told; one thread each. `--rows 2000,5000` and `--kernels rbf` choose.
 */
interface Result {
  readonly cpu: number
  readonly accuracy: number
  readonly vectors: number
  readonly objective: number | null
  readonly predicted: number[]
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...benchOptions,
    rows: { type: 'string', default: '2000,5000,10000,20000' },
    kernels: { type: 'string', default: 'rbf,linear' },
  },
})
const fits = 3
const script = fileURLToPath(import.meta.url)

if (values.child) await child(positionals)
else await compareAll()

async function compareAll(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-svm-'))
  try {
    const sizes = values.rows.split(',').map(Number)
    for (const rows of sizes) {
      const folder = join(directory, String(rows))
      await writeSynthetic(folder, rows)
      for (const kernel of values.kernels.split(',')) {
        await compare(`synthetic${rows}x20.${kernel}`, folder, kernel)
      }
    }
    const digits = join(directory, 'digits')
    await writeDigits(digits, values.python)
    await compare('digits.rbf', digits, 'rbf')
    await comparePrediction(join(directory, String(Math.max(...sizes))))
  } finally {
    await rm(directory, { recursive: true })
  }
}

async function compare(name: string, folder: string, kernel: string): Promise<void> {
  const args = [folder, 'svc', kernel, String(fits)]
  const results: [Result[], Result[]] = [[], []]
  for (let round = 0; round < Number(values.rounds); round++) {
    results[0].push(JSON.parse(await sklearn(values.python, ['fit', ...args])) as Result)
    results[1].push(JSON.parse(await ours(script, ['fit', ...args])) as Result)
  }
  const [theirs, mine] = results.map((all) => median(all.map(({ cpu }) => cpu))) as [number, number]
  const [peer, model] = [results[0][0]!, results[1][0]!]
  emit(`svm.${name}.train_cpu`, 'scikit-learn', theirs, 'ms')
  emit(`svm.${name}.train_cpu`, 'millrace', mine, 'ms')
  emit(`svm.${name}.train_cpu.ratio`, 'millrace', mine / theirs, 'x')
  emit(`svm.${name}.accuracy`, 'scikit-learn', peer.accuracy, 'ratio')
  emit(`svm.${name}.accuracy`, 'millrace', model.accuracy, 'ratio')
  emit(`svm.${name}.vectors.ratio`, 'millrace', model.vectors / peer.vectors, 'x')
  const flipped = differences(model.predicted, peer.predicted)
  emit(`svm.${name}.labels_flipped`, 'millrace', flipped, `of ${peer.predicted.length}`)
  if (model.objective !== null && peer.objective !== null) {
    const apart = (model.objective - peer.objective) / Math.abs(peer.objective)
    emit(`svm.${name}.objective.above`, 'millrace', apart, 'of it')
  }
}

async function comparePrediction(folder: string): Promise<void> {
  const theirs: number[] = []
  const mine: { rows: number; one: number; vectors: number }[] = []
  for (let round = 0; round < Number(values.rounds); round++) {
    const peer = JSON.parse(await sklearn(values.python, ['predict', folder, '1000'])) as {
      rows: number
      trained: number
    }
    theirs.push(peer.rows)
    mine.push(JSON.parse(await ours(script, ['predict', folder, String(peer.trained)])) as never)
  }
  const [peer, model] = [median(theirs), median(mine.map(({ rows }) => rows))]
  emit('svm.predict.vectors', 'millrace', mine[0]!.vectors, 'count')
  emit('svm.predict.batch', 'scikit-learn', peer, 'rows/CPU s')
  emit('svm.predict.batch', 'millrace', model, 'rows/CPU s')
  emit('svm.predict.batch.ratio', 'millrace', model / peer, 'x')
  emit('svm.predict.one', 'millrace', median(mine.map(({ one }) => one)), 'us')
}

async function child([command, folder, ...rest]: string[]): Promise<void> {
  const { X, y, heldOut, heldOutTargets } = await readProblem(folder!)
  if (command === 'fit') {
    const kernel = rest[1] as 'rbf' | 'linear'
    const { cpu, made } = timed(Number(rest[2]), () => new SVC({ kernel }).fit(X, y))
    const predicted = made.predict(heldOut)
    const result: Result = {
      cpu,
      accuracy: accuracy(heldOutTargets, predicted),
      vectors: made.supportVectorCount.reduce((sum, count) => sum + count, 0),
      objective: made.classes.length === 2 ? objectiveOf(made, X, y) : null,
      predicted: [...predicted],
    }
    console.log(JSON.stringify(result))
    return
  }
  const kept = Array.from({ length: Number(rest[0]) }, (_, i) => i)
  const model = new SVC().fit(takeRows(X, kept), takeValues(y, kept))
  timed(3, () => model.decisionFunction(heldOut))
  const { cpu } = timed(5, () => model.decisionFunction(heldOut))
  const rows = Array.from({ length: 1000 }, (_, i) => rowOf(heldOut, i))
  for (const row of rows) model.predictRow(row)
  const one = timed(3, () => rows.forEach((row) => model.predictRow(row)))
  const vectors = model.supportVectorCount.reduce((sum, count) => sum + count, 0)
  console.log(JSON.stringify({ rows: (1000 * heldOut.rows) / cpu, one: one.cpu, vectors }))
}

/**
 * The primal objective at the machine, ½ ‖w‖² + C Σ (1 - margin)₊, is no less than the negative of any
 * dual one, and equal at the optimum; the dual one of the rbf machine follows from its tensors.
 */
function objectiveOf(model: SVC, X: Parameters<SVC['predict']>[0], y: Float64Array): number {
  const { coefficients, supportVectors, weights } = model.toTensors()
  if (weights) {
    const all = weights.data as Float64Array
    const norm = all.reduce((sum, weight) => sum + weight * weight, 0)
    const margins = model.decisionFunction(X).data
    const hinge = margins.reduce(
      (sum, decision, i) => sum + Math.max(0, 1 - (y[i] === model.classes[1] ? 1 : -1) * decision),
      0,
    )
    return -(norm / 2 + hinge)
  }
  const [beta, V] = [coefficients!.data, supportVectors!.data]
  const cols = X.cols
  let sum = 0
  for (let s = 0; s < beta.length; s++) {
    for (let t = 0; t < s; t++) {
      let squared = 0
      for (let c = 0; c < cols; c++) squared += (V[s * cols + c]! - V[t * cols + c]!) ** 2
      sum += beta[s]! * beta[t]! * Math.exp(-model.gamma * squared)
    }
    sum += (beta[s]! * beta[s]!) / 2 - Math.abs(beta[s]!)
  }
  return sum
}
