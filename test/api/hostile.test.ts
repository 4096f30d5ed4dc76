import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createApi } from '../../api/app.ts'
import { openPlatform, type Platform } from '../../platform/local/platform.ts'
import { serve } from '../../platform/local/server.ts'
import { memoryPorts } from '../../platform/testing/index.ts'
import { RecordingLogger } from '../../platform/testing/memory-observability.ts'
import { irisNpy } from '../fixtures/iris.ts'
import { shareCompute } from '../platform/local/shared-compute.ts'

const predictions = '/models/ada/iris/predictions'
const flower = JSON.stringify({ instances: [[6.5, 2.8, 4.6, 1.5]] })
const json = { 'content-type': 'application/json' }
const megabyte = 1024 ** 2

let directory: string
let platform: Platform
let logger: RecordingLogger

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-hostile-'))
  logger = new RecordingLogger()
  platform = await openPlatform({ dataDir: join(directory, '.millrace'), logger })
  shareCompute(platform)
  await platform.ports.objects.put('uploads/ada/iris.npy', irisNpy(), {
    metadata: { configuration: '{"algorithms": ["majority"]}' },
  })
  const served = async () => expect((await post(predictions, flower)).status).toBe(200)
  await vi.waitFor(served, { timeout: 240_000, interval: 100 })
})

afterAll(async () => {
  await platform.close()
  await rm(directory, { recursive: true, force: true })
})

// Whatever was sent: the server goes on, and none of it was a fault of its own.
afterEach(async () => {
  expect((await post(predictions, flower)).status).toBe(200)
  expect(logger.lines.filter(({ level }) => level === 'error')).toEqual([])
})

const bomb = gzipSync(Buffer.alloc(64 * megabyte, ' '))

function post(path: string, body: string | Uint8Array<ArrayBuffer>, headers = {}) {
  return fetch(platform.url + path, { method: 'POST', headers: { ...json, ...headers }, body })
}

describe.each([predictions, '/users', '/train', '/datasets/ada/lilies/rows'])(
  'a body for %s',
  (path) => {
    it.each<[string, string, number]>([
      ['10 MB of nested arrays', '['.repeat(10 * megabyte), 413],
      ['6 MB of nested arrays', '['.repeat(6 * megabyte), 400],
      ['6 MB of nested objects', '{"a":'.repeat(megabyte), 400],
      ['10 MB of numbers', `[${'0,'.repeat(5 * megabyte)}0]`, 413],
      ['3 million numbers', `[${'0,'.repeat(3 * megabyte - 10)}0]`, 400],
      ['an unclosed text', `"${'a'.repeat(5 * megabyte)}`, 400],
      ['a million backslashes', `{"${'\\'.repeat(megabyte)}`, 400],
      ['nothing', '', 400],
      ['a NUL', '\0', 400],
      ['NaN', '{"instances":[[NaN]]}', 400],
      ['a name twice', '{"a":1,"a":2}', 400],
      ['a null', 'null', 400],
      ['a number', '1', 400],
      ['half a surrogate', '"\\ud800"', 400],
    ])('of %s is refused', async (_, body, status) => {
      // What is not there is told before its body is read.
      const answer = await post(path, body)
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      expect(path.includes('lilies') ? [status, 404] : [status]).toContain(answer.status)
    })

    it('that is packed is refused as it is', async () => {
      const answer = await post(path, bomb, { 'content-encoding': 'gzip' })
      expect(path.includes('lilies') ? [415, 404] : [415]).toContain(answer.status)
    })
  },
)

describe('a prediction', () => {
  it.each([
    '{"instances":[[1e400,0,0,0]]}',
    '{"instances":[[-1e400,0,0,0]]}',
    '{"instances":[["6.5",2.8,4.6,1.5]]}',
    '{"instances":[[{},[],true,null]]}',
    '{"instances":{"length":1e9}}',
    '{"instances":[{"__proto__":{"a":1}}]}',
    '{"__proto__":{"instances":[[6.5,2.8,4.6,1.5]]}}',
    '{"instances":[[6.5,2.8,4.6,1.5]],"__proto__":{"impute":true}}',
    '{"instances":[[6.5,2.8,4.6,1.5]],"constructor":{"prototype":{}}}',
    '{"instances":[[6.5,2.8,4.6,1.5]],"instances":[[6.5,2.8,4.6,1.5]]}',
    `{"instances":[[${'0,'.repeat(20_000)}0]]}`,
    `{"instances":[${'[],'.repeat(20_000)}[]]}`,
  ])('of %s is refused', async (body) => {
    const answer = await post(predictions, body)
    expect(answer.status).toBe(400)
    expect(({} as { a?: number }).a).toBeUndefined()
  })
})

describe('a path', () => {
  it.each([
    ['/models/..%2f..%2fada/iris/predictions', 400],
    ['/models/ada/..%2firis/predictions', 400],
    ['/models/ada/iris%00/predictions', 400],
    ['/models/ada%2firis/iris/predictions', 400],
    ['/models/%zz/iris/predictions', 400],
    ['/models/%c0%ae%c0%ae/iris/predictions', 400],
    ['/models/__proto__/constructor/predictions', 400],
    ['/models/../../etc/passwd', 404],
    ['/models/./ada/iris/predictions/x', 404],
    ['//models/ada/iris/predictions', 404],
    ['/models//iris/predictions', 404],
    ['/models/ada/iris/predictions/', 404],
    ['/models\\ada\\iris\\predictions', 400],
    [`/models/${'a'.repeat(8000)}/iris/predictions`, 400],
    [`/${'a/'.repeat(6000)}`, 404],
    [`/models/${'a'.repeat(20_000)}/iris/predictions`, 431],
    ['*', 400],
    ['http://elsewhere.example/models/ada/iris/predictions', 400],
    ['http://localhost/models/ada/iris/predictions', 400],
  ])('%s answers %i', async (path, status) => {
    const headers = `Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n`
    const answer = await raw(`POST ${path} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n{}`)
    expect(statusOf(answer)).toBe(status)
    expect(answer).toContain('urn:millrace:error:')
  })
})

describe('headers', () => {
  const start = `GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n`

  it.each([
    ['one of 1 MB', `X: ${'a'.repeat(megabyte)}\r\n\r\n`, 431],
    ['many long ones', `${'X: aaaaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(50_000)}\r\n`, 431],
    ['more small ones than Node keeps', `${'a:\r\n'.repeat(3000)}\r\n`, 431],
    ['a name with a blank', 'Content Length: 1\r\n\r\n', 400],
    ['a line that goes on in the next', 'X: a\r\n b\r\n\r\n', 400],
    ['a NUL', 'X: \0\r\n\r\n', 400],
    ['two hosts', 'Host: elsewhere.example\r\n\r\n', 400],
  ])('%s are refused', async (_, headers, status) => {
    const answer = await raw(start + headers)
    expect(statusOf(answer)).toBe(status)
  })
})

describe('a body whose length is not clear', () => {
  const start = `POST ${predictions} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`
  const smuggled = `GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n`

  it.each([
    [
      'both a length and chunks',
      `Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['chunks and a length', `Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n`],
    ['two lengths', 'Content-Length: 0\r\nContent-Length: 40\r\n\r\n'],
    ['a length with a sign', 'Content-Length: +0\r\n\r\n'],
    ['a length that is no number', 'Content-Length: 0x10\r\n\r\n'],
    ['chunks that are named twice', 'Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n'],
    ['chunks by another name', 'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'],
    ['chunks before a blank', 'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n'],
    ['a chunk of no number', 'Transfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['a chunk longer than its size', 'Transfer-Encoding: chunked\r\n\r\n1\r\nabcdef\r\n0\r\n\r\n'],
    ['bare line feeds', 'Content-Length: 0\n\n'],
  ])('%s is refused, and nothing behind it is a request', async (_, rest) => {
    const answer = await raw(start + rest + smuggled)
    expect(statusOf(answer)).toBeGreaterThanOrEqual(400)
    expect(statusOf(answer)).toBeLessThan(500)
    expect(answer).not.toContain('"status":"ok"')
  })

  it('chunks without an end are not read past their limit', async () => {
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`
    const answer = await raw(`${start}Transfer-Encoding: chunked\r\n\r\n`, async (socket) => {
      for (let i = 0; i < 1000 && socket.writable; i++) {
        if (socket.write(chunk)) continue
        await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => undefined)
      }
      expect(socket.bytesWritten).toBeLessThan(40 * megabyte)
    })
    // Who is still sending when the connection ends may never see the answer.
    expect(answer === '' ? 413 : statusOf(answer)).toBe(413)
  })
})

describe('a client that goes away', () => {
  it.each([predictions, '/users', '/datasets/ada/iris/rows'])(
    'in the middle of a body for %s leaves nothing behind',
    async (path) => {
      const asked = httpRequest(platform.url + path, {
        method: 'POST',
        headers: { ...json, 'content-length': 1000 },
      })
      const failed = once(asked, 'error')
      asked.write('{"instances":')
      await once(asked, 'socket')
      asked.destroy(new Error('gone'))
      await failed
    },
  )

  it('in the middle of an upload leaves no version', async () => {
    const answer = await post('/datasets/ada/cut/uploads', JSON.stringify({ size: 9 }))
    const { url, headers } = (await answer.json()) as { url: string; headers: object }
    const asked = httpRequest(url, {
      method: 'PUT',
      headers: { ...headers, 'content-length': 9 },
    })
    const failed = once(asked, 'error')
    asked.write('half')
    await once(asked, 'socket')
    asked.destroy(new Error('gone'))
    await failed
    const found = await fetch(`${platform.url}/datasets/ada/cut`)
    expect(found.status).toBe(404)
  })
})

describe('a slow client', () => {
  /** A server with less patience, since what it is to do is the same. */
  async function impatient(): Promise<string> {
    const api = createApi(memoryPorts())
    const limits = { headersTimeout: 200, requestTimeout: 400 }
    const server = await serve(api, { host: '127.0.0.1', port: 0, ...limits })
    onTestFinished(() => server.close())
    return server.url
  }

  const headers = `POST ${predictions} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`

  it.each([
    ['headers', ''],
    ['a body', `${headers}Content-Length: 100000\r\n\r\n`],
    ['chunks', `${headers}Transfer-Encoding: chunked\r\n\r\n`],
  ])('that sends %s a byte at a time is cut off', async (what, start) => {
    const slow = what === 'chunks' ? '1\r\na\r\n' : what === 'headers' ? headers : 'a'
    const answer = await raw(
      start,
      async (socket) => {
        for (let i = 0; socket.writable && !socket.readableEnded; i++) {
          socket.write(what === 'headers' ? slow[i % slow.length]! : slow)
          const tick = new Promise((resolve) => setImmediate(resolve))
          await tick
        }
      },
      await impatient(),
    )
    expect([408, 400, 431]).toContain(statusOf(answer))
  })

  it('that sends nothing is cut off', async () => {
    const answer = await raw('GET /health HTTP/1.1\r\n', () => Promise.resolve(), await impatient())
    expect(statusOf(answer)).toBe(408)
    expect(answer).toContain('urn:millrace:error:RequestTimeout')
  })
})

/** What a connection answers to bytes as they are, until it ends. */
async function raw(
  text: string,
  send: (socket: Socket) => Promise<void> = () => Promise.resolve(),
  url = platform.url,
): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let answer = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk))
  // Cut off while it was sending: what was answered before that counts.
  socket.on('error', () => undefined)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await once(socket, 'connect')
  socket.write(text)
  await send(socket)
  await closed
  return answer
}

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1])
}
