/**
 * KMeans beside scikit-learn on one thread, 100,000 × 8, k = 8: one JSON line a measure,
 * `{measure, peer, value, unit}`. Every round runs each peer once, in a process of its own that fits
 * four times; the first fit is not measured, values are medians of CPU time.
 * `node bench/models/clustering.ts [--python PYTHON] [--rounds 5]`, PYTHON with scikit-learn for the
 * ratio.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { npyToMatrix, parseNpy, seededRandom, writeNpy, type Matrix } from '../../ml/data/index.ts'
import { KMeans } from '../../ml/models/index.ts'
import { median } from '../median.ts'

interface Result {
  readonly start: 'given' | 'k-means++'
  readonly cpu: readonly number[]
  readonly inertia: number
  readonly iterations: number
}

const { values } = parseArgs({
  options: {
    python: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    fit: { type: 'string' },
  },
})

if (values.fit !== undefined) fitAll(npyToMatrix(parseNpy(readFileSync(values.fit))))
else compare(Number(values.rounds), values.python)

/** One line of a result a start, of this process. */
function fitAll(X: Matrix): void {
  const first = { data: X.data.slice(0, 8 * X.cols), rows: 8, cols: X.cols }
  for (const [start, init] of [
    ['given', first],
    ['k-means++', 'k-means++'],
  ] as const) {
    const cpu: number[] = []
    let model = new KMeans()
    for (let fit = 0; fit < 4; fit++) {
      const before = process.cpuUsage()
      model = new KMeans({ nClusters: 8, init, nInit: 1 }).fit(X)
      const { user, system } = process.cpuUsage(before)
      cpu.push((user + system) / 1000)
    }
    const { inertia, iterations } = model
    console.log(JSON.stringify({ start, cpu: cpu.slice(1), inertia, iterations } satisfies Result))
  }
}

function compare(rounds: number, python: string | undefined): void {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const file = join(folder, 'clouds.npy')
  const { data, rows, cols } = clouds(100_000, 8, 8)
  writeFileSync(file, writeNpy({ data, shape: [rows, cols] }))
  const peers: Record<string, string[]> = {
    millrace: [process.execPath, import.meta.filename, '--fit', file],
  }
  if (python !== undefined) {
    peers['scikit-learn'] = [python, join(import.meta.dirname, 'clustering_sklearn.py'), file]
  }
  const results = new Map<string, Result[]>(Object.keys(peers).map((peer) => [peer, []]))
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [peer, [program, ...args]] of Object.entries(peers)) {
        const lines = execFileSync(program!, args, { encoding: 'utf8', env: oneThread() })
        for (const line of lines.trim().split('\n')) {
          results.get(peer)!.push(JSON.parse(line) as Result)
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
  for (const start of ['given', 'k-means++'] as const) report(start, results)
}

function report(start: Result['start'], results: ReadonlyMap<string, readonly Result[]>): void {
  const emit = (measure: string, peer: string, value: number, unit: string) => {
    console.log(JSON.stringify({ measure: `kmeans.${start}.${measure}`, peer, value, unit }))
  }
  const cpu = new Map<string, number>()
  const inertia = new Map<string, number>()
  for (const [peer, all] of results) {
    const own = all.filter((result) => result.start === start)
    const { inertia: last, iterations } = own.at(-1)!
    cpu.set(peer, median(own.flatMap((result) => result.cpu)))
    inertia.set(peer, last)
    emit('train_cpu', peer, cpu.get(peer)!, 'ms')
    emit('inertia', peer, last, 'sum of squares')
    emit('iterations', peer, iterations, 'count')
  }
  if (!cpu.has('scikit-learn')) return
  const ratio = (of: ReadonlyMap<string, number>) => of.get('millrace')! / of.get('scikit-learn')!
  emit('train_cpu_ratio', 'millrace', ratio(cpu), 'x')
  emit('inertia_difference', 'millrace', Math.abs(ratio(inertia) - 1), 'ratio')
}

/** Rows around random centres, overlapping. */
function clouds(rows: number, cols: number, k: number): Matrix {
  const random = seededRandom(2)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const centres = Float64Array.from({ length: k * cols }, () => random() * 20 - 10)
  const data = new Float64Array(rows * cols)
  for (let i = 0; i < rows; i++) {
    const centre = Math.floor(random() * k) * cols
    for (let j = 0; j < cols; j++) data[i * cols + j] = centres[centre + j]! + 1.5 * normal()
  }
  return { data, rows, cols }
}

function oneThread(): NodeJS.ProcessEnv {
  return { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', MKL_NUM_THREADS: '1' }
}
