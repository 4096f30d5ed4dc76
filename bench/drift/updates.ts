/**
 * Detectors: one JSON line a measure, `{measure, peer, value, unit}`. Times are CPU times, medians of
 * the rounds. With the path of a Python that has river installed, river's detectors run the same
 * stream, the peers taking turns, and the ratio of the medians is told, too.
 *
 *     node --expose-gc bench/drift/updates.ts [PYTHON]
 *
 * `update` is one value into a detector; the streams of 300,000 jump every 60,000. `allocated` is
 * what the heap grew by over a million updates without a collection, `memory` what a detector holds
 * after 1,000 values, and of ADWIN what it holds beside its buckets (16 bytes each).
 */
import { execFileSync } from 'node:child_process'
import { ADWIN, DDM, EDDM, HDDM_A, PageHinkley, type Detector } from '../../ml/drift/index.ts'
import { median } from '../median.ts'
import { cpuMilliseconds, print } from './measure.ts'

const rounds = 7
const streamLength = 300_000

interface Contestant {
  readonly length: number
  readonly make: () => Detector
  readonly river: string
  readonly stream: 'jumps' | 'errors'
}

const contestants: Readonly<Record<string, Contestant>> = {
  PageHinkley: {
    length: streamLength,
    make: () => new PageHinkley(),
    river: 'drift.PageHinkley()',
    stream: 'jumps',
  },
  ADWIN: { length: streamLength, make: () => new ADWIN(), river: 'drift.ADWIN()', stream: 'jumps' },
  'ADWIN.clock1': {
    length: streamLength / 3,
    make: () => new ADWIN({ clock: 1 }),
    river: 'drift.ADWIN(clock=1)',
    stream: 'jumps',
  },
  DDM: {
    length: streamLength,
    make: () => new DDM(),
    river: 'drift.binary.DDM()',
    stream: 'errors',
  },
  EDDM: {
    length: streamLength,
    make: () => new EDDM(),
    river: 'drift.binary.EDDM()',
    stream: 'errors',
  },
  HDDM_A: {
    length: streamLength / 3,
    make: () => new HDDM_A(),
    river: 'drift.binary.HDDMA()',
    stream: 'errors',
  },
}

const streams = { jumps: jumps(), errors: errors() }
const python = process.argv[2]
for (const [name, contestant] of Object.entries(contestants)) {
  timeUpdates(name, contestant)
  measureAllocation(name, contestant)
  measureMemory(name, contestant)
}

function timeUpdates(name: string, { length, make, river, stream }: Contestant): void {
  const values = streams[stream]
  const own: number[] = []
  const peer: number[] = []
  for (let round = 0; round < rounds; round++) {
    const detector = make()
    const milliseconds = cpuMilliseconds(() => {
      for (let i = 0; i < length; i++) detector.update(values[i]!)
    })
    own.push((milliseconds * 1e6) / length)
    if (python !== undefined) peer.push(riverNanoseconds(python, river, stream, length))
  }
  print(`drift.${name}.update`, 'millrace', median(own), 'ns')
  if (peer.length === 0) return
  print(`drift.${name}.update`, 'river', median(peer), 'ns')
  print(`drift.${name}.update`, 'millrace/river', median(own) / median(peer), 'ratio')
}

function measureAllocation(name: string, { make, stream }: Contestant): void {
  const detector = make()
  // As objects made beforehand: passing a bare double to a call may make one each time.
  const elements: unknown[] = ['not a number', ...streams[stream]]
  const values = elements.slice(1) as number[]
  const run = () => {
    for (let i = 0; i < 1_000_000; i++) detector.update(values[i % streamLength]!)
  }
  run()
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  run()
  const grown = process.memoryUsage().heapUsed - before
  print(`drift.${name}.allocated`, 'millrace', grown / 1_000_000, 'bytes/update')
}

function measureMemory(name: string, { make, stream }: Contestant): void {
  const values = streams[stream].subarray(0, 1000)
  globalThis.gc?.()
  const before = memory()
  const detectors = Array.from({ length: 5000 }, make)
  for (const detector of detectors) for (const value of values) detector.update(value)
  globalThis.gc?.()
  const each = (memory() - before) / detectors.length
  print(`drift.${name}.memory`, 'millrace', each, 'bytes/detector')
  const [first] = detectors
  if (!(first instanceof ADWIN)) return
  const buckets = 16 * first.state().buckets.totals.length
  print(`drift.${name}.memory.besideBuckets`, 'millrace', each - buckets, 'bytes/detector')
}

function memory(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Uniform values, half a unit higher in every second block of 60,000. */
function jumps(): Float64Array {
  const next = congruential()
  return Float64Array.from({ length: streamLength }, (_, i) => {
    return next() + (Math.floor(i / 60_000) % 2) / 2
  })
}

/** Errors in 20%, in every second block of 60,000 in 40%. */
function errors(): Float64Array {
  const next = congruential()
  return Float64Array.from({ length: streamLength }, (_, i) => {
    return next() < 0.2 * (1 + (Math.floor(i / 60_000) % 2)) ? 1 : 0
  })
}

/** A source that Python has, too. */
function congruential(): () => number {
  let state = 12345
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32
    return state / 2 ** 32
  }
}

function riverNanoseconds(
  python: string,
  detector: string,
  stream: Contestant['stream'],
  length: number,
): number {
  const value = {
    jumps: 'state / 2**32 + (i // 60000 % 2) / 2',
    errors: 'int(state / 2**32 < 0.2 * (1 + i // 60000 % 2))',
  }[stream]
  const script = [
    'import time',
    'from river import drift',
    'state, stream = 12345, []',
    `for i in range(${length}):`,
    '    state = (state * 1664525 + 1013904223) % 2**32',
    `    stream.append(${value})`,
    `detector = ${detector}`,
    'start = time.process_time_ns()',
    'for value in stream: detector.update(value)',
    'print((time.process_time_ns() - start) / len(stream))',
  ].join('\n')
  return Number(execFileSync(python, ['-c', script], { encoding: 'utf8' }))
}
