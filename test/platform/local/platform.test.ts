import { spawn } from 'node:child_process'
import { appendFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createApi } from '../../../api/app.ts'
import { LocalBus } from '../../../platform/local/bus.ts'
import { openLocalDatabase } from '../../../platform/local/database.ts'
import { LocalObjects } from '../../../platform/local/objects.ts'
import { systemClock } from '../../../platform/local/observability.ts'
import { openPlatform, type Platform } from '../../../platform/local/platform.ts'
import { type Execution, MillraceError } from '../../../platform/ports/index.ts'
import { RecordingLogger } from '../../../platform/testing/memory-observability.ts'
import { irisNpy, noisyIrisNpy } from '../../fixtures/iris.ts'
import {
  ada,
  endedExecutions,
  irisKey,
  outcomes,
  registryOf,
  runPlatform,
  temporaryDirectory,
} from './running.ts'

/** A training that any other beats. */
const majority = { configuration: '{"algorithms": ["majority"]}' }
const flower = [6.5, 2.8, 4.6, 1.5]

async function predict(url: string): Promise<{ status: number; version?: number }> {
  const response = await fetch(`${url}/prediction`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userID: 'ada', array: flower }),
  })
  return { status: response.status, ...((await response.json()) as object) }
}

describe('a file that is dropped into the folder', () => {
  it('becomes a served model', async () => {
    const platform = await runPlatform()
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
      await new Promise((resolve) => setTimeout(resolve, 400))
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
    await first.ports.objects.put(irisKey, irisNpy())
    await endedExecutions(first)
    await first.close()
    const second = await runPlatform({ dataDir })
    await second.ports.objects.put('uploads/ada/other.npy', irisNpy())
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
    await expect.poll(refused, { timeout: 10_000 }).toBe(2)
  })
})

describe('what starts no training', () => {
  it('is told in the log, and the platform goes on', async () => {
    const platform = await runPlatform()
    await mkdir(join(platform.bucketDir, 'uploads/ada'), { recursive: true })
    await writeFile(join(platform.bucketDir, 'uploads/ada/iris.txt'), 'text')
    const told = () => platform.logger.lines.filter(({ level }) => level === 'warn')
    await expect.poll(told, { timeout: 10_000 }).toMatchObject([
      {
        message: expect.stringContaining('no training') as string,
        fields: { key: 'uploads/ada/iris.txt' },
      },
    ])
    await platform.ports.objects.put(irisKey, irisNpy())
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
      Array.from({ length: 100 }, () => platform.ports.objects.put(irisKey, irisNpy())),
    )
    const executions = await endedExecutions(platform, 100)
    expect(outcomes(executions)).toEqual({ registered: 1, duplicate: 99 })
    expect((await registryOf(platform).versions(ada)).versions).toHaveLength(1)
  })

  it('makes one training of a hundred drops in turn', async () => {
    const platform = await runPlatform()
    for (let i = 0; i < 100; i++) await platform.ports.objects.put(irisKey, irisNpy())
    const executions = await endedExecutions(platform, 100)
    expect(outcomes(executions)).toEqual({ registered: 1, duplicate: 99 })
    expect((await registryOf(platform).versions(ada)).versions).toHaveLength(1)
  })

  it('ignores an event that comes again', async () => {
    const platform = await runPlatform()
    await platform.ports.objects.put(irisKey, irisNpy())
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
      .poll(() => registryOf(platform).alias(ada, 'champion'), { timeout: 10_000 })
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

describe('workflows of a user', () => {
  const workflow = (name: string, definition: Record<string, unknown>) => ({
    name,
    definition,
    tasks: [],
  })
  const done = { StartAt: 'Done', States: { Done: { Type: 'Succeed' } } }

  it.each([
    ['that share a name', [workflow('mine', done), workflow('mine', done)], /two workflows.*mine/],
    [
      'whose definition is none',
      [workflow('mine', { StartAt: 'X', States: {} })],
      /"mine".*refused/,
    ],
  ])('%s are refused by name, and the directory is free again', async (_, workflows, message) => {
    const dataDir = await temporaryDirectory()
    const error: unknown = await runPlatform({ dataDir, workflows }).catch(
      (caught: unknown) => caught,
    )
    expect(error).toMatchObject({
      name: 'WorkflowInvalid',
      message: expect.stringMatching(message) as unknown,
    })
    await runPlatform({ dataDir })
  })
})

describe('executions that end otherwise', () => {
  it('frees the lease of one that was stopped, and the next drop trains', async () => {
    const platform = await runPlatform()
    const stopped = await stoppedTraining(platform)
    expect(stopped.status).toBe('ABORTED')
    await platform.ports.objects.put(irisKey, irisNpy())
    const ended = await endedExecutions(platform, 2)
    expect(outcomes(ended)).toEqual({ ABORTED: 1, registered: 1 })
  })

  it('goes on at the failed state after a redrive', async () => {
    const platform = await runPlatform()
    const { name } = await stoppedTraining(platform)
    await platform.ports.executions.redrive('training', name)
    const [redriven] = await endedExecutions(platform)
    expect(redriven).toMatchObject({ status: 'SUCCEEDED', redriveCount: 1 })
    expect((await registryOf(platform).versions(ada)).versions).toHaveLength(1)
  })
})

describe('a disk that is full', () => {
  it('is told to who uploads, and what was there goes on', async () => {
    const platform = await runPlatform()
    const { objects } = platform.ports
    await objects.put(irisKey, irisNpy())
    await endedExecutions(platform)
    const put = objects.put.bind(objects)
    objects.put = () =>
      Promise.reject(new MillraceError('StorageFailed', 'no space left on the device'))
    const bytes = noisyIrisNpy(1)
    const asked = await fetch(`${platform.url}/uploads`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user: 'ada', dataset: 'iris', size: bytes.length }),
    })
    const { url } = (await asked.json()) as { url: string }
    const refused = await fetch(url, { method: 'PUT', body: Uint8Array.from(bytes) })
    expect(refused.status).toBe(503)
    expect(await refused.json()).toMatchObject({ type: 'urn:millrace:error:StorageFailed' })
    expect(await objects.versions(irisKey)).toHaveLength(1)
    expect(await predict(platform.url)).toMatchObject({ status: 200, version: 0 })

    objects.put = put
    expect((await fetch(url, { method: 'PUT', body: Uint8Array.from(bytes) })).status).toBe(200)
    expect(outcomes(await endedExecutions(platform, 2))).toEqual({ registered: 2 })
  })

  it('fails the execution with its error when it stays full, and a redrive goes on', async () => {
    const platform = await runPlatform()
    const { objects, executions } = platform.ports
    const put = objects.put.bind(objects)
    await objects.put(irisKey, irisNpy())
    objects.put = (key, ...rest) =>
      key.startsWith('models/')
        ? Promise.reject(new MillraceError('StorageFailed', 'no space left on the device'))
        : put(key, ...rest)
    const [failed] = await endedExecutions(platform)
    expect(failed).toMatchObject({ status: 'FAILED', error: 'StorageFailed' })
    expect(failed!.cause).toContain('no space left on the device')
    objects.put = put
    await executions.redrive('training', failed!.name)
    expect(outcomes(await endedExecutions(platform))).toEqual({ registered: 1 })
  }, 40_000)
})

describe('the data directory', () => {
  it('belongs to one process', async () => {
    const platform = await runPlatform()
    await expect(openPlatform({ dataDir: platform.dataDir })).rejects.toMatchObject({
      name: 'DataDirectoryBusy',
      message: expect.stringContaining(String(process.pid)) as string,
    })
    const script = `
      import { openPlatform } from ${JSON.stringify(new URL('../../../platform/local/platform.ts', import.meta.url).href)}
      try { await openPlatform({ dataDir: ${JSON.stringify(platform.dataDir)} }); console.log('opened') }
      catch (error) { console.log(error.name) }`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script])
    let told = ''
    child.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()))
    await new Promise((resolve) => child.on('close', resolve))
    expect(told.trim()).toBe('DataDirectoryBusy')
    await platform.ports.objects.put(irisKey, irisNpy())
    expect(outcomes(await endedExecutions(platform))).toEqual({ registered: 1 })
  })
})

describe('the server', () => {
  it.each([
    [{ host: 'evil.example' }, 403],
    [{ origin: 'http://evil.example' }, 403],
    [{ origin: 'null' }, 403],
  ])('refuses a request with %j', async (headers, status) => {
    const platform = await runPlatform()
    const { request } = await import('node:http')
    const answered = await new Promise<number>((resolve, reject) => {
      request(`${platform.url}/models`, { headers }, (response) => {
        response.resume()
        resolve(response.statusCode!)
      })
        .on('error', reject)
        .end()
    })
    expect(answered).toBe(status)
  })

  it('answers predictions as the API does, past Request and Response', async () => {
    const platform = await runPlatform()
    await platform.ports.objects.put(irisKey, irisNpy())
    await endedExecutions(platform)
    const api = createApi(platform.ports)
    const json = { 'content-type': 'application/json' }
    const requests: [path: string, headers: Record<string, string>, body: string][] = [
      ['/prediction', json, JSON.stringify({ userID: 'ada', array: flower })],
      ['/models/ada/iris/predictions?version=0', json, JSON.stringify({ instances: [flower] })],
      ['/prediction', json, '{"array": ['],
      ['/prediction', { 'content-type': 'text/plain' }, '{}'],
      ['/prediction', json, JSON.stringify({ userID: 'bob', array: flower })],
      ['/models/ada/iris/predictions', json, JSON.stringify({ instances: [[1, 2]] })],
      ['/models/%2e%2e/iris/predictions?version=0', json, '{}'],
      ['/models/ada/iris/predictions', json, ' '.repeat(7_000_000)],
    ]
    const statuses = []
    for (const [path, headers, body] of requests) {
      const init = { method: 'POST', headers, body }
      const [short, whole] = await Promise.all([
        fetch(`${platform.url}${path}`, init),
        api.fetch(new Request(`${platform.url}${path}`, init)),
      ])
      const told = async (response: Response) => ({
        status: response.status,
        type: response.headers.get('content-type'),
        body: { ...((await response.json()) as object), id: undefined },
      })
      expect(await told(short)).toEqual(await told(whole))
      statuses.push(short.status)
    }
    expect(statuses).toEqual([200, 200, 400, 415, 404, 400, 404, 413])
  })

  it('follows a promotion under load without a failed request', async () => {
    const platform = await runPlatform()
    await platform.ports.objects.put(irisKey, noisyIrisNpy(1), { metadata: majority })
    await endedExecutions(platform)
    const versions: (number | undefined)[] = []
    let isOver = false
    const load = (async () => {
      while (!isOver) {
        const { status, version } = await predict(platform.url)
        expect(status).toBe(200)
        versions.push(version)
      }
    })()
    await platform.ports.objects.put(irisKey, irisNpy())
    await endedExecutions(platform, 2)
    await expect.poll(() => versions.at(-1), { timeout: 5000 }).toBe(1)
    isOver = true
    await load
    expect(versions[0]).toBe(0)
  })
})

/** A training that was stopped while it ran, once it has ended. */
async function stoppedTraining(platform: Platform): Promise<Execution> {
  const { objects, executions } = platform.ports
  await objects.put(irisKey, irisNpy())
  await expect
    .poll(async () => (await executions.list({ workflow: 'training' })).executions.length)
    .toBe(1)
  const [running] = (await executions.list({ workflow: 'training' })).executions
  await executions.stop('training', running!.name)
  const [stopped] = await endedExecutions(platform)
  return stopped!
}

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
