import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EventEnvelope } from '../../events/envelope.ts'
import { compareSequencers, objectCreatedEventSchema } from '../../events/object-created.ts'
import { entryOf } from '../../platform/ports/object-options.ts'
import type { Objects } from '../../platform/ports/objects.ts'
import type { AcceptedUpload, UploadRequest } from '../../platform/ports/signed-upload.ts'
import { rejection } from './expect-error.ts'
import { objectUploadsContract } from './object-uploads.ts'

export interface OpenObjects {
  readonly objects: Objects
  /** Answers the events of the object store so far, once all are delivered. */
  events(): Promise<readonly EventEnvelope[]>
  /** Sends a PUT to a presigned URL. Rejects with UploadRefused or UploadNotFound. */
  upload(request: UploadRequest): Promise<AcceptedUpload>
  /** Lets time pass for the expiry of URLs, where the store has a door of its own. */
  advance?(milliseconds: number): void
  close(): Promise<void>
}

/** In what the stores differ, or their emulators from what they are. */
export interface ObjectsTraits {
  /**
   * Presigned uploads come in by a door of our own: tests can let time pass at it, and send it what no
   * HTTP client sends. S3's is tested by what its URLs sign.
   */
  readonly hasOwnDoor: boolean
  /** Events have the `version-id`, as S3's have and an emulator's may lack. */
  readonly eventsTellVersions: boolean
  /** A completion refuses parts that are too small, as S3's does and an emulator's may not. */
  readonly partSizesAreChecked: boolean
}

const allTraits: ObjectsTraits = {
  hasOwnDoor: true,
  eventsTellVersions: true,
  partSizesAreChecked: true,
}

const bytes = (text: string) => new TextEncoder().encode(text)

/** What every object store promises. */
export function objectsContract(
  name: string,
  open: () => Promise<OpenObjects>,
  traits: ObjectsTraits = allTraits,
): void {
  describe(`objects: ${name}`, () => {
    let store: OpenObjects
    let objects: Objects
    beforeEach(async () => {
      store = await open()
      objects = store.objects
    })
    afterEach(() => store.close())

    it('gives back the bytes and what was said of them', async () => {
      const body = bytes('1,2\n3,4\n')
      const options = { contentType: 'text/csv', metadata: { 'feature-names': 'a,b' } }
      const version = await objects.put('uploads/ada/iris.csv', body, options)
      expect(version).toMatchObject({
        bucket: objects.bucket,
        key: 'uploads/ada/iris.csv',
        size: 8,
        sha256: createHash('sha256').update(body).digest('hex'),
        ...options,
      })
      expect(version.lastModified).toBe(new Date(version.lastModified).toISOString())
      expect(await objects.head('uploads/ada/iris.csv')).toEqual(version)
      expect(await objects.read('uploads/ada/iris.csv')).toEqual(body)
    })

    it('keeps empty objects, and one of a single byte', async () => {
      await objects.put('empty', new Uint8Array(0))
      expect(await objects.read('empty')).toEqual(new Uint8Array(0))
      expect((await objects.put('one', bytes('x'))).contentType).toBe('application/octet-stream')
    })

    it('reads a stream of unknown length, in chunks of any size', async () => {
      const chunks = [bytes('ab'), new Uint8Array(0), new Uint8Array(3_000_000).fill(7), bytes('z')]
      async function* stream() {
        yield* chunks
      }
      const version = await objects.put('stream', stream())
      const whole = Uint8Array.from(Buffer.concat(chunks))
      expect(version.size).toBe(whole.length)
      expect(version.sha256).toBe(createHash('sha256').update(whole).digest('hex'))
      expect(Buffer.compare(await objects.read('stream'), whole)).toBe(0)
    })

    it('writes nothing of a stream that breaks, and passes its error on', async () => {
      await objects.put('key', bytes('before'))
      async function* stream() {
        yield bytes('half')
        throw new Error('the peer went away')
      }
      await expect(objects.put('key', stream())).rejects.toThrow('the peer went away')
      expect(await objects.read('key')).toEqual(bytes('before'))
      expect(await objects.versions('key')).toHaveLength(1)
      expect(await store.events()).toHaveLength(1)
    })

    it('keeps its bytes apart from the arrays of the caller', async () => {
      const body = bytes('abc')
      await objects.put('key', body)
      body[0] = 0
      const read = await objects.read('key')
      read[1] = 0
      expect(await objects.read('key')).toEqual(bytes('abc'))
    })

    describe('versions', () => {
      it('never changes one, and lists the newest first', async () => {
        const first = await objects.put('key', bytes('one'))
        const second = await objects.put('key', bytes('two'))
        expect(await objects.versions('key')).toEqual([entryOf(second), entryOf(first)])
        expect(await objects.head('key')).toEqual(second)
        expect(await objects.head('key', first)).toEqual(first)
        expect(await objects.read('key', first)).toEqual(bytes('one'))
      })

      it('are made of equal bytes too, with an equal etag at most', async () => {
        const [a, b, c] = [
          await objects.put('key', bytes('same')),
          await objects.put('key', bytes('same')),
          await objects.put('key', bytes('other')),
        ]
        expect(new Set([a.versionId, b.versionId, c.versionId]).size).toBe(3)
        expect(c.etag).not.toBe(a.etag)
      })

      it('stay when a key is deleted, which can be done again', async () => {
        const { versionId } = await objects.put('a/key', bytes('kept'))
        await objects.delete('a/key')
        await objects.delete('a/key')
        await rejection(objects.head('a/key'), 'ObjectNotFound')
        await rejection(objects.read('a/key'), 'ObjectNotFound')
        expect((await objects.list('')).objects).toEqual([])
        expect(await objects.read('a/key', { versionId })).toEqual(bytes('kept'))
        expect(await objects.versions('a/key')).toHaveLength(1)
        await objects.put('a/key', bytes('again'), { ifAbsent: true })
        expect(await objects.versions('a/key')).toHaveLength(2)
        expect((await objects.list('')).objects).toHaveLength(1)
      })

      it('are found under their own key only', async () => {
        const { versionId } = await objects.put('a', bytes('a'))
        await objects.put('b', bytes('b'))
        await rejection(objects.read('b', { versionId }), 'ObjectNotFound')
        for (const hostile of ['', '../../etc/passwd', '\0', 'x'.repeat(5000)]) {
          await rejection(objects.read('a', { versionId: hostile }), 'ObjectNotFound')
        }
        await objects.put('ab', bytes('a neighbour in the order of keys'))
        expect(await objects.versions('a')).toHaveLength(1)
        expect(await objects.versions('never')).toEqual([])
      })
    })

    describe('conditional writes', () => {
      it('writes if absent, and if the etag matches', async () => {
        const first = await objects.put('key', bytes('one'), { ifAbsent: true })
        await rejection(objects.put('key', bytes('two'), { ifAbsent: true }), 'ObjectChanged')
        await rejection(objects.put('key', bytes('two'), { ifMatch: 'other' }), 'ObjectChanged')
        await rejection(objects.put('none', bytes('two'), { ifMatch: first.etag }), 'ObjectChanged')
        for (const ifMatch of ['', '*', '"', 'é', 'a\r\nb: c', `"${first.etag}"`]) {
          await rejection(objects.put('key', bytes('two'), { ifMatch }), 'ObjectChanged')
        }
        await objects.put('key', bytes('two'), { ifMatch: first.etag })
        await rejection(objects.put('key', bytes('3'), { ifMatch: first.etag }), 'ObjectChanged')
        expect(await objects.read('key')).toEqual(bytes('two'))
        expect(await objects.versions('key')).toHaveLength(2)
      })

      it('lets exactly one of 50 concurrent writers win', async () => {
        const puts = Array.from({ length: 50 }, (_, i) =>
          objects.put('key', bytes(`writer ${i}`), { ifAbsent: true }),
        )
        const results = await Promise.allSettled(puts)
        const winners = results.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []))
        expect(winners).toHaveLength(1)
        expect(await objects.read('key')).toEqual(bytes(`writer ${winners[0]}`))
        expect(await objects.versions('key')).toHaveLength(1)
      })
    })

    describe('ranges', () => {
      beforeEach(async () => {
        await objects.put('key', bytes('0123456789'))
      })

      it.each([
        [{}, '0123456789'],
        [{ start: 3 }, '3456789'],
        [{ end: 3 }, '012'],
        [{ start: 3, end: 5 }, '34'],
        [{ start: 10 }, ''],
        [{ start: 4, end: 4 }, ''],
        [{ start: 0, end: 10 }, '0123456789'],
      ])('reads %j', async (range, expected) => {
        expect(await objects.read('key', range)).toEqual(bytes(expected))
      })

      it.each([{ start: -1 }, { start: 11 }, { start: 5, end: 4 }, { end: 11 }, { start: 0.5 }])(
        'refuses %j',
        async (range) => {
          await rejection(objects.read('key', range), 'RangeInvalid')
        },
      )

      it('reads those of a version that is not the current one', async () => {
        const { versionId } = await objects.head('key')
        await objects.put('key', bytes('x'))
        expect(await objects.read('key', { versionId, start: 3, end: 5 })).toEqual(bytes('34'))
        expect(await objects.read('key', { versionId, start: 10 })).toEqual(bytes(''))
        await rejection(objects.read('key', { versionId, start: 11 }), 'RangeInvalid')
        await rejection(objects.read('key', { versionId, end: 11 }), 'RangeInvalid')
      })

      it('knows the only one of an empty object, and none of an object that is not there', async () => {
        await objects.put('empty', bytes(''))
        expect(await objects.read('empty', { start: 0 })).toEqual(bytes(''))
        expect(await objects.read('empty', { start: 0, end: 0 })).toEqual(bytes(''))
        await rejection(objects.read('empty', { start: 0, end: 1 }), 'RangeInvalid')
        await rejection(objects.read('empty', { start: 1 }), 'RangeInvalid')
        await rejection(objects.read('none', { start: 0, end: 1 }), 'ObjectNotFound')
        await rejection(objects.read('none', { start: 1, end: 0 }), 'ObjectNotFound')
      })
    })

    describe('lists', () => {
      it('answers current versions by prefix, in UTF-8 order', async () => {
        const keys = ['b', 'a!', 'a/z', 'a/é', 'a/\uffee', 'a/😀', 'ab', 'a0']
        for (const key of keys) await objects.put(key, bytes('old'))
        for (const key of keys) await objects.put(key, bytes(key))
        const order = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        const listed = async (prefix: string) => (await objects.list(prefix)).objects
        expect((await listed('')).map(({ key }) => key)).toEqual(order)
        expect((await listed('a/')).map(({ key }) => key)).toEqual([
          'a/z',
          'a/é',
          'a/\uffee',
          'a/😀',
        ])
        expect(await listed('a/😀')).toEqual([entryOf(await objects.head('a/😀'))])
        expect(await listed('nothing')).toEqual([])
      })

      it('pages through everything once', async () => {
        const keys = Array.from({ length: 7 }, (_, i) => `k/${i}`)
        for (const key of keys) await objects.put(key, bytes(key))
        const seen: string[] = []
        let cursor: string | undefined
        do {
          const page = await objects.list('k/', { limit: 3, ...(cursor && { cursor }) })
          seen.push(...page.objects.map(({ key }) => key))
          cursor = page.cursor
        } while (cursor !== undefined)
        expect(seen).toEqual(keys)
        const { cursor: first } = await objects.list('k/', { limit: 3 })
        await rejection(objects.list('k', { cursor: first! }), 'CursorInvalid')
        await rejection(objects.list('k/', { cursor: 'nonsense' }), 'CursorInvalid')
        await rejection(objects.list('k/', { limit: 0 }), 'RequestInvalid')
        expect(await objects.list('k/', { limit: 7 })).not.toHaveProperty('cursor')
      })
    })

    describe('keys', () => {
      it.each([
        ['', 'empty'],
        ['/a', 'an empty first segment'],
        ['a/', 'an empty last segment'],
        ['a//b', 'an empty segment'],
        ['.', 'the folder itself'],
        ['../a', 'the folder above'],
        ['a/../b', 'the folder above, inside'],
        ['a/./b', 'the same folder, inside'],
        ['a\0b', 'a NUL'],
        ['a\nb', 'a control character'],
        ['a\u0085b', 'a control character beyond ASCII'],
        ['a\\b', 'a backslash'],
        ['a\ud800', 'a lone surrogate'],
        ['x'.repeat(256), 'a segment of 256 bytes'],
        ['é'.repeat(128), 'a segment of 256 bytes of UTF-8'],
        [`${'x'.repeat(200)}/`.repeat(5) + 'x'.repeat(20), 'more than 1024 bytes'],
      ])('refuses %j: %s', async (key) => {
        const body = bytes('x')
        await rejection(objects.put(key, body), 'ObjectKeyInvalid')
        await rejection(objects.head(key), 'ObjectKeyInvalid')
        await rejection(objects.read(key), 'ObjectKeyInvalid')
        await rejection(objects.delete(key), 'ObjectKeyInvalid')
        await rejection(objects.versions(key), 'ObjectKeyInvalid')
        const options = { expiresInSeconds: 60, size: 1 }
        await rejection(objects.presignUpload(key, options), 'ObjectKeyInvalid')
        await rejection(objects.startMultipartUpload(key), 'ObjectKeyInvalid')
        const part = { ...options, partNumber: 1 }
        await rejection(objects.presignPart(key, 'id', part), 'ObjectKeyInvalid')
        await rejection(objects.completeMultipartUpload(key, 'id', []), 'ObjectKeyInvalid')
        await rejection(objects.abortMultipartUpload(key, 'id'), 'ObjectKeyInvalid')
        expect((await objects.list('')).objects).toEqual([])
      })

      it.each([
        '__proto__',
        'constructor/prototype',
        '%2e%2e/%2e%2e',
        '...',
        ' ',
        'a b+c&d=e?f#g',
        '-rf',
        'uploads/名前/データ.npy',
        'a\uffff',
        '\'"<&>;*~!()',
        'x'.repeat(255),
        `${'x'.repeat(203)}/`.repeat(5) + 'xxxx',
      ])('takes %j as it is', async (key) => {
        await objects.put(key, bytes(key))
        expect(await objects.read(key)).toEqual(bytes(key))
        expect((await objects.list('')).objects.map((object) => object.key)).toEqual([key])
      })

      it('takes no key that is the folder of another', async () => {
        await objects.put('a/b', bytes('x'))
        await rejection(objects.put('a', bytes('y')), 'ObjectKeyInvalid')
        await rejection(objects.put('a/b/c/d', bytes('y')), 'ObjectKeyInvalid')
        await objects.put('a!', bytes('a neighbour in the order of keys'))
        await objects.delete('a/b')
        await objects.put('a', bytes('now free'))
        expect(await objects.read('a')).toEqual(bytes('now free'))
      })
    })

    describe('metadata', () => {
      it.each([
        ['an upper-case name', { metadata: { Name: 'x' } }],
        ['an empty name', { metadata: { '': 'x' } }],
        ['a name with a line break', { metadata: { 'a\nb': 'x' } }],
        ['a value that is not ASCII', { metadata: { a: 'é' } }],
        ['a value with a line break', { metadata: { a: 'x\r\ny: z' } }],
        ['more than 2 KB', { metadata: { a: 'x'.repeat(1024), b: 'y'.repeat(1023) } }],
        ['a content type with a line break', { contentType: 'text/plain\r\nx: y' }],
        ['a value that begins with a space', { metadata: { a: ' x' } }],
        ['a value that ends with a space', { metadata: { a: 'x ' } }],
        ['an empty content type', { contentType: '' }],
        ['two conditions', { ifAbsent: true, ifMatch: 'x' }],
      ])('refuses %s', async (_, options) => {
        await rejection(objects.put('key', bytes('x'), options), 'RequestInvalid')
        await rejection(objects.head('key'), 'ObjectNotFound')
      })

      it('takes an empty value, and spaces within', async () => {
        const metadata = { a: '', b: 'x  y' }
        await objects.put('key', bytes('x'), { metadata })
        expect((await objects.head('key')).metadata).toEqual(metadata)
      })

      it('takes 2 KB', async () => {
        const metadata = { a: 'x'.repeat(1024), b: 'y'.repeat(1022) }
        expect((await objects.put('key', bytes('x'), { metadata })).metadata).toEqual(metadata)
      })
    })

    describe('events', () => {
      it('raises S3’s own event for each write, in growing order, and none for a delete', async () => {
        const first = await objects.put('uploads/a b.npy', bytes('one'))
        const second = await objects.put('uploads/a b.npy', bytes('three'))
        await objects.delete('uploads/a b.npy')
        const events = (await store.events()).map((event) => objectCreatedEventSchema.parse(event))
        const details = events.map(({ detail }) => detail.object)
        expect(details).toMatchObject([
          { key: 'uploads/a b.npy', size: 3, etag: first.etag },
          { key: 'uploads/a b.npy', size: 5, etag: second.etag },
        ])
        expect(events.map(({ detail }) => detail.reason)).toEqual(['PutObject', 'PutObject'])
        if (traits.eventsTellVersions) {
          const versionIds = details.map((object) => object['version-id'])
          expect(versionIds).toEqual([first.versionId, second.versionId])
        }
        expect(events[0]!.detail.bucket.name).toBe(objects.bucket)
        expect(compareSequencers(details[0]!.sequencer, details[1]!.sequencer)).toBeLessThan(0)
        expect(new Set(events.map(({ id }) => id)).size).toBe(2)
      })
    })
  })

  objectUploadsContract(name, open, traits)
}
