/**
 * Trees beside scikit-learn limited to one thread: one JSON line a measure,
 * `{measure, peer, value, unit}`. Each round runs every peer once, in its own process; times are
 * medians of the CPU time of one fit, and of one prediction, after one unmeasured one, and `ratio` is
 * ours to theirs. Every fit of a forest has another seed: its error is the mean over two seeds a
 * round, and `error_spread` the standard deviation of one.
 * `node bench/models/trees.ts [rounds] [python]`, default 5 and python3, with scikit-learn 1.9.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { matrix, type Matrix } from '../../ml/data/matrix.ts'
import { seededRandom } from '../../ml/data/random.ts'
import * as models from '../../ml/models/index.ts'
import { median } from '../median.ts'

interface Task {
  readonly name: string
  readonly target: 'price' | 'class'
  readonly python: string
  create(seed: number): models.Regressor | models.Classifier
}

interface Result {
  readonly cpu: number
  /** Of each fit: RMSE of a price, share of mistakes in a class. */
  readonly errors: readonly number[]
  readonly predict: number
}

const rows = 54_000
const held = 10_800
const columns = 9

const boosting = { maxIter: 100, earlyStopping: false } as const

const tasks: readonly Task[] = [
  {
    name: 'boosting',
    target: 'price',
    python: 'HistGradientBoostingRegressor(max_iter=100, early_stopping=False)',
    create: () => new models.GradientBoostingRegressor(boosting),
  },
  {
    name: 'boosting_classes',
    target: 'class',
    python: 'HistGradientBoostingClassifier(max_iter=100, early_stopping=False)',
    create: () => new models.GradientBoostingClassifier(boosting),
  },
  {
    name: 'tree',
    target: 'price',
    python: 'DecisionTreeRegressor(max_depth=10, min_samples_leaf=3, random_state=0)',
    create: () => new models.DecisionTreeRegressor({ maxDepth: 10, minSamplesLeaf: 3 }),
  },
  {
    name: 'tree_classes',
    target: 'class',
    python: 'DecisionTreeClassifier(random_state=0)',
    create: () => new models.DecisionTreeClassifier(),
  },
  {
    name: 'forest',
    target: 'price',
    python: 'RandomForestRegressor(10, random_state=seed)',
    create: (seed) => new models.RandomForestRegressor({ nEstimators: 10, seed }),
  },
  {
    name: 'forest_classes',
    target: 'class',
    python: 'RandomForestClassifier(10, random_state=seed)',
    create: (seed) => new models.RandomForestClassifier({ nEstimators: 10, seed }),
  },
  {
    name: 'extra_trees',
    target: 'price',
    python: 'ExtraTreesRegressor(10, random_state=seed)',
    create: (seed) => new models.ExtraTreesRegressor({ nEstimators: 10, seed }),
  },
  {
    name: 'extra_trees_classes',
    target: 'class',
    python: 'ExtraTreesClassifier(10, random_state=seed)',
    create: (seed) => new models.ExtraTreesClassifier({ nEstimators: 10, seed }),
  },
]

/** Fits and predicts once unmeasured and once measured, and prints the Result. */
const pythonScript = `
import json, sys, time
import numpy as np
from sklearn.ensemble import *
from sklearn.tree import *
folder, target, make, first = sys.argv[1:]
X = np.fromfile(f"{folder}/X").reshape(-1, ${columns})
y = np.fromfile(f"{folder}/{target}")
n = len(X) - ${held}
errors = []
for seed in (int(first), int(first) + 1):
    start = time.process_time()
    model = eval(make).fit(X[:n], y[:n])
    cpu = time.process_time() - start
    start = time.process_time()
    predicted = model.predict(X[n:])
    predict = time.process_time() - start
    difference = predicted - y[n:]
    error = np.sqrt(np.mean(difference ** 2)) if target == "price" else np.mean(difference != 0)
    errors.append(float(error))
print(json.dumps(dict(cpu=cpu * 1000, errors=errors, predict=predict * 1000)))
`

if (process.argv[2] === 'one') {
  const [, , , folder, name, first] = process.argv
  const task = tasks.find((other) => other.name === name)!
  console.log(JSON.stringify(measure(folder!, task, Number(first))))
} else {
  compare(Number(process.argv[2] ?? 5), process.argv[3] ?? 'python3')
}

function compare(rounds: number, python: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'trees-'))
  try {
    const { X, price, classes } = diamonds()
    writeFileSync(join(folder, 'X'), X.data)
    writeFileSync(join(folder, 'price'), price)
    writeFileSync(join(folder, 'class'), classes)
    for (const task of tasks) {
      const ours: Result[] = []
      const theirs: Result[] = []
      for (let round = 0; round < rounds; round++) {
        const first = `${2 * round}`
        ours.push(run(process.execPath, [import.meta.filename, 'one', folder, task.name, first]))
        theirs.push(run(python, ['-c', pythonScript, folder, task.target, task.python, first]))
      }
      report(task, ours, theirs)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function report({ name, target }: Task, ours: readonly Result[], theirs: readonly Result[]): void {
  const emit = (measure: string, peer: string, value: number, unit: string) => {
    console.log(JSON.stringify({ measure: `trees.${name}.${measure}`, peer, value, unit }))
  }
  const compared = (measure: string, unit: string, of: (results: readonly Result[]) => number) => {
    emit(measure, 'millrace', of(ours), unit)
    emit(measure, 'scikit-learn', of(theirs), unit)
    emit(measure, 'ratio', of(ours) / of(theirs), 'x')
  }
  const unit = target === 'price' ? 'price' : 'ratio'
  const errorsOf = (results: readonly Result[]) => results.flatMap(({ errors }) => errors)
  compared('cpu', 'ms', (results) => median(results.map(({ cpu }) => cpu)))
  compared('predict', 'ms', (results) => median(results.map(({ predict }) => predict)))
  compared('error', unit, (results) => mean(errorsOf(results)))
  emit('error_spread', 'millrace', spread(errorsOf(ours)), unit)
  emit('error_spread', 'scikit-learn', spread(errorsOf(theirs)), unit)
}

function run(command: string, args: string[]): Result {
  const env = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' }
  return JSON.parse(execFileSync(command, args, { env }).toString()) as Result
}

function measure(folder: string, task: Task, firstSeed: number): Result {
  const X = matrix(doubles(join(folder, 'X')), rows, columns)
  const y = doubles(join(folder, task.target))
  const split = rows - held
  const train = matrix(X.data.subarray(0, split * columns), split, columns)
  const queries = matrix(X.data.subarray(split * columns), held, columns)
  const truth = y.subarray(split)
  let [cpu, predict] = [0, 0]
  const errors: number[] = []
  for (const seed of [firstSeed, firstSeed + 1]) {
    let start = process.cpuUsage()
    const model = task.create(seed).fit(train, y.subarray(0, split))
    cpu = milliseconds(start)
    start = process.cpuUsage()
    const predicted = model.predict(queries)
    predict = milliseconds(start)
    errors.push(
      task.target === 'class'
        ? 1 - models.accuracy(truth, predicted)
        : Math.sqrt(mean(predicted.map((value, i) => (value - truth[i]!) ** 2))),
    )
  }
  return { cpu, errors, predict }
}

/** Rows shaped like diamonds: carat, three grades, depth, table and three sizes; price and its quarter. */
function diamonds(): { X: Matrix; price: Float64Array; classes: Float64Array } {
  const random = seededRandom(2)
  const normal = (mean: number, spread: number) =>
    mean + spread * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const price = new Float64Array(rows)
  const data = new Float64Array(rows * columns)
  for (let i = 0; i < rows; i++) {
    const carat = Math.min(5, Math.max(0.2, Math.exp(normal(-0.4, 0.55))))
    const [cut, color, clarity] = [5, 7, 8].map((grades) => Math.floor(random() * grades))
    const depth = normal(61.7, 1.4)
    const x = 6.4 * Math.cbrt(carat) * normal(1, 0.01)
    const y = x * normal(1, 0.008)
    const z = (((x + y) / 2) * depth) / 100
    data.set([carat, cut!, color!, clarity!, depth, normal(57.4, 2.2), x, y, z], i * columns)
    const grades = 0.02 * cut! - 0.075 * color! + 0.065 * clarity!
    price[i] = Math.exp(8.45 + 1.68 * Math.log(carat) + grades + normal(0, 0.12))
  }
  const sorted = price.toSorted()
  const quarters = [1, 2, 3].map((quarter) => sorted[(quarter * rows) / 4]!)
  const classes = price.map((value) => quarters.filter((bound) => value >= bound).length)
  return { X: matrix(data, rows, columns), price, classes }
}

function doubles(file: string): Float64Array {
  const bytes = readFileSync(file)
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
}

function milliseconds(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

function mean(values: Float64Array | readonly number[]): number {
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}

function spread(values: readonly number[]): number {
  const centre = mean(values)
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)))
}
