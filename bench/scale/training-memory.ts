/**
 * Measures the memory of the task Train on a large `.npy` or CSV, each in a fresh process, in units of
 * the file: resident memory at its highest, beyond what the process has before it begins.
 *
 *     node bench/scale/training-memory.ts [--megabytes 200] [--algorithms ridge,k-means] [--compute place,thread] [--format csv]
 */
import { execFile } from 'node:child_process'
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { InPlaceCompute } from '../../platform/aws/compute.ts'
import { LocalCompute } from '../../platform/local/compute.ts'
import type { Objects } from '../../platform/ports/index.ts'
import { memoryPorts } from '../../platform/testing/index.ts'
import type { LearningTask, TrainingClaim } from '../../tasks/shapes.ts'
import { train } from '../../tasks/train.ts'
import { makeData } from '../plan/made-data.ts'
import { residentBytes, resetPeak } from '../resident-memory.ts'

const tasks: Readonly<Record<string, LearningTask>> = {
  ridge: 'regression',
  'logistic-regression': 'classification',
  'k-means': 'clustering',
  'gradient-boosting': 'regression',
}
const cols = 20

const { values: given } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '200' },
    algorithms: { type: 'string', default: Object.keys(tasks).join(',') },
    compute: { type: 'string', default: 'place,thread' },
    format: { type: 'string', default: 'npy' },
    file: { type: 'string' },
  },
})

const format = given.format === 'csv' ? 'csv' : 'npy'

if (given.file === undefined) await measureAll()
else await measureHere(given.file, given.algorithms, given.compute)

async function measureAll(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-memory-'))
  try {
    for (const task of new Set(Object.values(tasks))) {
      const file = join(folder, `${task}.${format}`)
      const rows = Math.floor((Number(given.megabytes) * 1e6) / (8 * (cols + 1)))
      await writeFile(file, makeData({ task, rows, cols, classes: 3, noise: 0.2, format }))
      const algorithms = given.algorithms.split(',').filter((name) => tasks[name] === task)
      for (const algorithm of algorithms) {
        for (const compute of given.compute.split(',')) {
          const options = { file, algorithms: algorithm, compute, format }
          const settings = Object.entries(options).map(([name, value]) => `--${name}=${value}`)
          const { stdout } = await promisify(execFile)(process.execPath, [
            import.meta.filename,
            ...settings,
          ])
          process.stdout.write(stdout)
        }
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function measureHere(file: string, algorithm: string, compute: string): Promise<void> {
  const local = new LocalCompute({ threads: 1 })
  const ports = memoryPorts()
  const { size } = statSync(file)
  const key = `uploads/bench/data.${format}`
  const version = { bucket: 'millrace', key, versionId: 'v1', size }
  const claim: TrainingClaim = {
    model: { user: 'bench', dataset: 'data' },
    format,
    source: { ...version, sha256: '7'.repeat(64) },
    sequencer: '01',
    sidecar: null,
    trainingId: 'bench',
    execution: 'bench',
  }
  const configuration = JSON.stringify({ task: tasks[algorithm], trials: 1 })
  const described = {
    ...{ ...version, etag: 'e', lastModified: '', contentType: 'application/octet-stream' },
    metadata: { configuration },
  }
  const objects = withFile(ports.objects, key, {
    head: async () => described,
    read: async (_, { start = 0, end = size } = {}) => bytesOf(file, start, end),
  })
  resetPeak()
  const before = residentBytes('VmRSS')
  const started = process.cpuUsage()
  const fit = await train.run(
    { claim, algorithm },
    { ...ports, objects, compute: compute === 'thread' ? local : new InPlaceCompute() },
    { signal: new AbortController().signal },
  )
  const { user, system } = process.cpuUsage(started)
  const peak = residentBytes('VmHWM') - before
  await local.close()
  const measure = `memory of training ${algorithm}, ${compute === 'thread' ? 'in a thread' : 'in place'}`
  const line = { measure, peer: 'millrace', value: Number((peak / size).toFixed(2)), unit: 'files' }
  const about = { file: size, seconds: Math.round((user + system) / 1e6), outcome: fit.outcome }
  const digest = fit.outcome === 'trained' ? fit.artifact.sha256.slice(0, 16) : null
  process.stdout.write(`${JSON.stringify({ ...line, ...about, digest })}\n`)
}

/** Objects one of which is a file. */
function withFile(objects: Objects, key: string, file: Pick<Objects, 'head' | 'read'>): Objects {
  return new Proxy(objects, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (first: string, ...rest: unknown[]): unknown => {
        const own = first === key && (name === 'head' || name === 'read') ? file[name] : value
        return (own as (...all: unknown[]) => unknown).call(target, first, ...rest)
      }
    },
  })
}

function bytesOf(file: string, start: number, end: number): Uint8Array {
  const bytes = new Uint8Array(end - start)
  const descriptor = openSync(file, 'r')
  for (let at = 0; at < bytes.length;) {
    at += readSync(descriptor, bytes, at, bytes.length - at, start + at)
  }
  closeSync(descriptor)
  return bytes
}
