import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { irisNpy } from '../fixtures/iris.ts'

const flower = { instances: [[6.5, 2.8, 4.6, 1.5]] }
const patience = { timeout: 150_000, interval: 100 }
const asked = '/models/ada/iris/predictions'

interface Running {
  readonly url: string
  readonly child: ChildProcess
  readonly logged: () => string
}

interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Record<string, unknown>
}

let directory: string
let dataDir: string
let platform: Running
let operatorKey: string
let adaKey: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-workers-'))
  dataDir = join(directory, 'data')
  platform = await dev(dataDir)
  operatorKey = (await readFile(join(dataDir, 'operator.key'), 'utf8')).trim()
  await ask('POST', '/users', { body: { name: 'ada' } })
  adaKey = (await newKey('ada')).key
  await train('majority')
  await train('logistic-regression')
  // By either worker: each follows the alias by itself.
  await vi.waitFor(async () => {
    const versions = await Promise.all(Array.from({ length: 6 }, () => answeredVersion()))
    expect(new Set(versions)).toEqual(new Set([1]))
  }, patience)
})

afterAll(async () => {
  platform.child.kill('SIGKILL')
  await rm(directory, { recursive: true, force: true })
})

describe('millrace dev --workers', () => {
  it('answers predictions and all else by whichever worker a connection comes to', async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => ask('POST', asked, { body: flower, key: adaKey })),
    )
    const ids = answers.map(({ body }) => String(body['id']))
    expect(new Set(ids).size).toBe(6)
    for (const { status, body } of answers) {
      expect(status).toBe(200)
      expect({ ...body, id: '' }).toEqual({ ...answers[0]!.body, id: '' })
    }
    for (const id of ids) {
      const found = await ask('GET', `/predictions/${id}`, { key: adaKey })
      expect(found.body).toMatchObject({ id, ...flower, version: 1 })
    }
    const listed = await ask('GET', '/models', { headers: { 'x-request-id': 'mine' } })
    expect(listed.headers['x-request-id']).toBe('mine')
    expect(listed.body['models']).toHaveLength(1)
    const missing = await ask('GET', '/nothing')
    expect(missing.body['type']).toBe('urn:millrace:error:RouteNotFound')
  })

  it('passes on uploads to presigned URLs, and streams of events as they come', async () => {
    const granted = await ask('POST', '/datasets/ada/other/uploads', {
      body: { format: 'npy', size: irisNpy().length },
      key: adaKey,
    })
    expect(granted.status).toBe(201)
    const { url, headers } = granted.body as { url: string; headers: Record<string, string> }
    expect(new URL(url).host).toBe(new URL(platform.url).host)
    const sent = await fetch(url, { method: 'PUT', headers, body: Uint8Array.from(irisNpy()) })
    expect(sent.status).toBe(200)
    const { body } = await ask('GET', '/executions?workflow=training')
    const { name } = (body['executions'] as { name: string }[])[0]!
    const events = await fetch(`${platform.url}/executions/${name}/events`, {
      headers: { authorization: `Bearer ${operatorKey}`, accept: 'text/event-stream' },
    })
    expect(events.headers.get('content-type')).toContain('text/event-stream')
    const reader = (events.body as ReadableStream<Uint8Array>).getReader()
    const first = await reader.read()
    expect(Buffer.from(first.value ?? []).toString()).toContain('ExecutionStarted')
  })

  it('refuses other hosts and origins, and what shows itself as a worker', async () => {
    const foreign: Record<string, string>[] = [
      { host: 'evil.example' },
      { origin: 'http://evil.example' },
    ]
    for (const headers of foreign) {
      const refused = await ask('POST', asked, { body: flower, key: adaKey, headers })
      expect(refused.body['type']).toBe('urn:millrace:error:HostRefused')
    }
    const refused = await ask('GET', '/models', { key: '', headers: { 'x-millrace-worker': 'x' } })
    expect(refused.status).toBe(401)
  })

  it('shows an alias that was moved by every worker', async () => {
    const alias = await ask('GET', '/models/ada/iris/aliases/champion')
    const moved = await ask('PUT', '/models/ada/iris/aliases/champion', {
      body: { version: 0, reason: 'rolled back' },
      headers: { 'if-match': String(alias.headers['etag']) },
    })
    expect(moved.status).toBe(200)
    const versions = async () => [await answeredVersion(), await answeredVersion()]
    await expect.poll(versions, patience).toEqual([0, 0])
    expect([...(await versions()), ...(await versions())]).toEqual([0, 0, 0, 0])
  })

  it('shares the quota of a user between the workers', async () => {
    const plan = {
      ...{ requestsPerSecond: 0.01, burst: 8, monthly: {} },
      prices: {
        ...{ currency: 'EUR', perThousandPredictions: 0 },
        ...{ perMillionTrainedRows: 0, perGigabyteMonth: 0 },
      },
    }
    await ask('PUT', '/plans/tiny', { body: plan })
    await ask('POST', '/users', { body: { name: 'bob', plan: 'tiny' } })
    const { key } = await newKey('bob')
    const statuses = []
    for (let i = 0; i < 12; i++) {
      statuses.push(
        (await ask('POST', '/models/bob/none/predictions', { body: flower, key })).status,
      )
    }
    expect(statuses).toEqual([...Array<number>(8).fill(404), ...Array<number>(4).fill(429)])
  })

  it('refuses a key that was revoked by every worker, once what they know is old', async () => {
    const { id, key } = await newKey('ada')
    const status = async () => (await ask('POST', asked, { body: flower, key })).status
    expect([await status(), await status()]).toEqual([200, 200])
    await ask('DELETE', `/users/ada/keys/${id}`)
    const statuses = async () => [await status(), await status()]
    await expect.poll(statuses, patience).toEqual([401, 401])
  })

  it('replaces a worker that was killed, and keeps what it had acknowledged', async () => {
    const before = await workersOf(platform)
    const made = await Promise.all([predicted(), predicted(), predicted(), predicted()])
    process.kill(before[0]!, 'SIGKILL')
    const others = async () => (await workersOf(platform)).filter((pid) => pid !== before[0])
    await expect.poll(others, patience).toHaveLength(2)
    await expect.poll(platform.logged).toContain('a worker process ended, and is replaced')
    const again = await Promise.all([predicted(), predicted(), predicted(), predicted()])
    for (const id of [...made, ...again]) {
      expect((await ask('GET', `/predictions/${id}`)).status).toBe(200)
    }
  })

  it('ends its workers with itself', async () => {
    const workers = await workersOf(platform)
    expect(workers).toHaveLength(2)
    // As a terminal does: to all of them.
    for (const pid of workers) process.kill(pid, 'SIGINT')
    expect((await ask('GET', '/health')).status).toBe(200)
    platform.child.kill('SIGINT')
    const [code] = (await once(platform.child, 'exit')) as [number]
    expect(code).toBe(130)
    expect(workers.filter(isRunning)).toEqual([])

    platform = await dev(dataDir, '1')
    const orphans = await workersOf(platform)
    expect(orphans).toHaveLength(1)
    expect((await ask('POST', asked, { body: flower, key: adaKey })).status).toBe(200)
    platform.child.kill('SIGKILL')
    await expect.poll(() => orphans.filter(isRunning), patience).toEqual([])
  })
})

/** Starts the command; resolves when it listens. */
async function dev(dataDir: string, workers = '2'): Promise<Running> {
  const script = join(import.meta.dirname, 'millrace.ts')
  const options = ['--port', '0', '--engine-port', '0', '--data-dir', dataDir, '--auth']
  const child = spawn(process.execPath, [script, 'dev', ...options, '--workers', workers], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let logged = ''
  child.stderr.on('data', (text: Buffer) => (logged += text.toString()))
  const url = () => /listens on (\S+)/.exec(logged)?.[1]
  await vi.waitFor(() => expect(url()).toBeDefined(), patience)
  return { url: url()!, child, logged: () => logged }
}

/** By a connection of its own, which comes to another worker than the one before. */
async function ask(
  method: string,
  path: string,
  options: { body?: unknown; key?: string; headers?: Record<string, string> } = {},
): Promise<Answered> {
  const { body, key = operatorKey, headers } = options
  const sent = request(`${platform.url}${path}`, {
    agent: false,
    method,
    headers: {
      ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
  })
  sent.end(body === undefined ? undefined : JSON.stringify(body))
  const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage]
  const text = Buffer.concat(await response.toArray()).toString()
  return {
    status: response.statusCode!,
    headers: response.headers,
    body: JSON.parse(text) as Record<string, unknown>,
  }
}

async function answeredVersion(): Promise<unknown> {
  return (await ask('POST', asked, { body: flower, key: adaKey })).body['version']
}

async function predicted(): Promise<string> {
  return String((await ask('POST', asked, { body: flower, key: adaKey })).body['id'])
}

async function newKey(user: string): Promise<{ id: string; key: string }> {
  const made = await ask('POST', `/users/${user}/keys`, { body: { role: 'owner' } })
  return made.body as { id: string; key: string }
}

/** The next version of ada's model, by the algorithm alone. */
async function train(algorithm: string): Promise<void> {
  const uploads = join(dataDir, 'bucket/uploads/ada')
  await mkdir(uploads, { recursive: true })
  const configured = join(directory, 'iris.npy.json')
  await writeFile(configured, JSON.stringify({ algorithms: [algorithm] }))
  await copyFile(configured, join(uploads, 'iris.npy.json'))
  await writeFile(join(uploads, 'iris.npy'), irisNpy())
  const versions = async () =>
    (await ask('GET', '/models/ada/iris/versions')).body['versions'] as { algorithm: string }[]
  const trained = async () => ((await versions()) ?? []).map((version) => version.algorithm)
  await vi.waitFor(async () => expect(await trained()).toContain(algorithm), patience)
}

async function workersOf({ child }: Running): Promise<number[]> {
  const { stdout } = await promisify(execFile)('pgrep', ['-P', String(child.pid)]).catch(() => ({
    stdout: '',
  }))
  return stdout.split('\n').filter(Boolean).map(Number)
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
