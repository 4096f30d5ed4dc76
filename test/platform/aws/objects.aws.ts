import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { S3Objects } from '../../../platform/aws/objects.ts'
import { MillraceError } from '../../../platform/ports/errors.ts'
import { entryOf } from '../../../platform/ports/object-options.ts'
import type { AcceptedUpload, UploadRequest } from '../../../platform/ports/signed-upload.ts'
import { PartDigests, sha256OfParts } from '../../../tasks/part-digests.ts'
import { rejection } from '../../contracts/expect-error.ts'
import { objectsContract } from '../../contracts/objects.ts'
import { clientOptions } from './endpoint.ts'
import { closeBuckets, eventsOf, openBucket, removeBucket, s3 } from './object-buckets.ts'

afterAll(closeBuckets)

const bytes = (text: string) => new TextEncoder().encode(text)

objectsContract(
  's3',
  async () => {
    const bucket = await openBucket()
    return {
      objects: new S3Objects({ client: s3, bucket }),
      events: () => eventsOf(bucket),
      upload: putTo,
      close: () => removeBucket(bucket),
    }
  },
  { hasOwnDoor: false, eventsTellVersions: false, partSizesAreChecked: false },
)

describe('S3Objects', () => {
  let bucket: string
  let objects: S3Objects
  beforeEach(async () => {
    bucket = await openBucket()
    objects = new S3Objects({ client: s3, bucket })
  })
  afterEach(() => removeBucket(bucket))

  it('goes on over the pages of S3, past old versions and delete markers', async () => {
    // Pages of three versions each.
    const client = new S3Client({ ...clientOptions, forcePathStyle: true })
    client.middlewareStack.add(
      (next, { commandName }) =>
        (args) =>
          next(
            commandName === 'ListObjectVersionsCommand'
              ? { ...args, input: { ...args.input, MaxKeys: 3 } }
              : args,
          ),
      { step: 'initialize' },
    )
    const paged = new S3Objects({ client, bucket })
    for (const key of ['a', 'b', 'c', 'd', 'e']) {
      for (let i = 0; i < 4; i++) await objects.put(key, bytes(`${key}${i}`))
    }
    await objects.put('aa', bytes('x'))
    await objects.delete('b')
    await objects.delete('d')
    const heads = await Promise.all(['a', 'aa', 'c', 'e'].map((key) => objects.head(key)))
    expect(await paged.list('')).toEqual({ objects: heads.map(entryOf) })
    const { objects: first, cursor } = await paged.list('', { limit: 3 })
    const { objects: rest } = await paged.list('', { limit: 3, cursor: cursor! })
    expect([...first, ...rest]).toEqual(heads.map(entryOf))
    expect(await paged.versions('a')).toHaveLength(4)
    expect(await paged.versions('d')).toEqual(await objects.versions('d'))
    expect(await paged.versions('d')).toHaveLength(4)
    client.destroy()
  })

  describe('streams of more than one part', () => {
    const large = 20 * 1024 ** 2 + 1

    it('are written as one version, of the right bytes, with the digest of its parts', async () => {
      // The source uses one buffer for all that it gives.
      const buffer = new Uint8Array(1024 ** 2 - 1)
      const hash = createHash('sha256')
      const parts = new PartDigests()
      async function* stream() {
        for (let at = 0; at < large; at += buffer.length) {
          buffer.fill(at % 251)
          const chunk = buffer.subarray(0, Math.min(buffer.length, large - at))
          hash.update(chunk)
          parts.add(chunk)
          yield chunk
        }
      }
      const options = { contentType: 'x/y', metadata: { a: 'b' } }
      const version = await objects.put('large', stream(), options)
      expect(version).toMatchObject({ size: large, ...options })
      expect(version).not.toHaveProperty('sha256')
      expect(version.partsSha256).toBe(sha256OfParts(parts.end()))
      const read = createHash('sha256')
        .update(await objects.read('large'))
        .digest('hex')
      expect(read).toBe(hash.digest('hex'))
      expect(await objects.versions('large')).toHaveLength(1)
      expect(await eventsOf(bucket)).toHaveLength(1)
    })

    it('leave nothing when they break, and no part', async () => {
      let isClosed = false
      async function* stream() {
        try {
          for (let i = 0; i < 20; i++) yield new Uint8Array(1024 ** 2)
          throw new Error('the peer went away')
        } finally {
          isClosed = true
        }
      }
      await expect(objects.put('large', stream())).rejects.toThrow('the peer went away')
      expect(isClosed).toBe(true)
      await expectNoUploads()
      expect(await objects.versions('large')).toEqual([])
    })

    it('keep their condition, and are closed when it does not hold', async () => {
      const first = await objects.put('large', bytes('first'))
      const zeros = () => Readable.from(Array.from({ length: 10 }, () => new Uint8Array(1024 ** 2)))
      await rejection(objects.put('large', zeros(), { ifAbsent: true }), 'ObjectChanged')
      await rejection(objects.put('large', zeros(), { ifMatch: 'other' }), 'ObjectChanged')
      await expectNoUploads()
      await objects.put('large', zeros(), { ifMatch: first.etag })
      expect(await objects.versions('large')).toHaveLength(2)
    })

    it('refuse chunks that are no bytes', async () => {
      const stream = Readable.from(['text']) as AsyncIterable<Uint8Array>
      await expect(objects.put('key', stream)).rejects.toThrow(TypeError)
      await rejection(objects.head('key'), 'ObjectNotFound')
    })

    async function expectNoUploads() {
      const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
      expect(Uploads).toEqual([])
    }
  })

  it('knows the digest of what others wrote with one, and no other', async () => {
    const Body = bytes('abc')
    await s3.send(
      new PutObjectCommand({ Bucket: bucket, Key: 'with', Body, ChecksumAlgorithm: 'SHA256' }),
    )
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'without', Body }))
    const sha256 = createHash('sha256').update(Body).digest('hex')
    expect((await objects.head('with')).sha256).toBe(sha256)
    expect(await objects.head('without')).not.toHaveProperty('sha256')
  })

  it('takes the version of a delete marker for none', async () => {
    await objects.put('key', bytes('x'))
    await objects.delete('key')
    const { DeleteMarkers } = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket }))
    const versionId = DeleteMarkers![0]!.VersionId!
    await rejection(objects.head('key', { versionId }), 'ObjectNotFound')
    await rejection(objects.read('key', { versionId }), 'ObjectNotFound')
  })

  it('tells a bucket that is not there, with its cause', async () => {
    const nowhere = new S3Objects({ client: s3, bucket: `${bucket}-not` })
    const error = await rejection(nowhere.put('key', bytes('x')), 'StorageFailed')
    expect(error.cause).toMatchObject({ name: 'NoSuchBucket' })
    await rejection(nowhere.list(''), 'StorageFailed')
    await rejection(nowhere.read('key'), 'StorageFailed')
  })

  describe('presigned uploads', () => {
    const options = { expiresInSeconds: 60, size: 5, metadata: { a: 'b  c' } }
    const signedAgo = (milliseconds: number) =>
      new S3Objects({ client: s3, bucket, clock: { now: () => Date.now() - milliseconds } })

    it('expire', async () => {
      const old = await signedAgo(61_000).presignUpload('key', options)
      const fresh = await signedAgo(30_000).presignUpload('key', options)
      await rejection(send(old, bytes('12345')), 'UploadRefused')
      await send(fresh, bytes('12345'))
    })

    it.each([
      ['bytes', () => bytes('12345')],
      ['text', () => '12345'],
      ['a blob', () => new Blob(['12345'])],
      ['a stream', () => Readable.toWeb(Readable.from([bytes('123'), bytes('45')]))],
    ])('are taken of fetch with %s', async (_, body) => {
      const upload = await objects.presignUpload('key', options)
      await send(upload, body() as NonNullable<RequestInit['body']>)
      expect(await objects.read('key')).toEqual(bytes('12345'))
      expect((await objects.head('key')).metadata).toEqual(options.metadata)
    })

    it('are taken of fetch without the length, for a body that has one', async () => {
      const upload = await objects.presignUpload('key', options)
      const { 'content-length': length, ...headers } = upload.headers
      expect(length).toBe('5')
      await send({ ...upload, headers }, bytes('12345'))
      expect(await objects.read('key')).toEqual(bytes('12345'))
    })

    it('are taken of curl, with all their headers', async () => {
      const { url, headers } = await objects.presignUpload('a b/ü+c', options)
      const given = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
      const curl = promisify(execFile)('curl', ['-sSf', '-X', 'PUT', ...given, '-d', '12345', url])
      await curl
      expect(await objects.read('a b/ü+c')).toEqual(bytes('12345'))
    })

    const send = (
      upload: { url: string; headers: Readonly<Record<string, string>> },
      body: NonNullable<RequestInit['body']>,
    ) =>
      answered(
        fetch(upload.url, {
          method: 'PUT',
          headers: upload.headers,
          body,
          duplex: 'half',
        }),
      )
  })

  describe('differences of the emulator', () => {
    it('gives a version whole where a range of it was asked for; AWS gives the range', async () => {
      const { versionId: VersionId } = await objects.put('key', bytes('0123456789'))
      const input = { Bucket: bucket, Key: 'key', VersionId, Range: 'bytes=3-4' }
      const { ContentRange, ContentLength } = await s3.send(new GetObjectCommand(input))
      expect({ ContentRange, ContentLength }).toEqual({ ContentLength: 10 })
    })

    it('takes an empty version id for none; AWS refuses it', async () => {
      await objects.put('key', bytes('x'))
      const input = { Bucket: bucket, Key: 'key', VersionId: '' }
      expect(await s3.send(new HeadObjectCommand(input))).toHaveProperty('VersionId')
    })

    it('answers 404 for what is no version id; AWS answers 400', async () => {
      await objects.put('key', bytes('x'))
      const input = { Bucket: bucket, Key: 'key', VersionId: 'no id' }
      await expect(s3.send(new GetObjectCommand(input))).rejects.toMatchObject({
        name: 'NoSuchVersion',
      })
    })

    it('lists times in milliseconds; AWS lists whole seconds', async () => {
      for (let i = 0; i < 5; i++) await objects.put('key', bytes('x'))
      const { Versions } = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket }))
      const parts = Versions!.map(({ LastModified }) => LastModified!.getTime() % 1000)
      expect(parts.some((milliseconds) => milliseconds > 0)).toBe(true)
    })

    it('does not encode the keys of versions as URLs on request; AWS does', async () => {
      await objects.put('a b', bytes('x'))
      const command = new ListObjectVersionsCommand({ Bucket: bucket, EncodingType: 'url' })
      const { EncodingType, Versions } = await s3.send(command)
      expect({ EncodingType, key: Versions![0]!.Key }).toEqual({ key: 'a b' })
    })

    it('raises events without a version id; AWS tells it', async () => {
      await objects.put('key', bytes('x'))
      const [event] = await eventsOf(bucket)
      expect(event!.detail['object']).not.toHaveProperty('version-id')
    })

    it('does not check the algorithm of a presigned URL; AWS refuses another one', async () => {
      const upload = await objects.presignUpload('key', { expiresInSeconds: 60, size: 1 })
      const url = upload.url.replace('AWS4-HMAC-SHA256', 'AWS4-HMAC-SHA2561')
      expect(url).not.toBe(upload.url)
      await answered(fetch(url, { method: 'PUT', body: 'x' }))
    })

    it('completes parts of any size, in any order; AWS refuses small ones and disorder', async () => {
      const address = { Bucket: bucket, Key: 'key' }
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand(address))
      const Parts = []
      for (const PartNumber of [2, 1]) {
        const part = { ...address, UploadId, PartNumber, Body: bytes(`${PartNumber}`) }
        const { ETag } = await s3.send(new UploadPartCommand(part))
        Parts.push({ PartNumber, ETag })
      }
      const completion = { ...address, UploadId, MultipartUpload: { Parts } }
      await s3.send(new CompleteMultipartUploadCommand(completion))
      expect(await objects.read('key')).toEqual(bytes('12'))
    })
  })
})

/** Sends a PUT by HTTP. A refusal of S3's is one of the port's errors. */
function putTo({ url, headers, body }: UploadRequest): Promise<AcceptedUpload> {
  const given = Object.fromEntries(
    ['content-length', 'content-type', ...(headers as Headers).keys()].flatMap((name) => {
      const value = headers.get(name)
      return value === null ? [] : [[name, value]]
    }),
  )
  const whole = Buffer.concat([...(body as Iterable<Uint8Array>)])
  return answered(fetch(url, { method: 'PUT', headers: given, body: whole }))
}

async function answered(call: Promise<Response>): Promise<AcceptedUpload> {
  const response = await call
  const text = await response.text()
  if (response.status === 404) throw new MillraceError('UploadNotFound', text)
  if (!response.ok) throw new MillraceError('UploadRefused', text)
  const versionId = response.headers.get('x-amz-version-id')
  return {
    etag: response.headers.get('etag')!.replaceAll('"', ''),
    ...(versionId === null ? {} : { versionId }),
  }
}
