import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { expect, it } from 'vitest'
import { openPlatform, type PlatformOptions } from '../../../platform/local/platform.ts'
import { readOperatorKey } from '../../../platform/local/operator-key.ts'
import { RecordingLogger } from '../../../platform/testing/memory-observability.ts'
import { irisNpy } from '../../fixtures/iris.ts'
import { temporaryDirectory } from './running.ts'

async function opened(options: Partial<PlatformOptions>) {
  const dataDir = await temporaryDirectory()
  const platform = await openPlatform({ dataDir, logger: new RecordingLogger(), ...options })
  const key = await readOperatorKey(dataDir)
  const port = Number(new URL(platform.url).port)
  return { platform, key, port }
}

/** What a client that calls the platform by a name is told to send its bytes to. */
async function uploadUrl(
  { key, port }: { key: string | undefined; port: number },
  host: string,
): Promise<{ status: number; url: string | undefined }> {
  const body = JSON.stringify({ size: irisNpy().length })
  const headers = {
    host,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
  }
  const asked = request({
    host: '127.0.0.1',
    port,
    path: '/datasets/ada/iris/uploads',
    method: 'POST',
    headers,
  })
  asked.end(body)
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  const { url } = JSON.parse(text) as { url?: string }
  return { status: response.statusCode!, url }
}

async function statusOf(port: number, headers: Record<string, string>): Promise<number> {
  const asked = request({ host: '127.0.0.1', port, path: '/models', headers })
  asked.end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  response.resume()
  return response.statusCode!
}

it('a platform on all addresses names the one that a request came to, to that client alone', async () => {
  const { platform, key, port } = await opened({ host: '0.0.0.0', auth: true })
  try {
    const [first, second] = await Promise.all([
      uploadUrl({ key, port }, `127.0.0.1:${port}`),
      uploadUrl({ key, port }, 'ml.example:8080'),
    ])
    expect(new URL(second.url!).origin).toBe('http://ml.example:8080')
    expect(new URL(first.url!).origin).toBe(`http://127.0.0.1:${port}`)
    const sent = await fetch(first.url!, { method: 'PUT', body: new Uint8Array(irisNpy()) })
    expect(sent.status).toBe(200)
  } finally {
    await platform.close()
  }
})

it('a Host that is none is in no URL', async () => {
  const { platform, key, port } = await opened({ host: '0.0.0.0', auth: true })
  try {
    for (const host of ['evil.example/path?', 'user@evil.example', 'a b']) {
      expect(await uploadUrl({ key, port }, host)).toEqual({ status: 400, url: undefined })
    }
    for (const host of ['"', "'", '-', '_']) {
      const { url } = await uploadUrl({ key, port }, host)
      expect(new URL(url!).origin).toBe(platform.url)
    }
  } finally {
    await platform.close()
  }
})

it('whatever Host a request has, a given public URL is what URLs begin with', async () => {
  const publicUrl = 'https://ml.example.com/millrace/'
  const { platform, key, port } = await opened({ host: '0.0.0.0', auth: true, publicUrl })
  try {
    const { url } = await uploadUrl({ key, port }, 'evil.example')
    expect(url).toMatch(/^https:\/\/ml\.example\.com\/millrace\/uploads\/presigned\?/)
  } finally {
    await platform.close()
  }
})

it('behind a proxy on this machine, requests name the public host or the own one, and no other', async () => {
  const { platform, port } = await opened({ auth: true, publicUrl: 'https://ml.example.com/base' })
  const own = `127.0.0.1:${port}`
  try {
    const taken: Record<string, string>[] = [
      { host: 'ml.example.com' },
      { host: 'ML.example.com:443' },
      { host: 'ml.example.com', origin: 'https://ml.example.com' },
      { host: own, origin: 'https://ml.example.com' },
      { host: own, origin: `http://${own}` },
    ]
    for (const headers of taken) expect(await statusOf(port, headers)).toBe(401)
    const refused: Record<string, string>[] = [
      { host: 'evil.example' },
      { host: 'ml.example.com.evil.example' },
      { host: 'ml.example.com', origin: 'https://evil.example' },
      { host: own, origin: 'http://ml.example.com' },
    ]
    for (const headers of refused) expect(await statusOf(port, headers)).toBe(403)
  } finally {
    await platform.close()
  }
})

it('on one address, URLs name that one', async () => {
  const { platform, key, port } = await opened({})
  try {
    const { url } = await uploadUrl({ key, port }, `localhost:${port}`)
    expect(new URL(url!).origin).toBe(platform.url)
  } finally {
    await platform.close()
  }
})

it.each([
  ['ml.example.com', true],
  ['ftp://ml.example.com', true],
  ['https://key@ml.example.com', true],
  ['https://ml.example.com/?a=1', true],
  ['https://ml.example.com', false],
])(
  'refuses to be open to others, and a public URL that is none: %s (auth: %s)',
  async (publicUrl, auth) => {
    const dataDir = await temporaryDirectory()
    await expect(openPlatform({ dataDir, publicUrl, auth })).rejects.toMatchObject({
      name: 'SettingsInvalid',
    })
  },
)

it('is a SageMaker container for the model that it was opened with', async () => {
  const { platform } = await opened({ sagemakerModel: 'ada/iris' })
  try {
    expect((await fetch(`${platform.url}/ping`)).status).toBe(404)
    const routes = (await (await fetch(`${platform.url}/openapi.json`)).json()) as {
      paths: Record<string, unknown>
    }
    expect(Object.keys(routes.paths)).toEqual(expect.arrayContaining(['/ping', '/invocations']))
  } finally {
    await platform.close()
  }
})
