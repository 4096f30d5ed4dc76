import { spawn } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { createApi } from '../../../api/app.ts'
import { openPlatform, type Platform } from '../../../platform/local/platform.ts'
import { type Execution, MillraceError } from '../../../platform/ports/index.ts'
import { irisNpy, noisyIrisNpy } from '../../fixtures/iris.ts'
import {
  ada,
  endedExecutions,
  flower,
  irisKey,
  majority,
  outcomes,
  predict,
  registryOf,
  runPlatform,
  temporaryDirectory,
} from './running.ts'

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

it('computes on as many threads as it is given', async () => {
  const { ports } = await runPlatform({ computeThreads: 3 })
  expect(ports.compute.concurrency).toBe(3)
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
    await objects.put(irisKey, irisNpy(), { metadata: majority })
    await endedExecutions(platform)
    const put = objects.put.bind(objects)
    objects.put = () =>
      Promise.reject(new MillraceError('StorageFailed', 'no space left on the device'))
    const bytes = noisyIrisNpy(1)
    const asked = await fetch(`${platform.url}/datasets/ada/iris/uploads`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ size: bytes.length }),
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
    await objects.put(irisKey, irisNpy(), { metadata: majority })
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
  })
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
    await platform.ports.objects.put(irisKey, irisNpy(), { metadata: majority })
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
    await expect.poll(() => versions.at(-1)).toBe(1)
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
