/**
 * Measures what the simulation reckons with, in processor time of this machine, and writes it to
 * `rates.json`: for some models what a row of a batch takes (decoded, predicted and its result
 * written, by the very job of a child), and what each task of a small training takes.
 *
 *     node bench/scale/measure.ts
 */
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { median } from 'simple-statistics'
import { training } from '../../platform/local/training.ts'
import { memoryPorts, putUpload, runWorkflow } from '../../platform/testing/index.ts'
import { datasetOf } from '../../tasks/dataset.ts'
import { fitCandidate } from '../../tasks/fit-candidate.ts'
import { predictBlock } from '../../tasks/predict-block.ts'
import { makeData } from '../plan/made-data.ts'
import type { ScaleRates } from './rates.ts'

const rounds = 5
const cols = 20
/** A block of a child: 4 MiB. */
const blockRows = Math.floor((4 * 1024 ** 2) / (8 * cols))

const models = [
  { name: 'logistic regression', algorithm: 'logistic-regression', rows: 2000, noise: 0.2 },
  { name: 'forest of 100 trees', algorithm: 'random-forest', rows: 2000, noise: 0.2 },
  { name: '1,000 support vectors', algorithm: 'svc', rows: 3200, noise: 0.35 },
]
const made = { task: 'classification', cols, classes: 2, format: 'npy' } as const

const form = { format: 'npy', configuration: { task: 'classification', trials: 1 } } as const
const block = datasetOf(makeData({ ...made, rows: blockRows, noise: 0 }, 2), form).features

const measured: ScaleRates = {
  date: new Date().toISOString().slice(0, 10),
  machine: cpus()[0]!.model,
  node: process.version,
  cols,
  predictions: models.map(predictionRate),
  training: await trainingSeconds(),
}
writeFileSync(join(import.meta.dirname, 'rates.json'), `${JSON.stringify(measured, null, 2)}\n`)

function predictionRate({ name, algorithm, rows, noise }: (typeof models)[number]) {
  const result = fitCandidate.run({
    bytes: makeData({ ...made, rows, noise }),
    form,
    algorithm,
    sha256: '7'.repeat(64),
    lineage: {},
  })
  if (result instanceof Promise || result.outcome !== 'trained') throw new Error(`no ${algorithm}`)
  const input = {
    model: { sha256: algorithm, bytes: result.bytes },
    rows: { format: 'npy' as const, matrix: block },
    columns: Array.from({ length: cols }, (_, j) => j),
    firstRow: 0,
    format: 'csv' as const,
  }
  let resultBytes = 0
  const seconds = Array.from({ length: rounds + 1 }, () =>
    processorSeconds(() => {
      const predicted = predictBlock.run(input)
      if (predicted instanceof Promise) throw new Error('predicted elsewhere')
      resultBytes = predicted.bytes.length
    }),
  )
  return {
    model: name,
    // The first run compiles.
    secondsPerRow: rounded(median(seconds.slice(1)) / blockRows),
    resultRowBytes: Math.round(resultBytes / blockRows),
    modelBytes: result.bytes.length,
  }
}

/** For each task its runs in one training of 1,000 rows and 10 columns, one after the other. */
async function trainingSeconds(): Promise<ScaleRates['training']> {
  const definition = structuredClone(training.definition) as typeof training.definition & {
    States: { Train: { MaxConcurrency: number } }
  }
  definition.States.Train.MaxConcurrency = 1
  const times = new Map<string, number[]>()
  const tasks = training.tasks.map((task) => ({
    ...task,
    run: async (...call: Parameters<typeof task.run>) => {
      const started = process.cpuUsage()
      try {
        return await task.run(...call)
      } finally {
        times.set(task.name, [...(times.get(task.name) ?? []), secondsSince(started)])
      }
    },
  }))
  const ports = memoryPorts()
  // The first training compiles, and leaves a champion to be judged against.
  for (const seed of [1, 2, 3]) {
    times.clear()
    const bytes = makeData({ ...made, rows: 1000, cols: 10, noise: 0.2 }, seed)
    const input = await putUpload(ports.objects, 'uploads/scale/data.npy', bytes)
    const run = await runWorkflow(
      { ...training, definition, tasks },
      { input, ports, name: `t${seed}` },
    )
    if (run.status !== 'SUCCEEDED')
      throw new Error(`the training ended ${run.status}: ${run.cause}`)
  }
  return Object.fromEntries([...times].map(([task, runs]) => [task, runs.map(rounded)]))
}

function processorSeconds(work: () => void): number {
  const started = process.cpuUsage()
  work()
  return secondsSince(started)
}

function secondsSince(started: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(started)
  return (user + system) / 1e6
}

/** Two digits: the next ones differ from run to run. */
function rounded(seconds: number): number {
  return Number(seconds.toPrecision(2))
}
