import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { rowOf } from '../../ml/data/index.ts'
import type { Tensors } from '../../ml/models/index.ts'
import { residentBytes, resetPeak } from '../resident-memory.ts'
import { cases, makeProblem, type Case } from './memory-cases.ts'

/**
 * The memory of a fit, and of a prediction of one row, of everything in `millrace/models` that fits.
 *
 *   node bench/models/memory.ts [--only RandomForest,SVC] [--rounds 3]
 *
 * Linux only. Each fit is in a process of its own, which holds the data, has fitted a few rows before
 * (so that code is loaded) and collected its garbage. `memory.X.fit` is how far the process's resident
 * memory then rises over the fit at its highest (VmHWM, reset before), less the model that the fit
 * makes and the cache it was told to take, as a multiple of the bytes of X and y: 1 is one copy more.
 * Garbage that is not collected yet counts; the space for young objects is kept at 1 MB, so that it is
 * little. The median of the rounds is told. `memory.X.row` is the growth of the heap by a call of
 * `predictRow`, and of `predictProbaRow` where there is one, over many calls without a collection.
 */
interface FitMemory {
  readonly data: number
  readonly peak: number
  readonly model: number
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '3' },
    child: { type: 'string' },
  },
})
const calls = 20_000
const rowsForCalls = 2000
const megabyte = 2 ** 20

if (values.child === 'fit') console.log(JSON.stringify(measureFit(positionals[0]!)))
else if (values.child === 'rows') console.log(JSON.stringify(measureRows(positionals[0]!)))
else await measureAll()

async function measureAll(): Promise<void> {
  const wanted = values.only.split(',')
  for (const name of Object.keys(cases)) {
    if (!wanted.some((part) => name.includes(part))) continue
    const { rows, cols, cacheMB = 0 } = cases[name]!
    const rounds: FitMemory[] = []
    for (let round = 0; round < Number(values.rounds); round++) {
      rounds.push(await inChild<FitMemory>('fit', name, ['--max-semi-space-size=1']))
    }
    const sorted = rounds.toSorted((a, b) => a.peak - b.peak)
    const { data, peak, model } = sorted[sorted.length >> 1]!
    tell(`memory.${name}.fit`, (peak - model - cacheMB * megabyte) / data, 'x data', {
      rows,
      cols,
      dataMB: inMegabytes(data),
      peakMB: inMegabytes(peak),
      modelMB: inMegabytes(model),
      cacheMB,
    })
    const bytes = await inChild<number | null>('rows', name, ['--min-semi-space-size=64'])
    if (bytes !== null) tell(`memory.${name}.row`, bytes, 'bytes')
  }
}

async function inChild<Result>(what: string, name: string, flags: string[]): Promise<Result> {
  const script = fileURLToPath(import.meta.url)
  const args = ['--expose-gc', ...flags, script, '--child', what, name]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stdout) as Result
}

function tell(measure: string, value: number, unit: string, more: Record<string, number> = {}) {
  const line = { measure, peer: 'millrace', value: Number(value.toFixed(2)), unit, ...more }
  console.log(JSON.stringify(line))
}

function inMegabytes(bytes: number): number {
  return Number((bytes / megabyte).toFixed(1))
}

function measureFit(name: string): FitMemory {
  const { rows, cols, values: kind, warmRows = 400, fit }: Case = cases[name]!
  fit(makeProblem(warmRows, cols, kind))
  const problem = makeProblem(rows, cols, kind)
  collect()
  resetPeak()
  const before = residentBytes('VmRSS')
  const fitted = fit(problem)
  const peak = residentBytes('VmHWM') - before
  const data = problem.X.data.byteLength + problem.y.byteLength
  return { data, peak, model: bytesOf(fitted.toTensors()) }
}

/** Bytes a call; null where there is no prediction of one row. */
function measureRows(name: string): number | null {
  const { rows, cols, values: kind, fit }: Case = cases[name]!
  const problem = makeProblem(Math.min(rows, rowsForCalls), cols, kind)
  const fitted = fit(problem)
  if (!fitted.predictRow) return null
  const views = Array.from({ length: 100 }, (_, i) => rowOf(problem.X, i))
  const out = new Float64Array(fitted.classes?.length ?? 0)
  const predictAll = () => {
    for (let k = 0; k < calls; k++) {
      fitted.predictRow!(views[k % views.length]!)
      fitted.predictProbaRow?.(views[k % views.length]!, out)
    }
  }
  predictAll()
  let least = Infinity
  for (let round = 0; round < 5; round++) {
    collect()
    const before = process.memoryUsage().heapUsed
    predictAll()
    least = Math.min(least, process.memoryUsage().heapUsed - before)
  }
  return least / calls
}

function bytesOf(tensors: Tensors): number {
  return Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0)
}

function collect(): void {
  for (let k = 0; k < 3; k++) global.gc!()
}
