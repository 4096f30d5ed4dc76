import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { seededRandom, writeNpy } from '../../../ml/data/index.ts'
import { batch as workflow } from '../../../platform/local/batch.ts'
import { openLocalDatabase } from '../../../platform/local/database.ts'
import { openPlatform, type Platform } from '../../../platform/local/platform.ts'
import { LocalTable } from '../../../platform/local/table.ts'
import type { Ports } from '../../../platform/ports/index.ts'
import { createBatches, type Batches } from '../../../tasks/batches.ts'
import type { AnyTask } from '../../../tasks/task.ts'
import { irisNpy } from '../../fixtures/iris.ts'
import { ada, endedExecutions, irisKey, runPlatform } from './running.ts'

const script = fileURLToPath(new URL('./killed-batch.ts', import.meta.url))
const rows = 5000
const rangeRows = 500
const ranges = rows / rangeRows
const key = `inputs/ada/iris/${randomBytes(8).toString('hex')}.npy`
const request = {
  model: 'ada/iris',
  file: { key },
  format: 'npy',
  rangeRows,
  concurrency: 2,
}

/** Ranges whose shards this process wrote. */
const written: number[] = []
beforeEach(() => written.splice(0))

const task = workflow.tasks.find(({ name }) => name === 'PredictRange')!
const run = task.run.bind(task)
Object.assign(task, {
  run: (...[payload, ports, context]: Parameters<AnyTask['run']>) =>
    run(payload, noting(ports), context),
})

let root: string
const prepared = () => join(root, 'prepared')
let undisturbed: Buffer
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-batch-'))
  const platform = await openPlatform({ dataDir: prepared() })
  const configuration = JSON.stringify({ algorithms: ['logistic-regression'], trials: 1 })
  await platform.ports.objects.put(irisKey, irisNpy(), { metadata: { configuration } })
  await endedExecutions(platform)
  await platform.ports.objects.put(key, flowers())
  await platform.ports.executions.start({ workflow: 'batch', name: 'first', input: request })
  undisturbed = await resultOf(platform, 'first')
  await platform.close()
})
afterAll(() => rm(root, { recursive: true }))

describe('a batch that is killed in the middle', () => {
  it.each(['before', 'written', 'after'])(
    'predicts what is missing alone, and comes to the same: %s the middle range',
    async (point) => {
      const dataDir = await killedAt(point)
      const done = await lookInto(dataDir, (batches) => doneRanges(batches))
      expect(done.length).toBeGreaterThan(0)
      expect(done.length).toBeLessThan(ranges)
      const platform = await runPlatform({ dataDir })
      expect(await resultOf(platform, 'killed')).toEqual(undisturbed)
      const missing = Array.from({ length: ranges }, (_, i) => i).filter((i) => !done.includes(i))
      expect(written.toSorted((a, b) => a - b)).toEqual(missing)
      await expectCountedOnce(platform)
    },
  )

  it('predicts a shard again whose file is damaged', async () => {
    const dataDir = await killedAt('before')
    const { done, shard } = await lookInto(dataDir, async (batches) => {
      const [index] = await doneRanges(batches)
      return { done: await doneRanges(batches), shard: await batches.shard(ada, 'killed', index!) }
    })
    const file = join(dataDir, 'versions', shard!.object.versionId)
    const bytes = await readFile(file)
    bytes[17]! ^= 1
    await writeFile(file, bytes)
    const platform = await runPlatform({ dataDir })
    expect(await resultOf(platform, 'killed')).toEqual(undisturbed)
    const again = Array.from({ length: ranges }, (_, i) => i).filter(
      (i) => i === shard!.index || !done.includes(i),
    )
    expect(written.toSorted((a, b) => a - b)).toEqual(again)
    await expectCountedOnce(platform)
  })
})

/** A copy of the directory, in which a platform died at the middle range of a batch. */
async function killedAt(point: string): Promise<string> {
  const dataDir = await mkdtemp(join(root, `${point}-`))
  await cp(prepared(), dataDir, { recursive: true })
  const args = [script, dataDir, 'killed', JSON.stringify(request), String(ranges / 2), point]
  const child = spawn(process.execPath, args, { stdio: 'inherit' })
  const signal = await new Promise<NodeJS.Signals | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (_, killedBy) => resolve(killedBy))
  })
  expect(signal).toBe('SIGKILL')
  return dataDir
}

/** The bytes that a batch came to. */
async function resultOf({ ports }: Platform, batch: string): Promise<Buffer> {
  let status = 'RUNNING'
  while (status === 'RUNNING') {
    await new Promise((resolve) => setTimeout(resolve, 20))
    status = (await ports.executions.describe('batch', batch)).status
  }
  expect(status).toBe('SUCCEEDED')
  const { result } = await createBatches(ports.table).find(ada, batch)
  const { key: made, versionId } = result!.object!
  return Buffer.from(await ports.objects.read(made, { versionId }))
}

async function lookInto<T>(dataDir: string, look: (batches: Batches) => Promise<T>): Promise<T> {
  const database = openLocalDatabase(dataDir)
  try {
    return await look(createBatches(new LocalTable(database)))
  } finally {
    await database.close()
  }
}

async function doneRanges(batches: Batches): Promise<number[]> {
  return (await batches.shards(ada, 'killed')).map(({ index }) => index)
}

/** Whatever was predicted twice. */
async function expectCountedOnce({ ports }: Platform): Promise<void> {
  const kept = await createBatches(ports.table).find(ada, 'killed')
  expect(kept).toMatchObject({ ranges, rangesDone: ranges, rowsDone: rows, rowsFailed: 0 })
}

function noting({ objects, ...ports }: Ports): Ports {
  const noted = new Proxy(objects, {
    get(target, method) {
      const value: unknown = Reflect.get(target, method, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        const index = /\/shards\/(\d+)\./.exec(String(args[0]))?.[1]
        if (method === 'put' && index !== undefined) written.push(Number(index))
        return (value as (...args: unknown[]) => unknown).apply(target, args)
      }
    },
  })
  return { ...ports, objects: noted }
}

/** Rows like those of Iris, without a target. */
function flowers(): Uint8Array {
  const random = seededRandom(7)
  const data = Float64Array.from(
    { length: rows * 4 },
    (_, i) => [5, 3, 4, 1][i % 4]! + random() * 2,
  )
  return writeNpy({ shape: [rows, 4], data })
}
