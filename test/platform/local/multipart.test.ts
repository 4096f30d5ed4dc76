import { readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FileSystem, nodeFileSystem } from '../../../platform/local/file-system.ts'
import type { LocalObjects } from '../../../platform/local/objects.ts'
import { withUploads } from '../../../platform/local/uploads.ts'
import { rejection } from '../../contracts/expect-error.ts'
import { openStore, type TestDirectory, testDirectory } from './directory.ts'

const large = new Uint8Array(5 * 1024 ** 2).fill(7)
const end = new TextEncoder().encode('end')
const key = 'uploads/ada/iris.npy'

let directory: TestDirectory
beforeEach(async () => {
  directory = await testDirectory()
})
afterEach(() => directory.close())

const partFiles = () => readdir(join(directory.dataDir, 'parts'))
const versionFiles = () => readdir(join(directory.dataDir, 'versions'))

async function send(
  objects: LocalObjects,
  uploadId: string,
  partNumber: number,
  body: Uint8Array,
): Promise<{ partNumber: number; etag: string }> {
  const options = { partNumber, size: body.length, expiresInSeconds: 60 }
  const { url, headers } = await objects.presignPart(key, uploadId, options)
  const request = { url, headers: new Headers({ ...headers }), body: [body] }
  return { partNumber, etag: (await objects.acceptUpload(request)).etag }
}

describe('the files of parts', () => {
  it('outlast a crash, and go when the upload is completed', async () => {
    const before = await openStore(directory)
    const { uploadId } = await before.objects.startMultipartUpload(key, { metadata: { a: 'b' } })
    const first = await send(before.objects, uploadId, 1, large)
    await before.crash()

    const { objects } = await openStore(directory)
    const second = await send(objects, uploadId, 2, end)
    expect(await partFiles()).toHaveLength(2)
    const version = await objects.completeMultipartUpload(key, uploadId, [first, second])
    expect(version).toMatchObject({ size: large.length + 3, metadata: { a: 'b' } })
    expect(await objects.read(key, { start: large.length - 1 })).toEqual(
      Uint8Array.from([7, ...end]),
    )
    expect(await partFiles()).toEqual([])
  })

  it('go when a part is sent again, and when the upload is aborted', async () => {
    const { objects } = await openStore(directory)
    const { uploadId } = await objects.startMultipartUpload(key)
    await send(objects, uploadId, 1, large)
    await send(objects, uploadId, 1, end)
    await send(objects, uploadId, 2, end)
    expect(await partFiles()).toHaveLength(2)
    await objects.abortMultipartUpload(key, uploadId)
    expect(await partFiles()).toEqual([])
  })

  it('are swept at open where a crash left them without a row', async () => {
    const before = await openStore(directory)
    const { uploadId } = await before.objects.startMultipartUpload(key)
    const part = await send(before.objects, uploadId, 1, end)
    await before.crash()
    await writeFile(join(directory.dataDir, 'parts/unfinished.part'), 'half')
    await writeFile(join(directory.dataDir, 'parts', 'x'.repeat(32)), 'without a row')
    const { objects } = await openStore(directory)
    expect(await partFiles()).toHaveLength(1)
    await objects.completeMultipartUpload(key, uploadId, [part])
    expect(await objects.read(key)).toEqual(end)
  })

  it('go at open when nobody went on with them for seven days', async () => {
    const before = await openStore(directory)
    const { uploadId: old } = await before.objects.startMultipartUpload(key)
    await send(before.objects, old, 1, end)
    directory.clock.advance(1)
    const { uploadId: young } = await before.objects.startMultipartUpload(key)
    const part = await send(before.objects, young, 1, end)
    await before.crash()
    directory.clock.advance(7 * 24 * 3600 * 1000 - 1)

    const { objects } = await openStore(directory)
    expect(await partFiles()).toHaveLength(1)
    await rejection(objects.completeMultipartUpload(key, old, [part]), 'UploadNotFound')
    await objects.completeMultipartUpload(key, young, [part])
  })

  it('are kept for seven days more that a version left which did not note the time', async () => {
    const before = await openStore(directory)
    const { uploadId } = await before.objects.startMultipartUpload(key)
    const part = await send(before.objects, uploadId, 1, end)
    before.database.connection.exec('ALTER TABLE object_uploads DROP COLUMN started_at')
    await before.crash()
    directory.clock.advance(30 * 24 * 3600 * 1000)
    const { objects } = await openStore(directory)
    await objects.completeMultipartUpload(key, uploadId, [part])
    expect(await objects.read(key)).toEqual(end)
  })

  it('are not left of a part that breaks off, or that comes after the end', async () => {
    const { objects } = await openStore(directory)
    const { uploadId } = await objects.startMultipartUpload(key)
    const options = { partNumber: 1, size: 6, expiresInSeconds: 60 }
    const { url, headers } = await objects.presignPart(key, uploadId, options)
    const request = (body: () => AsyncIterable<Uint8Array>) =>
      objects.acceptUpload({ url, headers: new Headers({ ...headers }), body: body() })
    async function* broken() {
      yield end
      throw new Error('the peer went away')
    }
    await expect(request(broken)).rejects.toThrow('the peer went away')
    async function* late() {
      yield end
      await objects.abortMultipartUpload(key, uploadId)
      yield end
    }
    await rejection(request(late), 'UploadNotFound')
    expect(await partFiles()).toEqual([])
  })

  it('that are replaced while they are joined are named as such, and no fault of the disk', async () => {
    let replace = async () => {}
    const files: FileSystem = {
      ...nodeFileSystem,
      async read(...asked) {
        await replace()
        return nodeFileSystem.read(...asked)
      },
    }
    const { objects } = await openStore(directory, { files })
    const { uploadId } = await objects.startMultipartUpload(key)
    const part = await send(objects, uploadId, 1, large)
    replace = async () => {
      replace = async () => {}
      await send(objects, uploadId, 1, end)
    }
    const refused = objects.completeMultipartUpload(key, uploadId, [part])
    const { message } = await rejection(refused, 'RequestInvalid')
    expect(message).toContain('part 1 has the etag')
    expect(await versionFiles()).toEqual([])
  })

  it('that were cut short or are gone fail the completion, which leaves nothing', async () => {
    const { objects } = await openStore(directory)
    const { uploadId } = await objects.startMultipartUpload(key)
    const part = await send(objects, uploadId, 1, end)
    const [name] = await partFiles()
    await truncate(join(directory.dataDir, 'parts', name!), 1)
    await rejection(objects.completeMultipartUpload(key, uploadId, [part]), 'StorageFailed')
    await rm(join(directory.dataDir, 'parts', name!))
    await rejection(objects.completeMultipartUpload(key, uploadId, [part]), 'StorageFailed')
    expect(await versionFiles()).toEqual([])
    const again = await send(objects, uploadId, 1, end)
    await objects.completeMultipartUpload(key, uploadId, [again])
    expect(await objects.read(key)).toEqual(end)
  })

  it.each(['open', 'write', 'syncData', 'rename', 'sync'] as const)(
    'are not acknowledged when the disk fails at %s',
    async (operation) => {
      let fails = false
      const files: FileSystem = {
        ...nodeFileSystem,
        [operation]: (...args: unknown[]) => {
          if (fails) throw Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'write' })
          const operations = nodeFileSystem as Record<string, (...args: unknown[]) => unknown>
          return operations[operation]!(...args)
        },
      }
      const { objects } = await openStore(directory, { files })
      const { uploadId } = await objects.startMultipartUpload(key)
      const part = await send(objects, uploadId, 1, end)
      fails = true
      await rejection(send(objects, uploadId, 1, large), 'StorageFailed')
      await rejection(objects.completeMultipartUpload(key, uploadId, [part]), 'StorageFailed')
      fails = false
      expect(await partFiles()).toHaveLength(1)
      await objects.completeMultipartUpload(key, uploadId, [part])
      expect(await objects.read(key)).toEqual(end)
    },
  )
})

describe('the door for presigned uploads', () => {
  it('takes objects and parts, and answers them as S3 does', async () => {
    const { objects } = await openStore(directory)
    const fetch = withUploads({ fetch: async () => new Response('app') }, objects, directory.logger)
    const put = ({ url, headers }: { url: string; headers: Readonly<Record<string, string>> }) =>
      fetch(new Request(url, { method: 'PUT', headers, body: end }))

    const whole = await put(await objects.presignUpload('a', { size: 3, expiresInSeconds: 60 }))
    const version = await objects.head('a')
    expect(whole.status).toBe(200)
    expect(whole.headers.get('etag')).toBe(`"${version.etag}"`)
    expect(whole.headers.get('x-amz-version-id')).toBe(version.versionId)

    const { uploadId } = await objects.startMultipartUpload(key)
    const options = { partNumber: 1, size: 3, expiresInSeconds: 60 }
    const signed = await objects.presignPart(key, uploadId, options)
    const part = await put(signed)
    expect(part.status).toBe(200)
    expect(part.headers.has('x-amz-version-id')).toBe(false)
    const etag = part.headers.get('etag')!
    expect(etag).toMatch(/^".+"$/)
    await objects.completeMultipartUpload(key, uploadId, [{ partNumber: 1, etag }])
    expect(await objects.read(key)).toEqual(end)

    expect((await put(signed)).status).toBe(404)
    const other = { ...signed, headers: { 'content-length': '4' } }
    expect((await put(other)).status).toBe(403)
    expect((await fetch(new Request(signed.url))).status).toBe(405)
    expect(await (await fetch(new Request('http://127.0.0.1/health'))).text()).toBe('app')
  })
})
