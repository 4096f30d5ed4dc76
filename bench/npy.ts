import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { npyToMatrix, readNpy, seededRandom, writeNpy } from '../ml/data/index.ts'
import { median } from './median.ts'

/**
 * Reading `.npy` beside npyjs: 80 MB of float64 (500,000 × 20), the file in the system's cache, each
 * read in a fresh process of its own, the peers taking turns, median of 7 rounds.
 *
 *     node bench/npy.ts
 *
 * `first` is the first read of a process, `again` the median of four more, `process` the whole life
 * of a process that reads once. Resident memory is the process's peak after the first read over its
 * peak before it, without the payload.
 */
const rounds = 7
const [rows, cols] = [500_000, 20]
const payloadBytes = rows * cols * 8

interface Sample {
  readonly peer: string
  readonly measures: Readonly<Record<string, { readonly value: number; readonly unit: string }>>
}

const [mode, peer, path] = process.argv.slice(2)
if (mode === 'read' && peer !== undefined && path !== undefined) {
  console.log(JSON.stringify(await measureRead(peer, path)))
} else if (mode === 'once' && peer !== undefined && path !== undefined) {
  await (
    await reader(peer)
  )(path)
} else if (mode === 'write' && path !== undefined) {
  writeFileSync(path, writeNpy({ shape: [rows, cols], data: values() }))
} else {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  try {
    compare(join(folder, 'values.npy'))
  } finally {
    rmSync(folder, { recursive: true })
  }
  timeConversion()
}

function compare(file: string): void {
  // A process begins with its parent's peak of memory, so this one must hold nothing large yet.
  runChild('write', 'any', file)
  const peers = ['millrace', 'npyjs']
  const samples: Sample[] = []
  for (let round = 0; round < rounds; round++) {
    for (const peer of peers) samples.push(sample(peer, file))
  }
  for (const measure of Object.keys(samples[0]!.measures)) {
    const [ours, theirs] = peers.map((peer) => {
      const measured = samples.filter((sample) => sample.peer === peer)
      const value = median(measured.map((sample) => sample.measures[measure]!.value))
      print(measure, peer, value, measured[0]!.measures[measure]!.unit)
      return value
    })
    if (measure !== 'npy.rss') print(`${measure}.ratio`, 'npyjs/millrace', theirs! / ours!, 'times')
  }
}

function sample(peer: string, file: string): Sample {
  const start = performance.now()
  const output = runChild('once', peer, file)
  const wall = performance.now() - start
  if (output !== '') throw new Error(`unexpected output: ${output}`)
  const { measures } = JSON.parse(runChild('read', peer, file)) as Sample
  return { peer, measures: { ...measures, 'npy.process.wall': { value: wall, unit: 'ms' } } }
}

function runChild(mode: string, peer: string, file: string): string {
  const self = fileURLToPath(import.meta.url)
  return execFileSync(process.execPath, [self, mode, peer, file], { encoding: 'utf8' })
}

async function measureRead(peer: string, path: string): Promise<Sample> {
  const read = await reader(peer)
  // Node still compiles its type stripper in the background after it loaded this file.
  await setTimeout(300)
  const peakBefore = process.resourceUsage().maxRSS
  const first = await timed(() => read(path))
  const rss = (process.resourceUsage().maxRSS - peakBefore) / 1024 - payloadBytes / 2 ** 20
  const again: { wall: number; cpu: number }[] = []
  for (let i = 0; i < 4; i++) again.push(await timed(() => read(path)))
  return {
    peer,
    measures: {
      'npy.first.wall': { value: first.wall, unit: 'ms' },
      'npy.first.cpu': { value: first.cpu, unit: 'ms' },
      'npy.again.wall': { value: median(again.map(({ wall }) => wall)), unit: 'ms' },
      'npy.again.cpu': { value: median(again.map(({ cpu }) => cpu)), unit: 'ms' },
      'npy.rss': { value: rss, unit: 'MiB over payload' },
    },
  }
}

async function reader(peer: string): Promise<(path: string) => Promise<ArrayLike<unknown>>> {
  if (peer === 'millrace') return async (path) => (await readNpy(path)).data
  const { load } = await import('npyjs')
  return async (path) => (await load(readFileSync(path))).data as Float64Array
}

async function timed(
  read: () => Promise<ArrayLike<unknown>>,
): Promise<{ wall: number; cpu: number }> {
  const cpuBefore = process.cpuUsage()
  const start = performance.now()
  const data = await read()
  const wall = performance.now() - start
  const { user, system } = process.cpuUsage(cpuBefore)
  if (data.length !== rows * cols) throw new Error(`read ${data.length} values`)
  return { wall, cpu: (user + system) / 1000 }
}

/** Fortran order to a row-major matrix, tall and wide, beside the same values in C order. */
function timeConversion(): void {
  const data = new Float32Array(values())
  for (const shape of [
    [rows, cols],
    [2_000, 5_000],
    [cols, rows],
  ]) {
    for (const fortranOrder of [false, true]) {
      const times = Array.from({ length: 5 }, () => {
        const start = performance.now()
        npyToMatrix({ shape, dtype: 'float32', fortranOrder, data })
        return performance.now() - start
      })
      const order = fortranOrder ? 'fortran' : 'c'
      print(`npy.matrix.${order}.${shape.join('x')}`, 'millrace', median(times), 'ms')
    }
  }
}

function values(): Float64Array {
  const random = seededRandom(3)
  return Float64Array.from({ length: rows * cols }, () => random() * 1000)
}

function print(measure: string, peer: string, value: number, unit: string): void {
  console.log(JSON.stringify({ measure, peer, value: Number(value.toPrecision(4)), unit }))
}
