import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { accuracy, LogisticRegression, logLoss } from '../../ml/models/index.ts'
import {
  emit,
  median,
  ours,
  readProblem,
  sklearn,
  timed,
  writeDigits,
  writeSynthetic,
} from './kernels-data.ts'

/**
 * LogisticRegression beside scikit-learn's with its default solver (lbfgs): training, and the
 * objective reached on the training rows, mean log loss + ‖weights‖² / (2 C n).
 *
 *   node bench/models/logistic.ts --python .venv/bin/python
 *
 * One JSON line a measure, by the rules of svm.ts.
 */
interface Result {
  readonly cpu: number
  readonly accuracy: number
  readonly objective: number
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: 'string', default: 'python3' },
    rounds: { type: 'string', default: '5' },
    rows: { type: 'string', default: '5000,20000,100000' },
    child: { type: 'boolean', default: false },
  },
})
const fits = 5
const script = fileURLToPath(import.meta.url)

if (values.child) await child(positionals)
else await compareAll()

async function compareAll(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-logistic-'))
  try {
    for (const rows of values.rows.split(',').map(Number)) {
      const folder = join(directory, String(rows))
      await writeSynthetic(folder, rows)
      await compare(`synthetic${rows}x20`, folder)
    }
    const digits = join(directory, 'digits')
    await writeDigits(digits, values.python)
    await compare('digits', digits)
  } finally {
    await rm(directory, { recursive: true })
  }
}

async function compare(name: string, folder: string): Promise<void> {
  const results: [Result[], Result[]] = [[], []]
  for (let round = 0; round < Number(values.rounds); round++) {
    const args = ['fit', folder, 'logistic', '-', String(fits)]
    results[0].push(JSON.parse(await sklearn(values.python, args)) as Result)
    results[1].push(JSON.parse(await ours(script, [folder])) as Result)
  }
  const [theirs, mine] = results.map((all) => median(all.map(({ cpu }) => cpu))) as [number, number]
  const [peer, model] = [results[0][0]!, results[1][0]!]
  emit(`logistic.${name}.train_cpu`, 'scikit-learn', theirs, 'ms')
  emit(`logistic.${name}.train_cpu`, 'millrace', mine, 'ms')
  emit(`logistic.${name}.train_cpu.ratio`, 'millrace', mine / theirs, 'x')
  emit(`logistic.${name}.accuracy`, 'scikit-learn', peer.accuracy, 'ratio')
  emit(`logistic.${name}.accuracy`, 'millrace', model.accuracy, 'ratio')
  emit(`logistic.${name}.objective`, 'scikit-learn', peer.objective, 'nats')
  emit(`logistic.${name}.objective.above`, 'millrace', model.objective - peer.objective, 'nats')
}

async function child([folder]: string[]): Promise<void> {
  const { X, y, heldOut, heldOutTargets } = await readProblem(folder!)
  const { cpu, made } = timed(fits, () => new LogisticRegression().fit(X, y))
  const weights = made.toTensors().weights!.data as Float64Array
  const squares = weights.reduce((sum, weight) => sum + weight * weight, 0)
  const result: Result = {
    cpu,
    accuracy: accuracy(heldOutTargets, made.predict(heldOut)),
    objective: logLoss(y, made.predictProba(X), made.classes) + squares / (2 * X.rows),
  }
  console.log(JSON.stringify(result))
}
