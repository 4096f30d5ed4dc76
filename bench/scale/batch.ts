import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { npyHeaderOf, npyToMatrix, readNpy, seededRandom, writeNpy } from '../../ml/data/index.ts'
import type { SVC } from '../../ml/models/index.ts'
import { openPlatform, type Platform } from '../../platform/local/platform.ts'
import { createBatches } from '../../tasks/batches.ts'
import { openModel } from '../../tasks/model-artifact.ts'
import { createRegistry } from '../../tasks/registry.ts'
import { median } from '../median.ts'
import { emit, readProblem, writeSynthetic } from '../models/kernels-data.ts'
import { residentBytes, resetPeak } from '../resident-memory.ts'

/**
 * A batch in an embedded run, from its start to the joined result on the disk: rows a second beside
 * scikit-learn's prediction of the same file by a machine with as many support vectors, memory at two
 * sizes, and whether the result is to the bit what one process predicts in one piece (Linux).
 *
 *   python -m venv .venv && .venv/bin/pip install scikit-learn==1.9.1
 *   node bench/scale/batch.ts --python .venv/bin/python
 *
 * One JSON line a measure, medians of the rounds. Every round runs each peer once in a fresh process;
 * `--peer-rows` has scikit-learn predict the first rows alone, on a busy machine.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: 'string', default: 'python3' },
    rows: { type: 'string', default: '1000000' },
    fewer: { type: 'string', default: '250000' },
    'peer-rows': { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    concurrency: { type: 'string', default: '3' },
    child: { type: 'boolean', default: false },
  },
})
const cols = 20
/** Of which a part is held out: the machine has about 1,000 support vectors. */
const trainingRows = 3000
/** What is drawn, of which the first ones are the training's. */
const drawnRows = 5000
const model = { user: 'ada', dataset: 'clouds' }
const script = fileURLToPath(import.meta.url)
const peer = fileURLToPath(new URL('batch_sklearn.py', import.meta.url))
const run = promisify(execFile)

interface Timed {
  readonly rows: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly vectors: number
}

interface BatchRun extends Timed {
  /** Most that was resident since the batch began. */
  readonly peakBytes: number
  readonly sha256: string
  readonly ranges: number
}

if (values.child) await child(positionals)
else await compareAll()

async function compareAll(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-batch-'))
  try {
    const training = join(directory, 'training.npy')
    await writeTraining(training, directory)
    const files = new Map<number, string>()
    for (const rows of [Number(values.rows), Number(values.fewer)]) {
      const file = join(directory, `${rows}.npy`)
      await writeRows(file, rows, training)
      files.set(rows, file)
    }
    const largest = files.get(Number(values.rows))!
    const mine: BatchRun[] = []
    const theirs: Timed[] = []
    for (let round = 0; round < Number(values.rounds); round++) {
      mine.push(await own<BatchRun>('batch', directory, largest))
      const vectors = String(mine[0]!.vectors)
      const some = [training, largest, values['peer-rows'], vectors]
      theirs.push(await read<Timed>(values.python, [peer, ...some]))
    }
    const alone = await own<Timed & { sha256: string }>('alone', directory, largest)
    const fewer = await own<BatchRun>('batch', directory, files.get(Number(values.fewer))!)
    report({ mine, theirs, alone, fewer })
  } finally {
    await rm(directory, { recursive: true })
  }
}

function report(measured: {
  mine: readonly BatchRun[]
  theirs: readonly Timed[]
  alone: Timed & { sha256: string }
  fewer: BatchRun
}): void {
  const { mine, theirs, alone, fewer } = measured
  const rate = (all: readonly Timed[]) => median(all.map(({ rows, seconds }) => rows / seconds))
  const cpuRate = (all: readonly Timed[]) =>
    median(all.map(({ rows, cpuSeconds }) => rows / cpuSeconds))
  const [largest] = mine as [BatchRun, ...BatchRun[]]
  emit('batch.vectors', 'millrace', largest.vectors, 'count')
  emit('batch.vectors', 'scikit-learn', theirs[0]!.vectors, 'count')
  emit('batch.ranges', 'millrace', largest.ranges, 'count')
  emit('batch.rows', 'millrace', rate(mine), 'rows/s')
  emit('batch.rows', 'scikit-learn', rate(theirs), 'rows/s')
  emit('batch.rows.ratio', 'millrace', rate(mine) / rate(theirs), 'x')
  emit('batch.rows_cpu', 'millrace', cpuRate(mine), 'rows/CPU s')
  emit('batch.rows_cpu', 'scikit-learn', cpuRate(theirs), 'rows/CPU s')
  emit('batch.rows_cpu.ratio', 'millrace', cpuRate(mine) / cpuRate(theirs), 'x')
  emit('batch.rows', 'millrace, one process in one piece', rate([alone]), 'rows/s')
  const peak = median(mine.map(({ peakBytes }) => peakBytes))
  emit(`batch.peak.${fewer.rows}`, 'millrace', fewer.peakBytes / 2 ** 20, 'MiB')
  emit(`batch.peak.${largest.rows}`, 'millrace', peak / 2 ** 20, 'MiB')
  const equal = mine.filter(({ sha256 }) => sha256 === alone.sha256).length
  emit('batch.equal_to_the_bit', 'millrace', equal, `of ${mine.length}`)
}

async function child([command, directory, file]: string[]): Promise<void> {
  const timed =
    command === 'batch' ? await batchRun(directory!, file!) : await alone(directory!, file!)
  console.log(JSON.stringify(timed))
}

/** The batch in a platform of its own, which has the model and the file when its time begins. */
async function batchRun(directory: string, file: string): Promise<BatchRun> {
  const dataDir = await mkdtemp(join(directory, 'data-'))
  const platform = await openPlatform({ dataDir, computeThreads: Number(values.threads) })
  const { ports } = platform
  try {
    const modelFile = await trained(platform, join(directory, 'training.npy'))
    writeFileSync(join(directory, 'model'), modelFile)
    const key = 'inputs/ada/clouds/rows.npy'
    await ports.objects.put(key, createReadStream(file, { highWaterMark: 2 ** 20 }))
    resetPeak()
    const [before, cpu] = [performance.now(), process.cpuUsage()]
    await ports.executions.start({
      workflow: 'batch',
      name: 'bench',
      input: {
        model: 'ada/clouds',
        file: { key },
        format: 'npy',
        concurrency: Number(values.concurrency),
      },
    })
    await ended(platform, 'batch', 'bench')
    const seconds = (performance.now() - before) / 1000
    const { user, system } = process.cpuUsage(cpu)
    const peakBytes = residentBytes('VmHWM')
    const { rows, ranges, result } = await createBatches(ports.table).find(model, 'bench')
    return {
      rows,
      seconds,
      cpuSeconds: (user + system) / 1e6,
      vectors: vectorsOf(modelFile),
      peakBytes,
      sha256: result!.object!.sha256,
      ranges,
    }
  } finally {
    await platform.close()
    await rm(dataDir, { recursive: true })
  }
}

/** What one process makes of the whole file in one piece. */
async function alone(directory: string, file: string): Promise<Timed & { sha256: string }> {
  const bytes = readFileSync(join(directory, 'model'))
  const { pipeline: loaded } = openModel(bytes)
  const [before, cpu] = [performance.now(), process.cpuUsage()]
  const X = npyToMatrix(await readNpy(file))
  const data = loaded.predict(X)
  const { user, system } = process.cpuUsage(cpu)
  return {
    rows: X.rows,
    seconds: (performance.now() - before) / 1000,
    cpuSeconds: (user + system) / 1e6,
    vectors: vectorsOf(bytes),
    sha256: createHash('sha256')
      .update(writeNpy({ shape: [X.rows], data }))
      .digest('hex'),
  }
}

/** Uploads the training file, and answers the bytes of the model that came of it. */
async function trained(platform: Platform, training: string): Promise<Uint8Array> {
  const { objects, executions, table, clock } = platform.ports
  const configuration = JSON.stringify({ algorithms: ['svc'], trials: 1 })
  await objects.put('uploads/ada/clouds.npy', await readFile(training), {
    metadata: { configuration },
  })
  let name: string | undefined
  while (name === undefined) {
    await pause()
    name = (await executions.list({ workflow: 'training' })).executions[0]?.name
  }
  await ended(platform, 'training', name)
  const { artifact } = await createRegistry(table, clock).version(model, 0)
  return objects.read(artifact.key, { versionId: artifact.versionId })
}

async function ended({ ports }: Platform, workflow: string, name: string): Promise<void> {
  for (;;) {
    const { status, error, cause } = await ports.executions.describe(workflow, name)
    if (status === 'SUCCEEDED') return
    if (status !== 'RUNNING') throw new Error(`${workflow} ${status}: ${error}: ${cause}`)
    await pause()
  }
}

function vectorsOf(modelFile: Uint8Array): number {
  const { model: machine } = openModel(modelFile).pipeline
  return (machine as unknown as SVC).supportVectorCount.reduce((sum, count) => sum + count, 0)
}

async function writeTraining(file: string, directory: string): Promise<void> {
  const folder = join(directory, 'synthetic')
  await writeSynthetic(folder, drawnRows)
  const { X, y } = await readProblem(folder)
  const data = new Float64Array(trainingRows * (cols + 1))
  for (let i = 0; i < trainingRows; i++) {
    data.set(X.data.subarray(i * cols, (i + 1) * cols), i * (cols + 1))
    data[i * (cols + 1) + cols] = y[i]!
  }
  await writeFile(file, writeNpy({ shape: [trainingRows, cols + 1], data }))
}

/** Rows near to those of the training. */
async function writeRows(file: string, rows: number, training: string): Promise<void> {
  const known = npyToMatrix(await readNpy(training))
  const random = seededRandom(rows)
  const chunk = 10_000
  async function* bytes() {
    yield npyHeaderOf([rows, cols], 'float64')
    for (let from = 0; from < rows; from += chunk) {
      const data = new Float64Array(Math.min(chunk, rows - from) * cols)
      for (let at = 0; at < data.length; at++) {
        const row = (from + Math.floor(at / cols)) % known.rows
        data[at] = known.data[row * known.cols + (at % cols)]! + random() - 0.5
      }
      yield new Uint8Array(data.buffer)
    }
  }
  await pipeline(bytes, createWriteStream(file))
}

async function own<T>(...args: string[]): Promise<T> {
  const given = ['--threads', values.threads, '--concurrency', values.concurrency]
  return read(process.execPath, [script, '--child', ...given, '--', ...args])
}

async function read<T>(command: string, args: readonly string[]): Promise<T> {
  const oneThread = { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', MKL_NUM_THREADS: '1' }
  const { stdout } = await run(command, args, { env: { ...process.env, ...oneThread } })
  return JSON.parse(stdout) as T
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20))
}
