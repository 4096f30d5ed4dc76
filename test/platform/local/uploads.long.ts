import { appendFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { LocalBus } from '../../../platform/local/bus.ts'
import { openLocalDatabase } from '../../../platform/local/database.ts'
import { LocalObjects } from '../../../platform/local/objects.ts'
import { systemClock } from '../../../platform/local/observability.ts'
import { openPlatform, type Platform } from '../../../platform/local/platform.ts'
import { RecordingLogger } from '../../../platform/testing/memory-observability.ts'
import { irisNpy, noisyIrisNpy } from '../../fixtures/iris.ts'
import {
  ada,
  endedExecutions,
  irisKey,
  majority,
  outcomes,
  predict,
  registryOf,
  runPlatform,
  temporaryDirectory,
} from './running.ts'

describe('a file that is dropped into the folder', () => {
  it('becomes a served model', async () => {
    const platform = await runPlatform({ ownThreads: true })
    await mkdir(join(platform.bucketDir, 'uploads/ada'), { recursive: true })
    await writeFile(join(platform.bucketDir, irisKey), irisNpy())
    const [execution] = await endedExecutions(platform)
    expect(execution).toMatchObject({ status: 'SUCCEEDED', output: { outcome: 'registered' } })
    expect(await predict(platform.url)).toMatchObject({ predictions: [1], version: 0 })
  })

  it('may take its time to be copied', async () => {
    const platform = await runPlatform()
    const file = join(platform.bucketDir, irisKey)
    await mkdir(join(platform.bucketDir, 'uploads/ada'), { recursive: true })
    const bytes = irisNpy()
    for (let start = 0; start < bytes.length; start += 1200) {
      await appendFile(file, bytes.subarray(start, start + 1200))
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
    const executions = await endedExecutions(platform)
    expect(outcomes(executions)).toEqual({ registered: 1 })
  })

  it('is taken when it was copied while the platform was down', async () => {
    const dataDir = await temporaryDirectory()
    await mkdir(join(dataDir, 'bucket/uploads/ada'), { recursive: true })
    await writeFile(join(dataDir, 'bucket', irisKey), irisNpy())
    const platform = await runPlatform({ dataDir })
    expect(outcomes(await endedExecutions(platform))).toEqual({ registered: 1 })
  })

  it('is not taken again at the next start', async () => {
    const dataDir = await temporaryDirectory()
    const first = await openPlatform({ dataDir })
    await first.ports.objects.put(irisKey, irisNpy(), { metadata: majority })
    await endedExecutions(first)
    await first.close()
    const second = await runPlatform({ dataDir })
    await second.ports.objects.put('uploads/ada/other.npy', irisNpy(), { metadata: majority })
    expect(await endedExecutions(second, 2)).toHaveLength(2)
    expect(await predict(second.url)).toMatchObject({ status: 200 })
  })

  it.each<[string, Uint8Array, string]>([
    ['an empty file', new Uint8Array(0), 'NpyInvalid'],
    ['garbage', new TextEncoder().encode('garbage '.repeat(100)), 'NpyInvalid'],
    [
      'a pickle',
      Uint8Array.from([0x80, 4, 0x95, 1, 0, 0, 0, 0, 0, 0, 0, 0x4e, 0x2e]),
      'NpyInvalid',
    ],
    ['a header that claims 1 GB', gigabyteHeader(), 'NpyInvalid'],
  ])('is rejected when it is %s, and the platform goes on', async (_, bytes, code) => {
    const platform = await runPlatform()
    await mkdir(join(platform.bucketDir, 'uploads/ada'), { recursive: true })
    await writeFile(join(platform.bucketDir, irisKey), bytes)
    const [rejected] = await endedExecutions(platform)
    expect(rejected!.output).toMatchObject({ outcome: 'rejected', reasons: [{ code }] })
    const { report } = rejected!.output as { report: string }
    expect(await readFile(join(platform.bucketDir, report), 'utf8')).toContain(code)
    await writeFile(join(platform.bucketDir, irisKey), irisNpy())
    expect(outcomes(await endedExecutions(platform, 2))).toEqual({ rejected: 1, registered: 1 })
  })

  it('is refused when it is no file or has no name, and the platform goes on', async () => {
    const platform = await runPlatform()
    const uploads = join(platform.bucketDir, 'uploads/ada')
    await mkdir(join(uploads, 'x.npy'), { recursive: true })
    await symlink('/etc/passwd', join(uploads, 'link.npy'))
    await writeFile(join(uploads, '%2e%2e.npy'), irisNpy())
    await mkdir(join(platform.bucketDir, 'uploads/__proto__'), { recursive: true })
    await writeFile(join(platform.bucketDir, 'uploads/__proto__/iris.npy'), irisNpy())
    await writeFile(join(uploads, 'iris.npy'), irisNpy())
    const executions = await endedExecutions(platform, 3)
    expect(outcomes(executions)).toEqual({ registered: 1, rejected: 2 })
    const refused = async () =>
      (await platform.ports.objects.list('quarantine/_refused/')).objects.length
    await expect.poll(refused).toBe(2)
  })
})

describe('what starts no training', () => {
  it('is told in the log, and the platform goes on', async () => {
    const platform = await runPlatform()
    await mkdir(join(platform.bucketDir, 'uploads/ada'), { recursive: true })
    await writeFile(join(platform.bucketDir, 'uploads/ada/iris.txt'), 'text')
    const told = () => platform.logger.lines.filter(({ level }) => level === 'warn')
    await expect.poll(told).toMatchObject([
      {
        message: expect.stringContaining('no training') as string,
        fields: { key: 'uploads/ada/iris.txt' },
      },
    ])
    await platform.ports.objects.put(irisKey, irisNpy(), { metadata: majority })
    expect(outcomes(await endedExecutions(platform))).toEqual({ registered: 1 })
    expect(platform.logger.lines).toContainEqual(
      expect.objectContaining({
        message: 'execution SUCCEEDED',
        fields: expect.objectContaining({ outcome: 'registered' }) as object,
      }),
    )
  })
})

describe('repeats and disorder', () => {
  it('makes one training of a hundred drops of the same file at once', async () => {
    const platform = await runPlatform()
    await Promise.all(
      Array.from({ length: 100 }, () => {
        return platform.ports.objects.put(irisKey, irisNpy(), { metadata: majority })
      }),
    )
    const executions = await endedExecutions(platform, 100)
    expect(outcomes(executions)).toEqual({ registered: 1, duplicate: 99 })
    expect((await registryOf(platform).versions(ada)).versions).toHaveLength(1)
  })

  it('makes one training of a hundred drops in turn', async () => {
    const platform = await runPlatform()
    for (let i = 0; i < 100; i++) {
      await platform.ports.objects.put(irisKey, irisNpy(), { metadata: majority })
    }
    const executions = await endedExecutions(platform, 100)
    expect(outcomes(executions)).toEqual({ registered: 1, duplicate: 99 })
    expect((await registryOf(platform).versions(ada)).versions).toHaveLength(1)
  })

  it('ignores an event that comes again', async () => {
    const platform = await runPlatform()
    await platform.ports.objects.put(irisKey, irisNpy(), { metadata: majority })
    const [execution] = await endedExecutions(platform)
    await platform.ports.executions.start({
      workflow: 'training',
      name: 'again',
      input: execution!.input,
    })
    const executions = await endedExecutions(platform, 2)
    expect(outcomes(executions)).toEqual({ registered: 1, duplicate: 1 })
  })

  it('makes the newer of two files champion', async () => {
    const platform = await runPlatform()
    await platform.ports.objects.put(irisKey, noisyIrisNpy(1), { metadata: majority })
    await platform.ports.objects.put(irisKey, irisNpy())
    const executions = await endedExecutions(platform, 2)
    expect(outcomes(executions)).toEqual({ registered: 2 })
    expect(await championSource(platform)).toBe((await versionsOf(platform))[0])
  })

  it('never lets an older file replace a newer one, however long it trains', async () => {
    const platform = await runPlatform()
    const { objects, compute } = platform.ports
    const newerIsDone = Promise.withResolvers<undefined>()
    const run = compute.run.bind(compute)
    const older = await objects.put('elsewhere/iris.npy', noisyIrisNpy(1))
    compute.run = async (job, input, options) => {
      const { sha256 } = input as { sha256?: string }
      if (job.name === 'fitCandidate' && sha256 === older.sha256) await newerIsDone.promise
      return run(job, input, options)
    }
    await objects.put(irisKey, noisyIrisNpy(1))
    await objects.put(irisKey, irisNpy(), { metadata: majority })
    await expect
      .poll(() => registryOf(platform).alias(ada, 'champion'))
      .toMatchObject({ version: 0 })
    newerIsDone.resolve(undefined)
    const executions = await endedExecutions(platform, 2)
    expect(executions[0]!.output).toMatchObject({ promotion: { outcome: 'superseded' } })
    expect(await championSource(platform)).toBe((await versionsOf(platform))[0])
  })

  it('finds an upload whose event never came', async () => {
    const dataDir = await temporaryDirectory()
    await putWithoutEvent(dataDir, irisKey, irisNpy())
    const platform = await runPlatform({ dataDir })
    expect(await platform.sweep({ graceSeconds: 0 })).toHaveLength(1)
    expect(outcomes(await endedExecutions(platform))).toEqual({ registered: 1 })
    expect(await platform.sweep({ graceSeconds: 0 })).toEqual([])
  })

  it('lets a later upload replace one that the sweep found', async () => {
    const dataDir = await temporaryDirectory()
    await putWithoutEvent(dataDir, irisKey, irisNpy())
    const platform = await runPlatform({ dataDir })
    await platform.sweep({ graceSeconds: 0 })
    await endedExecutions(platform)
    const metadata = { configuration: '{"algorithms": ["svc"]}' }
    await platform.ports.objects.put(irisKey, irisNpy(), { metadata })
    const [, later] = await endedExecutions(platform, 2)
    expect(later!.output).toMatchObject({ promotion: { outcome: 'promoted', champion: 1 } })
  })
})

async function versionsOf(platform: Platform): Promise<string[]> {
  return (await platform.ports.objects.versions(irisKey)).map(({ versionId }) => versionId)
}

/** The upload that the champion learned from. */
async function championSource(platform: Platform): Promise<string> {
  const registry = registryOf(platform)
  const { version } = (await registry.alias(ada, 'champion'))!
  return (await registry.version(ada, version)).source.versionId
}

/** Leaves an object in a data directory, and no event of it, as when the bus had lost it. */
async function putWithoutEvent(dataDir: string, key: string, bytes: Uint8Array): Promise<void> {
  const database = openLocalDatabase(dataDir)
  const logger = new RecordingLogger()
  const bus = new LocalBus(database, { clock: systemClock, logger })
  const objects = await LocalObjects.open({ database, bus, dataDir, clock: systemClock, logger })
  await objects.put(key, bytes)
  database.connection.exec('DELETE FROM bus_events')
  await objects.close()
  await bus.close()
  await database.close()
}

/** A valid header of 2^27 doubles, and none of them. */
function gigabyteHeader(): Uint8Array {
  const text = "{'descr': '<f8', 'fortran_order': False, 'shape': (26843546, 5), }"
  const header = new TextEncoder().encode(`${text.padEnd(117)}\n`)
  return Uint8Array.from([
    0x93,
    ...new TextEncoder().encode('NUMPY'),
    1,
    0,
    header.length,
    0,
    ...header,
  ])
}
