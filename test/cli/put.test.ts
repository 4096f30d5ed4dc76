import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import {
  createServer,
  request,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { runCommand } from '../../cli/main.ts'
import { UploadProgress } from '../../cli/upload-progress.ts'
import { openPlatform, type Platform } from '../../platform/local/platform.ts'
import { RecordingLogger } from '../../platform/testing/memory-observability.ts'
import { interruptible, millrace, Screen } from './terminal.ts'

/** 12 MiB, three parts of 5 MiB of which the last is smaller; no CSV, so that nothing is trained. */
const csv = Buffer.from(new Uint8Array(12 * 1024 ** 2).map((_, i) => (i * 31) % 251))

let platform: Platform
let directory: string
let file: string

/** Between the command and the platform, so that a test can see and break what goes by. */
let proxy: Server
let dataDir: string
let seen: string[]
let refuse: (at: string, response: ServerResponse) => boolean

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-put-'))
  platform = await openPlatform({ dataDir: directory, logger: new RecordingLogger() })
  file = join(directory, 'large.csv')
  await writeFile(file, csv)
})

afterAll(async () => {
  await platform.close()
  await rm(directory, { recursive: true, force: true })
})

beforeEach(async () => {
  seen = []
  refuse = () => false
  proxy = createServer((incoming, response) => pass(incoming, response))
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  dataDir = await mkdtemp(join(directory, 'at-'))
  await writeFile(join(dataDir, 'platform.json'), JSON.stringify({ url, pid: process.pid }))
})

afterEach(async () => {
  proxy.closeAllConnections()
  await new Promise((resolve) => proxy.close(resolve))
})

/** URLs that are signed lead past the proxy, unless its answers name it instead. */
function pass(incoming: IncomingMessage, response: ServerResponse): void {
  const { method = '', url = '', headers } = incoming
  const part = /part-number=(\d+)/.exec(url)?.[1]
  const at = part === undefined ? `${method} ${url.split('?')[0]}` : `part ${part}`
  seen.push(at)
  if (refuse(at, response)) return void incoming.resume()
  const upstream = new URL(platform.url)
  const host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const passed = request(
    { host: upstream.hostname, port: upstream.port, method, path: url, headers },
    (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString().replaceAll(upstream.host, host)
        const kept = { ...answer.headers, 'content-length': String(Buffer.byteLength(text)) }
        delete kept['transfer-encoding']
        response.writeHead(answer.statusCode ?? 500, kept).end(text)
      })
    },
  )
  passed.on('error', () => response.destroy())
  incoming.pipe(passed)
}

let datasets = 0
const putArgs = (dataset: string, ...more: string[]) => [
  'put',
  file,
  '--dataset',
  dataset,
  '--algorithm',
  'majority',
  '--part-size',
  '5',
  '--data-dir',
  dataDir,
  '--json',
  ...more,
]
const put = (dataset: string, ...more: string[]) => millrace(...putArgs(dataset, ...more))
const newDataset = () => `large-${++datasets}`
const partsSeen = () => seen.filter((at) => at.startsWith('part')).sort()
const fail = (status: number, response: ServerResponse) => {
  response.writeHead(status).end('broken')
  return true
}

const storedAs = async (dataset: string) => {
  const { objects } = platform.ports
  const key = `uploads/default/${dataset}.csv`
  const bytes = await objects.read(key)
  return { isEqual: csv.equals(bytes), versions: (await objects.versions(key)).length }
}

const leftBehind = () => readdir(join(dataDir, 'unfinished-uploads'))

describe('millrace put of a large file', () => {
  it('sends it in parts, and leaves nothing behind', async () => {
    const dataset = newDataset()
    expect(await put(dataset)).toMatchObject({ exitCode: 0, err: '' })
    expect(partsSeen()).toEqual(['part 1', 'part 2', 'part 3'])
    expect(await storedAs(dataset)).toEqual({ isEqual: true, versions: 1 })
    expect(await leftBehind()).toEqual([])
  })

  it('sends a part again that failed, at another URL where it was refused', async () => {
    const dataset = newDataset()
    const failures = new Map([
      ['part 1', 503],
      ['part 2', 403],
    ])
    refuse = (at, response) => {
      const status = failures.get(at)
      return failures.delete(at) && fail(status!, response)
    }
    expect(await put(dataset)).toMatchObject({ exitCode: 0, err: '' })
    expect(partsSeen()).toEqual(['part 1', 'part 1', 'part 2', 'part 2', 'part 3'])
    expect(await storedAs(dataset)).toEqual({ isEqual: true, versions: 1 })
  })

  it('goes on with the missing parts alone after it was interrupted', async () => {
    const dataset = newDataset()
    const interrupt = new AbortController()
    refuse = (at) => {
      // It never answers, as a command that is killed never reads it.
      if (at === 'part 3') setTimeout(() => interrupt.abort(), 0)
      return at === 'part 3'
    }
    // The others are there before the last one is sent.
    const first = await interruptible(putArgs(dataset), interrupt.signal)
    expect(first.exitCode).toBe(130)
    const sent = (await etagsLeft()).length
    await utimes(file, new Date(), new Date())
    seen = []
    refuse = () => false
    const second = await put(dataset)
    expect(second.exitCode).toBe(0)
    expect(second.err).toContain(`going on with an upload: ${sent} of its 3 parts are there`)
    expect(partsSeen()).toHaveLength(3 - sent)
    expect(seen.filter((at) => at.endsWith(`/${dataset}/uploads`))).toEqual([])
    expect(await storedAs(dataset)).toEqual({ isEqual: true, versions: 1 })
    expect(await leftBehind()).toEqual([])
  })

  it('starts anew with --no-resume, and where the platform knows of no such upload', async () => {
    const dataset = newDataset()
    refuse = (at, response) => at.endsWith('/complete') && fail(500, response)
    expect((await put(dataset)).exitCode).toBe(1)
    expect(await leftBehind()).toHaveLength(1)
    refuse = () => false
    seen = []
    expect(await put(dataset, '--no-resume')).toMatchObject({ exitCode: 0, err: '' })
    expect(partsSeen()).toHaveLength(3)

    refuse = (at, response) => at === 'part 2' && fail(400, response)
    const other = newDataset()
    expect(await put(other)).toMatchObject({ exitCode: 7 })
    refuse = () => false
    for (const { sk } of (await platform.ports.table.query('uploads#default')).items) {
      const [name, uploadId] = sk.split('#')
      await fetch(`${platform.url}/datasets/default/${name}/uploads/${uploadId}`, {
        method: 'DELETE',
      })
    }
    seen = []
    expect(await put(other)).toMatchObject({ exitCode: 0, err: '' })
    expect(partsSeen()).toHaveLength(3)
  })

  it('asks for the answer again of a completion that was not heard', async () => {
    const dataset = newDataset()
    refuse = (at, response) => at.endsWith('/complete') && fail(502, response)
    expect((await put(dataset)).exitCode).toBe(1)
    refuse = () => false
    seen = []
    expect((await put(dataset)).exitCode).toBe(0)
    expect(partsSeen()).toEqual([])
    expect((await storedAs(dataset)).versions).toBe(1)
  })

  it('shows how far it is on a terminal', async () => {
    const screen = new Screen(100, 20)
    const { signal } = new AbortController()
    const args = putArgs(newDataset())
    expect(await runCommand(args, { out: screen, err: screen, signal })).toBe(0)
    expect(stripVTControlCharacters(screen.text)).toMatch(/large\.csv █{24} 100 %/)
  })
})

it('the bar tells the rate and the time left of what this command sends', () => {
  const screen = new Screen(100, 20)
  let now = 0
  const progress = new UploadProgress(
    screen,
    { name: 'x.csv', total: 100e6, before: 50e6 },
    () => now,
  )
  now = 2000
  progress.add(20e6)
  const text = stripVTControlCharacters(screen.text).trim()
  expect(text).toBe('x.csv █████████████████░░░░░░░  70 %  10.0 MB/s  3.00 s left')
})

async function etagsLeft(): Promise<string[]> {
  const [name] = await leftBehind()
  const text = await readFile(join(dataDir, 'unfinished-uploads', name!), 'utf8')
  return Object.keys((JSON.parse(text) as { etags: object }).etags)
}
