import { describe, expect, it } from 'vitest'
import { InPlaceCompute } from '../../platform/aws/compute.ts'
import { LocalCompute } from '../../platform/local/compute.ts'
import { MillraceError } from '../../platform/ports/index.ts'
import { datasetOf } from '../../tasks/dataset.ts'
import { inspectUpload } from '../../tasks/inspect-upload.ts'
import { lendSource, readRemote } from '../../tasks/remote-source.ts'
import { rejection } from '../contracts/expect-error.ts'
import { pricesCsv } from '../fixtures/quantities.ts'

const csv = pricesCsv(3000, 1)
const sourceOf = (bytes: Uint8Array) => ({
  size: bytes.length,
  read: async (start: number, end: number) => bytes.subarray(start, end),
})
const form = { format: 'csv', configuration: {} } as const
const failing = (error: Error) => ({
  size: csv.length,
  read: async (start: number, end: number) => {
    if (start > 0) throw error
    return csv.subarray(start, end)
  },
})

describe.each([
  ['in place', () => Object.assign(new InPlaceCompute(), { close: async () => {} })],
  ['in a worker thread', () => new LocalCompute({ threads: 1 })],
])('a source that is lent to a job %s', (_, open) => {
  /** What the job finds in a source of which so many bytes are read at once. */
  async function inspected(source: ReturnType<typeof sourceOf>, signal?: AbortSignal) {
    const compute = open()
    try {
      const { places } = compute
      return await lendSource(source, 10_000, (remote) =>
        compute.run(
          inspectUpload,
          { source: remote, form, size: source.size, places },
          signal && { signal },
        ),
      )
    } finally {
      await compute.close()
    }
  }

  it('is read to its end', async () => {
    const { reasons, description, table } = await inspected(sourceOf(csv))
    expect(reasons).toEqual([])
    const { features, categories = [], featureNames } = datasetOf(csv, form)
    expect(description).toMatchObject({ rows: 3000, features: features.cols })
    const texts = featureNames.flatMap((name, j) => (categories[j] ? [[name, categories[j]]] : []))
    expect(description?.categories).toEqual(Object.fromEntries(texts))
    expect(table?.schema.columns).toHaveLength(features.cols + 1)
  })

  it('tells what is wrong with it', async () => {
    const { reasons } = await inspected(sourceOf(Buffer.concat([csv, Buffer.from('\n1\n')])))
    const message = expect.stringMatching(/^Row 3001 .* has 1 cells/) as unknown
    expect(reasons).toEqual([{ code: 'CsvInvalid', message }])
  })

  it('fails the job with its own error', async () => {
    const error = new MillraceError('ObjectNotFound', 'the version is gone')
    expect(await inspected(failing(error)).catch((reason: unknown) => reason)).toBe(error)
  })

  it('is left when the job is given up', async () => {
    const controller = new AbortController()
    const asked = Promise.withResolvers<undefined>()
    const never = Promise.withResolvers<Uint8Array>()
    const read = () => {
      asked.resolve(undefined)
      return never.promise
    }
    const running = inspected({ size: 100, read }, controller.signal)
    await asked.promise
    controller.abort()
    await rejection(running, 'ComputeAborted')
  })
})

describe('a source that was lent', () => {
  it('fails whoever still reads it', async () => {
    const never = Promise.withResolvers<Uint8Array>()
    const asked = Promise.withResolvers<undefined>()
    const read = () => {
      asked.resolve(undefined)
      return never.promise
    }
    let reading: Promise<unknown> = Promise.resolve()
    await lendSource({ size: 10, read }, 10, async (remote) => {
      reading = readRemote(remote, (source) => source.read(0, 10))
      reading.catch(() => {})
      await asked.promise
    })
    await expect(reading).rejects.toThrow('lent no more')
  })

  it('is empty where it has no bytes', async () => {
    const size = await lendSource(sourceOf(new Uint8Array(0)), 10, (remote) =>
      readRemote(remote, async (source) => source.size),
    )
    expect(size).toBe(0)
  })
})
