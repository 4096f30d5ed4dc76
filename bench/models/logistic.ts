import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { accuracy, LogisticRegression, logLoss } from '../../ml/models/index.ts'
import { median } from '../median.ts'
import {
  benchOptions,
  emit,
  ours,
  readProblem,
  sklearn,
  timed,
  writeDigits,
  writeSynthetic,
} from './kernels-data.ts'

/**
 * LogisticRegression beside scikit-learn's with its solver by default (lbfgs): training, and the
 * objective reached on the training rows, mean log loss + ‖weights‖² / (2 C n).
 *
 *   node bench/models/logistic.ts --python .venv/bin/python
 *
 * The peer runs twice: with the tolerance it has by default, and at equal loss, which is with the
 * greatest tolerance, of its default halved so many times, that ends within 1e-6 of the optimum;
 * the optimum is that of its Newton solver. The ratio at equal loss is the one that counts.
 *
 * One JSON line a measure, by the rules of svm.ts, with the median of eleven fits in each process;
 * the first one, before either peer is warm, is told apart.
 */
interface Result {
  readonly cpu: number
  readonly first: number
  readonly accuracy: number
  readonly objective: number
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...benchOptions,
    rows: { type: 'string', default: '5000,20000,100000' },
  },
})
const fits = 11
const equalLoss = 1e-6
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
  const found = await sklearn(values.python, ['tolerance', folder, String(equalLoss)])
  const { tol, optimum } = JSON.parse(found) as { tol: number; optimum: number }
  const byDefault: Result[] = []
  const atEqualLoss: Result[] = []
  const mine: Result[] = []
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [results, option] of [
      [byDefault, 'default'],
      [atEqualLoss, String(tol)],
    ] as const) {
      const args = ['fit', folder, 'logistic', option, String(fits)]
      results.push(JSON.parse(await sklearn(values.python, args)) as Result)
    }
    mine.push(JSON.parse(await ours(script, [folder])) as Result)
  }
  emit(`logistic.${name}.equal_loss.tol`, 'scikit-learn', tol, 'gradient')
  const own = tell(name, 'millrace', mine, optimum)
  const theirs = tell(name, 'scikit-learn at equal loss', atEqualLoss, optimum)
  const theirsByDefault = tell(name, 'scikit-learn by default', byDefault, optimum)
  emit(`logistic.${name}.train_cpu.ratio.equal_loss`, 'millrace', own / theirs, 'x')
  emit(`logistic.${name}.train_cpu.ratio.default`, 'millrace', own / theirsByDefault, 'x')
}

/** Answers the median time. */
function tell(name: string, peer: string, results: readonly Result[], optimum: number): number {
  const cpu = median(results.map((result) => result.cpu))
  const { objective, ...rest } = results[0]!
  emit(`logistic.${name}.train_cpu`, peer, cpu, 'ms')
  emit(`logistic.${name}.train_cpu.first`, peer, median(results.map(({ first }) => first)), 'ms')
  emit(`logistic.${name}.accuracy`, peer, rest.accuracy, 'ratio')
  emit(`logistic.${name}.objective`, peer, objective, 'nats')
  emit(`logistic.${name}.objective.above_optimum`, peer, objective - optimum, 'nats')
  return cpu
}

async function child([folder]: string[]): Promise<void> {
  const { X, y, heldOut, heldOutTargets } = await readProblem(folder!)
  const { cpu, first, made } = timed(fits, () => new LogisticRegression().fit(X, y))
  const weights = made.toTensors().weights!.data as Float64Array
  const squares = weights.reduce((sum, weight) => sum + weight * weight, 0)
  const result: Result = {
    cpu,
    first,
    accuracy: accuracy(heldOutTargets, made.predict(heldOut)),
    objective: logLoss(y, made.predictProba(X), made.classes) + squares / (2 * X.rows),
  }
  console.log(JSON.stringify(result))
}
