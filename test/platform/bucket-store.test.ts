import { describe, expect, it } from 'vitest'
import { bucketStore } from '../../platform/ports/bucket-store.ts'
import { memoryPorts, runWorkflow } from '../../platform/testing/index.ts'
import type { Json, Objects } from '../../platform/ports/index.ts'
import { rejection } from '../contracts/expect-error.ts'
import { runPlatform } from './local/running.ts'

/** Maps over an object's items, and writes what came of them. */
const definition = {
  StartAt: 'Each',
  States: {
    Each: {
      Type: 'Map',
      Label: 'Each',
      ItemReader: {
        Resource: 'arn:aws:states:::s3:getObject',
        ReaderConfig: { InputType: 'JSON' },
        Parameters: { 'Bucket.$': '$.bucket', Key: 'batches/items.json' },
      },
      ItemProcessor: {
        ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'EXPRESS' },
        StartAt: 'Double',
        States: {
          Double: {
            Type: 'Pass',
            QueryLanguage: 'JSONata',
            Output: '{% 2 * $states.input %}',
            End: true,
          },
        },
      },
      ResultWriter: {
        Resource: 'arn:aws:states:::s3:putObject',
        Parameters: { 'Bucket.$': '$.bucket', Prefix: 'batches/results' },
      },
      End: true,
    },
  },
}
const doubling = { name: 'doubling', definition, tasks: [] }
const items = Buffer.from('[1, 2, 3]')

describe("a distributed Map's items and results are objects of the bucket", () => {
  it('of the ports that a test gives', async () => {
    const { objects, ...rest } = memoryPorts()
    await objects.put('batches/items.json', items)
    const ports = { objects, ...rest }
    const run = await runWorkflow(doubling, { input: { bucket: objects.bucket }, ports })
    expect(run.status).toBe('SUCCEEDED')
    expect(await doubled(objects, run.output!)).toEqual([2, 4, 6])
  })

  it('of the embedded platform', async () => {
    const { ports } = await runPlatform({ workflows: [doubling] })
    const { objects, executions } = ports
    await objects.put('batches/items.json', items)
    const execution = { workflow: 'doubling', name: 'once' }
    await executions.start({ ...execution, input: { bucket: objects.bucket } })
    const ended = () => executions.describe('doubling', 'once')
    await expect.poll(async () => (await ended()).status).toBe('SUCCEEDED')
    expect(await doubled(objects, (await ended()).output!)).toEqual([2, 4, 6])
  })

  it('and an execution tells what of it is missing', async () => {
    const { objects, ...rest } = memoryPorts()
    const ports = { objects, ...rest }
    const missing = await runWorkflow(doubling, { input: { bucket: objects.bucket }, ports })
    expect(missing).toMatchObject({
      status: 'FAILED',
      error: 'States.ItemReaderFailed',
      cause: expect.stringContaining('batches/items.json') as unknown,
    })
    const foreign = await runWorkflow(doubling, { input: { bucket: 'other' }, ports })
    expect(foreign.cause).toContain('no bucket "other"')
  })
})

describe('bucketStore', () => {
  it('reads one version, piece by piece, whatever is written meanwhile', async () => {
    const { objects } = memoryPorts()
    const bytes = new Uint8Array(5 * 1024 * 1024).map((_, i) => i % 251)
    const { bucket, versionId } = await objects.put('key', bytes)
    const store = bucketStore(objects)
    const pieces: Uint8Array[] = []
    for await (const piece of await store.read(bucket, 'key')) {
      pieces.push(piece)
      await objects.put('key', new Uint8Array(1))
    }
    expect(pieces.length).toBeGreaterThan(1)
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true)
    const again = []
    for await (const piece of await store.read(bucket, 'key', versionId)) again.push(piece)
    expect(Buffer.concat(again)).toHaveLength(bytes.length)
  })

  it('lists more than a page of keys, in their order', async () => {
    const { objects } = memoryPorts()
    const keys = Array.from({ length: 1200 }, (_, i) => `some/${String(i).padStart(4, '0')}`)
    for (const key of keys.toReversed()) await objects.put(key, new Uint8Array(2))
    await objects.put('other/0', new Uint8Array(1))
    const listed = []
    for await (const one of bucketStore(objects).list(objects.bucket, 'some/')) listed.push(one)
    expect(listed.map(({ key }) => key)).toEqual(keys)
    expect(listed[0]).toMatchObject({ size: 2, lastModified: expect.any(Date) as Date })
  })

  it('knows no other bucket', async () => {
    const { objects } = memoryPorts()
    const store = bucketStore(objects)
    await rejection(store.write('other', 'key', new Uint8Array(1)), 'ObjectNotFound')
    await rejection(store.read('other', 'key'), 'ObjectNotFound')
    const listing = async () => {
      for await (const one of store.list('other', '')) expect(one).toBeUndefined()
    }
    await rejection(listing(), 'ObjectNotFound')
  })
})

/** What the Map wrote of its children that succeeded. */
async function doubled(objects: Objects, output: Json): Promise<unknown[]> {
  const read = async (key: string) =>
    JSON.parse(Buffer.from(await objects.read(key)).toString()) as unknown
  const { ResultWriterDetails } = output as { ResultWriterDetails: { Key: string } }
  const manifest = (await read(ResultWriterDetails.Key)) as {
    ResultFiles: { SUCCEEDED: { Key: string }[] }
  }
  const [file] = manifest.ResultFiles.SUCCEEDED
  const children = (await read(file!.Key)) as { Output: string }[]
  return children.map(({ Output }) => JSON.parse(Output) as unknown)
}
