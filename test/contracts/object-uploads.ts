import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { objectCreatedEventSchema } from '../../events/object-created.ts'
import { entryOf } from '../../platform/ports/object-options.ts'
import type { Objects, PresignedUpload, UploadedPart } from '../../platform/ports/objects.ts'
import type { UploadRequest } from '../../platform/ports/signed-upload.ts'
import { rejection } from './expect-error.ts'
import type { ObjectsTraits, OpenObjects } from './objects.ts'

const minPartBytes = 5 * 1024 ** 2

const abcDigest = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'

const bytes = (text: string) => new TextEncoder().encode(text)

/** What every object store promises of presigned uploads and of uploads in parts. */
export function objectUploadsContract(
  name: string,
  open: () => Promise<OpenObjects>,
  traits: ObjectsTraits,
): void {
  describe(`objects: ${name}`, () => {
    let store: OpenObjects
    let objects: Objects
    beforeEach(async () => {
      store = await open()
      objects = store.objects
    })
    afterEach(() => store.close())

    const put = (upload: PresignedUpload, body: string, change: Partial<UploadRequest> = {}) =>
      store.upload({
        url: upload.url,
        headers: new Headers({ ...upload.headers }),
        body: [bytes(body)],
        ...change,
      })

    describe('presigned uploads', () => {
      it('takes the upload that was allowed, with an event', async () => {
        const contentType = 'application/x-npy'
        const metadata = { configuration: '{"target":"a+b & c"}', empty: '' }
        const options = { expiresInSeconds: 60, size: 5, contentType, metadata }
        const upload = await objects.presignUpload('uploads/ä b/c+d.npy', options)
        expect(upload.method).toBe('PUT')
        const { versionId, etag } = await put(upload, '12345')
        const version = await objects.head('uploads/ä b/c+d.npy', { versionId: versionId! })
        expect(version).toMatchObject({ size: 5, etag, contentType, metadata })
        expect(await objects.read('uploads/ä b/c+d.npy')).toEqual(bytes('12345'))
        expect(await store.events()).toHaveLength(1)
      })

      it('takes an empty one, and makes a version of each PUT', async () => {
        const upload = await objects.presignUpload('key', { expiresInSeconds: 60, size: 0 })
        await put(upload, '')
        await put(upload, '')
        expect(await objects.read('key')).toEqual(bytes(''))
        expect(await objects.versions('key')).toHaveLength(2)
      })

      it('refuses one of another size', async () => {
        const upload = await objects.presignUpload('key', { expiresInSeconds: 60, size: 5 })
        for (const body of ['123456', '1234', '']) {
          const headers = new Headers({ ...upload.headers, 'content-length': `${body.length}` })
          await rejection(put(upload, body, { headers }), 'UploadRefused')
        }
        await rejection(objects.head('key'), 'ObjectNotFound')
      })

      it('takes any size where none was said', async () => {
        const upload = await objects.presignUpload('key', { expiresInSeconds: 60, maxSize: 5 })
        expect(upload.headers).not.toHaveProperty('content-length')
        for (const body of ['12345', '', '1']) {
          const headers = new Headers({ ...upload.headers, 'content-length': `${body.length}` })
          await put(upload, body, { headers })
        }
        const sizes = (await objects.versions('key')).map(({ size }) => size)
        expect(sizes).toEqual([1, 0, 5])
      })

      it('refuses one of another type', async () => {
        const options = { expiresInSeconds: 60, size: 1, contentType: 'text/csv' }
        const upload = await objects.presignUpload('key', options)
        const headers = new Headers({ ...upload.headers, 'content-type': 'text/html' })
        await rejection(put(upload, 'x', { headers }), 'UploadRefused')
        await put(upload, 'x')
      })

      it('refuses one whose URL was altered', async () => {
        const upload = await objects.presignUpload('a', { expiresInSeconds: 60, size: 1 })
        const names = [...new URL(upload.url).searchParams.keys()]
        const telling = names.filter((name) => name !== 'X-Amz-Algorithm')
        expect(telling.length).toBeGreaterThan(3)
        for (const name of telling) {
          const url = new URL(upload.url)
          url.searchParams.set(name, `${url.searchParams.get(name)}1`)
          await rejection(put(upload, 'x', { url: url.href }), 'UploadRefused')
        }
        expect((await objects.list('')).objects).toEqual([])
      })

      it.each([
        { expiresInSeconds: 0, size: 1 },
        { expiresInSeconds: 604_801, size: 1 },
        { expiresInSeconds: 60, size: -1 },
        { expiresInSeconds: 60, size: 0.5 },
        { expiresInSeconds: 60, maxSize: -1 },
        { expiresInSeconds: 60, maxSize: 5 * 1024 ** 3 + 1 },
        { expiresInSeconds: 60, size: 1, maxSize: 1 },
        { expiresInSeconds: 60, size: 5 * 1024 ** 3 + 1 },
        { expiresInSeconds: 60, size: Number.POSITIVE_INFINITY },
        { expiresInSeconds: Number.NaN, size: 1 },
        { expiresInSeconds: 60, size: 1, contentType: 'a\nb' },
        { expiresInSeconds: 60, size: 1, metadata: { A: 'x' } },
      ])('refuses to sign %j', async (options) => {
        await rejection(objects.presignUpload('key', options), 'RequestInvalid')
      })
    })

    if (traits.hasOwnDoor) {
      describe('presigned uploads at a door of its own', () => {
        it('are refused when they are not as long as they say', async () => {
          const upload = await objects.presignUpload('key', { expiresInSeconds: 60, size: 5 })
          for (const body of ['123456', '1234', '']) {
            await rejection(put(upload, body), 'UploadRefused')
          }
          await rejection(objects.head('key'), 'ObjectNotFound')
        })

        it('are refused when they do not say how long they are', async () => {
          for (const size of [{ size: 5 }, {}]) {
            const upload = await objects.presignUpload('key', { expiresInSeconds: 60, ...size })
            await rejection(put(upload, '12345', { headers: new Headers() }), 'UploadRefused')
          }
        })

        it.each(['6', '-1', '1e0', '05', ' ', 'x', '9'.repeat(400)])(
          'are refused that say to have %s bytes where at most 5 are taken',
          async (length) => {
            const upload = await objects.presignUpload('key', { expiresInSeconds: 60, maxSize: 5 })
            const headers = new Headers({ 'content-length': length })
            await rejection(put(upload, '123456', { headers }), 'UploadRefused')
            await rejection(objects.head('key'), 'ObjectNotFound')
          },
        )

        it('are refused from the moment on that they expire', async () => {
          const upload = await objects.presignUpload('key', { expiresInSeconds: 60, size: 1 })
          store.advance!(59_999)
          await put(upload, 'x')
          store.advance!(1)
          await rejection(put(upload, 'x'), 'UploadRefused')
        })

        it.each(['http://x/', '/uploads/presigned', ''])(
          'are refused at the URL %j',
          async (url) => {
            const upload = await objects.presignUpload('key', { expiresInSeconds: 60, size: 1 })
            await rejection(put(upload, 'x', { url }), 'UploadRefused')
          },
        )
      })
    }

    describe('uploads in parts', () => {
      const key = 'uploads/ä b/c+d.npy'
      const start = async (at = key) => (await objects.startMultipartUpload(at)).uploadId
      const send = async (
        uploadId: string,
        partNumber: number,
        body: Uint8Array,
        at = key,
      ): Promise<UploadedPart> => {
        const options = { partNumber, size: body.length, expiresInSeconds: 60 }
        const { url, headers } = await objects.presignPart(at, uploadId, options)
        const { etag } = await store.upload({
          url,
          headers: new Headers({ ...headers }),
          body: [body],
        })
        return { partNumber, etag }
      }
      const large = new Uint8Array(minPartBytes).fill(7)

      it('become one version, of the parts as they were sent last, with one event', async () => {
        const said = { contentType: 'application/x-npy', metadata: { a: 'b' } }
        const { uploadId } = await objects.startMultipartUpload(key, said)
        const last = await send(uploadId, 10_000, bytes('end'))
        await send(uploadId, 2, bytes('sent again below'))
        const second = await send(uploadId, 2, large)
        const first = await send(uploadId, 1, new Uint8Array(minPartBytes + 1).fill(1))
        await send(uploadId, 3, bytes('never named'))
        await rejection(objects.head(key), 'ObjectNotFound')
        expect((await objects.list('')).objects).toEqual([])
        expect(await store.events()).toEqual([])

        const parts = [first, { ...second, etag: `"${second.etag}"` }, last]
        const version = await objects.completeMultipartUpload(key, uploadId, parts)
        expect(version).toMatchObject({ key, size: 2 * minPartBytes + 4, ...said })
        expect(await objects.head(key)).toEqual(version)
        expect(await objects.versions(key)).toEqual([entryOf(version)])
        const whole = Buffer.concat([Buffer.alloc(minPartBytes + 1, 1), large, bytes('end')])
        expect(Buffer.compare(await objects.read(key), whole)).toBe(0)
        const events = (await store.events()).map((event) => objectCreatedEventSchema.parse(event))
        expect(events).toMatchObject([
          {
            detail: {
              object: { key, size: version.size, etag: version.etag },
              reason: 'CompleteMultipartUpload',
            },
          },
        ])
      })

      it('are completed once, also when it is asked for again or by many', async () => {
        const uploadId = await start()
        const parts = [await send(uploadId, 1, bytes('only'))]
        const complete = () => objects.completeMultipartUpload(key, uploadId, parts)
        const results = await Promise.allSettled([complete(), complete(), complete()])
        results.push(...(await Promise.allSettled([complete()])))
        const [entry] = await objects.versions(key)
        expect(results.map(({ status }) => status)).toContain('fulfilled')
        for (const result of results) {
          if (result.status === 'fulfilled') expect(entryOf(result.value)).toEqual(entry)
          else expect(result.reason).toMatchObject({ name: 'UploadNotFound' })
        }
        expect(await objects.versions(key)).toHaveLength(1)
        expect(await store.events()).toHaveLength(1)
      })

      it('are not completed of parts other than those sent, and stay under way then', async () => {
        const uploadId = await start()
        const first = await send(uploadId, 1, large)
        const second = await send(uploadId, 2, bytes('end'))
        const wrong: UploadedPart[][] = [
          [],
          [second, first],
          [first, first],
          [{ ...first, etag: second.etag }],
          [{ ...first, etag: '' }],
          [{ ...first, etag: '</ETag>' }],
          [first, { ...second, partNumber: 3 }],
          [{ ...first, partNumber: 0 }],
          [{ ...first, partNumber: 1.5 }],
          [first, { ...second, partNumber: 10_001 }],
        ]
        for (const parts of wrong) {
          const completion = objects.completeMultipartUpload(key, uploadId, parts)
          await rejection(completion, 'RequestInvalid')
        }
        await rejection(objects.head(key), 'ObjectNotFound')
        const version = await objects.completeMultipartUpload(key, uploadId, [first, second])
        expect(version.size).toBe(minPartBytes + 3)
      })

      if (traits.partSizesAreChecked) {
        it('have 5 MiB in all parts but the last', async () => {
          const uploadId = await start()
          const first = await send(uploadId, 1, large.subarray(1))
          const second = await send(uploadId, 2, bytes('end'))
          const completion = objects.completeMultipartUpload(key, uploadId, [first, second])
          await rejection(completion, 'RequestInvalid')
          await objects.completeMultipartUpload(key, uploadId, [first])
        })
      }

      it('are completed of the bytes that were meant, where the store knows their digest', async () => {
        const uploadId = await start()
        const parts = [await send(uploadId, 1, bytes('abc'))]
        const complete = (sha256: string) =>
          objects.completeMultipartUpload(key, uploadId, parts, { sha256 })
        if (traits.hasOwnDoor) await rejection(complete('0'.repeat(64)), 'RequestInvalid')
        const { sha256 } = await complete(abcDigest)
        if (traits.hasOwnDoor) expect(sha256).toBe(abcDigest)
      })

      it('are aborted with all their parts, which can be done again', async () => {
        const uploadId = await start()
        const parts = [await send(uploadId, 1, bytes('x'))]
        await objects.abortMultipartUpload(key, uploadId)
        await objects.abortMultipartUpload(key, uploadId)
        await rejection(objects.completeMultipartUpload(key, uploadId, parts), 'UploadNotFound')
        await rejection(send(uploadId, 2, bytes('y')), 'UploadNotFound')
        await rejection(objects.head(key), 'ObjectNotFound')
        expect(await store.events()).toEqual([])
      })

      it('are known by their id and their own key only', async () => {
        const uploadId = await start()
        const parts = [await send(uploadId, 1, bytes('x'))]
        const unknown = ['', 'nonsense', '../../x', '\0', '\ud800', 'x'.repeat(5000)]
        for (const id of unknown) {
          await rejection(objects.completeMultipartUpload(key, id, parts), 'UploadNotFound')
          await rejection(send(id, 1, bytes('x')), 'UploadNotFound')
          await objects.abortMultipartUpload(key, id)
        }
        const other = 'uploads/other.npy'
        await rejection(objects.completeMultipartUpload(other, uploadId, parts), 'UploadNotFound')
        await rejection(send(uploadId, 1, bytes('y'), other), 'UploadNotFound')
        await objects.abortMultipartUpload(other, uploadId)
        await objects.completeMultipartUpload(key, uploadId, parts)
        expect(await objects.read(key)).toEqual(bytes('x'))
      })

      it('take parts of the size that was signed alone', async () => {
        const uploadId = await start()
        const options = { partNumber: 1, size: 5, expiresInSeconds: 60 }
        const upload = await objects.presignPart(key, uploadId, options)
        for (const body of ['123456', '1234']) {
          const headers = new Headers({ ...upload.headers, 'content-length': `${body.length}` })
          await rejection(put(upload, body, { headers }), 'UploadRefused')
        }
        const altered = upload.url.replace(/(part-?number)=1/i, '$1=2')
        expect(altered).not.toBe(upload.url)
        await rejection(put(upload, '12345', { url: altered }), 'UploadRefused')
        const { etag } = await put(upload, '12345')
        const parts = [{ partNumber: 1, etag }]
        expect((await objects.completeMultipartUpload(key, uploadId, parts)).size).toBe(5)
      })

      it('make no key that is the folder of another', async () => {
        const uploadId = await start('a')
        const parts = [await send(uploadId, 1, bytes('x'), 'a')]
        await objects.put('a/b', bytes('came first'))
        await rejection(start('a'), 'ObjectKeyInvalid')
        await rejection(start('a/b/c'), 'ObjectKeyInvalid')
        await rejection(objects.completeMultipartUpload('a', uploadId, parts), 'ObjectKeyInvalid')
        await objects.delete('a/b')
        await objects.completeMultipartUpload('a', uploadId, parts)
        expect(await objects.read('a')).toEqual(bytes('x'))
      })

      it('are refused with options out of range', async () => {
        const metadata = { A: 'x' }
        await rejection(objects.startMultipartUpload(key, { metadata }), 'RequestInvalid')
        const good = { partNumber: 1, size: 5, expiresInSeconds: 60 }
        for (const wrong of [
          { partNumber: 0 },
          { partNumber: 10_001 },
          { partNumber: 1.5 },
          { size: -1 },
          { size: 5 * 1024 ** 3 + 1 },
          { expiresInSeconds: 0 },
          { expiresInSeconds: 604_801 },
        ]) {
          await rejection(objects.presignPart(key, 'id', { ...good, ...wrong }), 'RequestInvalid')
        }
      })
    })
  })
}
