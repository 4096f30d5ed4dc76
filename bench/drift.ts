/**
 * Drift detection: one JSON line a measure, `{measure, peer, value, unit}`. Times are CPU times,
 * medians of the rounds. With the path of a Python that has river installed, river's detectors run
 * the same stream, the peers taking turns.
 *
 *     node bench/drift.ts [PYTHON]
 *
 * `update` is one value into a detector; the stream of 300,000 jumps every 60,000. `allocated` is
 * what the heap grew by over a million updates. `drift.batch` compares 100,000 rows × 50 features
 * with a baseline, `drift.baseline` makes one from as many.
 */
import { execFileSync } from 'node:child_process'
import type { Matrix } from '../ml/data/matrix.ts'
import { seededRandom } from '../ml/data/random.ts'
import { ADWIN, compareBatch, makeBaseline, PageHinkley, type Detector } from '../ml/drift/index.ts'

const rounds = 7
const streamLength = 300_000

const detectors: Readonly<Record<string, { length: number; make: () => Detector; river: string }>> =
  {
    PageHinkley: { length: streamLength, make: () => new PageHinkley(), river: 'PageHinkley()' },
    ADWIN: { length: streamLength, make: () => new ADWIN(), river: 'ADWIN()' },
    'ADWIN.clock1': {
      length: streamLength / 3,
      make: () => new ADWIN({ clock: 1 }),
      river: 'ADWIN(clock=1)',
    },
  }

const python = process.argv[2]
timeUpdates()
measureAllocation()
timeBatches()

function timeUpdates(): void {
  const stream = jumps()
  for (const [name, { length, make, river }] of Object.entries(detectors)) {
    const times: Record<string, number[]> = { millrace: [], river: [] }
    for (let round = 0; round < rounds; round++) {
      const detector = make()
      const milliseconds = cpuMilliseconds(() => {
        for (let i = 0; i < length; i++) detector.update(stream[i]!)
      })
      times.millrace!.push((milliseconds * 1e6) / length)
      if (python !== undefined) times.river!.push(riverNanoseconds(python, river, length))
    }
    for (const [peer, nanoseconds] of Object.entries(times)) {
      if (nanoseconds.length > 0) print(`drift.${name}.update`, peer, median(nanoseconds), 'ns')
    }
  }
}

function measureAllocation(): void {
  const stream = jumps()
  for (const [name, { make }] of Object.entries(detectors)) {
    const detector = make()
    const run = () => {
      for (let i = 0; i < 1_000_000; i++) detector.update(stream[i % streamLength]!)
    }
    run()
    const before = process.memoryUsage().heapUsed
    run()
    const grown = process.memoryUsage().heapUsed - before
    print(`drift.${name}.allocated`, 'millrace', grown / 1_000_000, 'bytes/update')
  }
}

function timeBatches(): void {
  const featureNames = Array.from({ length: 50 }, (_, j) => `feature ${j}`)
  const trained = batch(100_000, 50, 1)
  const arrived = batch(100_000, 50, 2)
  const baseline = makeBaseline(trained, { featureNames, seed: 1 })
  const measures = {
    'drift.baseline': () => makeBaseline(trained, { featureNames, seed: 1 }),
    'drift.batch': () => compareBatch(baseline, arrived, { seed: 1 }),
    'drift.batch.timeOrdered': () =>
      compareBatch(baseline, arrived, { seed: 1, timeOrdered: true }),
  }
  for (const [name, run] of Object.entries(measures)) {
    const times = Array.from({ length: rounds }, () => cpuMilliseconds(run))
    print(name, 'millrace', median(times), 'ms')
  }
}

/** Uniform values, half a unit higher in every second block of 60,000. */
function jumps(): Float64Array {
  let state = 12345
  return Float64Array.from({ length: streamLength }, (_, i) => {
    state = (state * 1664525 + 1013904223) % 2 ** 32
    return state / 2 ** 32 + (Math.floor(i / 60_000) % 2) / 2
  })
}

function batch(rows: number, cols: number, seed: number): Matrix {
  const random = seededRandom(seed)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return { data: Float64Array.from({ length: rows * cols }, normal), rows, cols }
}

function riverNanoseconds(python: string, detector: string, length: number): number {
  const script = [
    'import time',
    'from river import drift',
    'state, stream = 12345, []',
    `for i in range(${length}):`,
    '    state = (state * 1664525 + 1013904223) % 2**32',
    '    stream.append(state / 2**32 + (i // 60000 % 2) / 2)',
    `detector = drift.${detector}`,
    'start = time.process_time_ns()',
    'for value in stream: detector.update(value)',
    'print((time.process_time_ns() - start) / len(stream))',
  ].join('\n')
  return Number(execFileSync(python, ['-c', script], { encoding: 'utf8' }))
}

function cpuMilliseconds(run: () => unknown): number {
  const start = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

function print(measure: string, peer: string, value: number, unit: string): void {
  console.log(JSON.stringify({ measure, peer, value: Number(value.toPrecision(4)), unit }))
}
