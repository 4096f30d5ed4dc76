import { S3Client } from '@aws-sdk/client-s3'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { S3Objects } from '../../../platform/aws/objects.ts'
import { rejection } from '../../contracts/expect-error.ts'

const now = Date.UTC(2026, 0, 1, 12, 0, 0, 700)

interface Request {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
}

interface Answer {
  readonly statusCode?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** The objects port on a client whose requests are answered here, and go over no network. */
function openStubbed(answer: (request: Request) => Answer) {
  const requests: Request[] = []
  const handle = (request: Request) => {
    requests.push(request)
    const { statusCode = 200, headers = {}, body = '' } = answer(request)
    return Promise.resolve({
      response: { statusCode, headers, body: Readable.from([Buffer.from(body)]) },
    })
  }
  const client = new S3Client({
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token' },
    requestHandler: { handle },
  })
  const objects = new S3Objects({ client, bucket: 'bucket', clock: { now: () => now } })
  return { objects, requests }
}

const fault = (code: string, statusCode: number): Answer => ({
  statusCode,
  body: `<Error><Code>${code}</Code><Message>m</Message></Error>`,
})
const head: Answer = {
  headers: {
    'content-length': '1',
    etag: '"e"',
    'last-modified': 'Thu, 01 Jan 2026 12:00:00 GMT',
    'x-amz-version-id': 'v',
  },
}
const nothing = '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>'
const isPut = ({ method, query }: Request) => method === 'PUT' && query['x-id'] === 'PutObject'

/** A bucket with nothing in it, whose writes are answered by `put`. */
function writable(put: (request: Request) => Answer) {
  return (request: Request): Answer => {
    if (isPut(request)) return put(request)
    if (request.method === 'GET') return { body: nothing }
    return request.query['versionId'] === 'v' ? head : { statusCode: 404 }
  }
}

describe('a presigned URL of S3', () => {
  const open = () =>
    openStubbed(() => {
      throw new Error('signing asks nobody')
    })
  const options = {
    expiresInSeconds: 3600,
    size: 123,
    contentType: 'application/x-npy',
    metadata: { configuration: '{"a":1}' },
  }

  it('signs the length, the type and the metadata, and nothing of a body', async () => {
    const upload = await open().objects.presignUpload('uploads/ä b/c+d.npy', options)
    const url = new URL(upload.url)
    expect(url.origin).toBe('https://bucket.s3.eu-central-1.amazonaws.com')
    expect(url.pathname).toBe('/uploads/%C3%A4%20b/c%2Bd.npy')
    expect(Object.fromEntries(url.searchParams)).toEqual({
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD',
      'X-Amz-Credential': 'AKIDEXAMPLE/20260101/eu-central-1/s3/aws4_request',
      'X-Amz-Date': '20260101T120000Z',
      'X-Amz-Expires': '3600',
      'X-Amz-Security-Token': 'token',
      'X-Amz-Signature': expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      'X-Amz-SignedHeaders': 'content-length;content-type;host;x-amz-meta-configuration',
      'x-id': 'PutObject',
    })
    expect(upload.headers).toEqual({
      'content-length': '123',
      'content-type': 'application/x-npy',
      'x-amz-meta-configuration': '{"a":1}',
    })
  })

  it('tells when it expires: of the second in which it was signed', async () => {
    const { expiresAt } = await open().objects.presignUpload('key', options)
    expect(expiresAt).toBe('2026-01-01T13:00:00.000Z')
  })

  it('is another one for another length, also for none', async () => {
    const { objects } = open()
    const urls = [0, 1, 5 * 1024 ** 3].map(async (size) => {
      const { url, headers } = await objects.presignUpload('key', { expiresInSeconds: 60, size })
      expect(headers).toEqual({ 'content-length': String(size) })
      const { searchParams } = new URL(url)
      expect(searchParams.get('X-Amz-SignedHeaders')).toBe('content-length;host')
      return searchParams.get('X-Amz-Signature')
    })
    expect(new Set(await Promise.all(urls)).size).toBe(3)
  })

  it('signs no length where any is taken', async () => {
    const any = { expiresInSeconds: 60, maxSize: 5 }
    const { url, headers } = await open().objects.presignUpload('key', any)
    expect(headers).toEqual({})
    expect(new URL(url).searchParams.get('X-Amz-SignedHeaders')).toBe('host')
  })

  it('names the part of an upload', async () => {
    const part = { partNumber: 7, size: 5, expiresInSeconds: 60 }
    const { url, headers } = await open().objects.presignPart('key', 'up+load', part)
    const { searchParams } = new URL(url)
    expect(searchParams.get('uploadId')).toBe('up+load')
    expect(searchParams.get('partNumber')).toBe('7')
    expect(searchParams.get('X-Amz-SignedHeaders')).toBe('content-length;host')
    expect([...searchParams.keys()].filter((name) => /checksum/i.test(name))).toEqual([])
    expect(headers).toEqual({ 'content-length': '5' })
  })
})

describe('a conditional write that meets another one', () => {
  const conflict = fault('ConditionalRequestConflict', 409)

  it('is tried again, as S3 asks for', async () => {
    let puts = 0
    const { objects } = openStubbed(
      writable(() => (++puts < 3 ? conflict : { headers: { 'x-amz-version-id': 'v' } })),
    )
    const version = await objects.put('key', new Uint8Array(1), { ifAbsent: true })
    expect(version.versionId).toBe('v')
    expect(puts).toBe(3)
  })

  it('has lost after some attempts', async () => {
    const { objects, requests } = openStubbed(writable(() => conflict))
    const put = objects.put('key', new Uint8Array(1), { ifMatch: 'e' })
    const error = await rejection(put, 'ObjectChanged')
    expect(error.cause).toMatchObject({ name: 'ConditionalRequestConflict' })
    const puts = requests.filter(isPut)
    expect(puts).toHaveLength(4)
    expect(puts.every(({ headers }) => headers['if-match'] === '"e"')).toBe(true)
  })

  it('has lost at once with a stream, which is read once', async () => {
    const { objects, requests } = openStubbed(writable(() => conflict))
    const body = Readable.from([new Uint8Array(1)])
    await rejection(objects.put('key', body, { ifAbsent: true }), 'ObjectChanged')
    expect(requests.filter(isPut)).toHaveLength(1)
  })
})

describe('what S3 answers', () => {
  it('is a version that is not there, for an id that S3 takes for none', async () => {
    const { objects } = openStubbed(({ method }) =>
      method === 'HEAD' ? { statusCode: 400 } : fault('InvalidArgument', 400),
    )
    const options = { versionId: 'no-id' }
    await rejection(objects.head('key', options), 'ObjectNotFound')
    await rejection(objects.read('key', options), 'ObjectNotFound')
    await rejection(objects.head('key'), 'StorageFailed')
    await rejection(objects.read('key'), 'StorageFailed')
  })

  it('is a failure, for a 400 that is of something else than the version', async () => {
    const { objects } = openStubbed(({ method }) =>
      method === 'HEAD' ? { statusCode: 400 } : fault('RequestExpired', 400),
    )
    const error = await rejection(objects.head('key', { versionId: 'v' }), 'StorageFailed')
    expect(error.message).toContain('RequestExpired')
  })

  it('is a refusal, for what the role may not do', async () => {
    const { objects } = openStubbed(() => fault('AccessDenied', 403))
    await rejection(objects.head('key'), 'AccessRefused')
    await rejection(objects.read('key'), 'AccessRefused')
    await rejection(objects.put('key', new Uint8Array(1)), 'AccessRefused')
    await rejection(objects.list(''), 'AccessRefused')
  })

  it('is the digest of the bytes, and not that of the digests of parts', async () => {
    const digest = createHash('sha256').update('x').digest()
    const headOf = (value: string, type?: string) =>
      openStubbed(() => ({
        headers: {
          ...head.headers,
          'x-amz-checksum-sha256': value,
          ...(type === undefined ? {} : { 'x-amz-checksum-type': type }),
        },
      })).objects.head('key')
    const base64 = digest.toString('base64')
    expect((await headOf(base64, 'FULL_OBJECT')).sha256).toBe(digest.toString('hex'))
    expect((await headOf(base64)).sha256).toBe(digest.toString('hex'))
    expect(await headOf(base64, 'COMPOSITE')).not.toHaveProperty('sha256')
    const inParts = await headOf(`${base64}-2`)
    expect(inParts).not.toHaveProperty('sha256')
    expect(inParts.partsSha256).toBe(digest.toString('hex'))
    expect(await headOf(base64)).not.toHaveProperty('partsSha256')
  })

  it('is keys of a listing that travel encoded, as XML cannot hold them all', async () => {
    const { objects, requests } = openStubbed(() => ({
      body: `<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>
        <Version><Key>a+b%2Bc%EF%BF%BF/%C3%A9</Key><VersionId>v</VersionId><Size>1</Size>
        <IsLatest>true</IsLatest><ETag>"e"</ETag>
        <LastModified>2026-01-01T12:00:00.000Z</LastModified></Version></ListVersionsResult>`,
    }))
    expect((await objects.list('a')).objects).toEqual([
      {
        bucket: 'bucket',
        key: 'a b+c\uffff/é',
        versionId: 'v',
        size: 1,
        etag: 'e',
        lastModified: '2026-01-01T12:00:00.000Z',
      },
    ])
    expect(requests[0]!.query['encoding-type']).toBe('url')
  })

  it('is part of an object, of which the rest is not read', async () => {
    const { objects, requests } = openStubbed(({ headers }) => ({
      statusCode: 206,
      headers: { 'content-range': `bytes 0-9/10`, 'content-length': '10' },
      body: headers['range'] === 'bytes=0-9' ? '0123456789' : 'all that there is',
    }))
    expect(Buffer.from(await objects.read('key', { end: 10 })).toString()).toBe('0123456789')
    await rejection(objects.read('key', { end: 11 }), 'RangeInvalid')
    expect(requests.map(({ headers }) => headers['range'])).toEqual(['bytes=0-9', 'bytes=0-10'])
  })

  it('is a range beyond an object that grows meanwhile, which is read again', async () => {
    const { objects, requests } = openStubbed(({ method, query }) => {
      if (method === 'HEAD') {
        return { headers: { ...head.headers, 'content-length': '10', 'x-amz-version-id': 'new' } }
      }
      if (query['versionId'] === undefined) return fault('InvalidRange', 416)
      return { statusCode: 206, headers: { 'content-range': 'bytes 5-6/10' }, body: '56' }
    })
    const read = await objects.read('key', { start: 5, end: 7 })
    expect(Buffer.from(read).toString()).toBe('56')
    expect(requests.at(-1)!.query['versionId']).toBe('new')
  })
})
