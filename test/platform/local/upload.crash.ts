import { fork, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import type { ObjectVersion, PresignedUpload } from '../../../platform/ports/index.ts'
import { temporaryDirectory } from './running.ts'
import type { Asked } from './uploading-platform.ts'

const script = fileURLToPath(new URL('./uploading-platform.ts', import.meta.url))
const mebibyte = 1024 ** 2
const partSize = 64 * mebibyte
const partCount = 32

/** Not under `uploads/`: nothing that large is trained on. */
const key = 'files/large.bin'

/** How far a platform may grow beyond what it has when it is open, whatever is uploaded. */
const maxGrowth = 192 * mebibyte

/** What every part holds: 64 MiB of it are in the memory of the test, which is not measured. */
const block = new Uint8Array(partSize).map((_, i) => (i * 2_654_435_761) >>> 24)

/** The first bytes of a part tell it from the others. */
function partOf(partNumber: number): Uint8Array<ArrayBuffer> {
  new DataView(block.buffer).setUint32(0, partNumber)
  return block
}

class UploadingPlatform {
  readonly #child: ChildProcess

  constructor(dataDir: string) {
    this.#child = fork(script, [dataDir], { serialization: 'advanced' })
    onTestFinished(() => void this.#child.kill('SIGKILL'))
  }

  async opened(): Promise<void> {
    await this.#answer()
  }

  async ask<Answer>(asked: Asked): Promise<Answer> {
    this.#child.send(asked)
    return (await this.#answer()) as Answer
  }

  /** Sends a part by its URL. Answers its etag. */
  async send(uploadId: string, partNumber: number): Promise<{ partNumber: number; etag: string }> {
    const sign = { ask: 'sign', key, uploadId, partNumber, size: partSize } as const
    const { url, headers } = await this.ask<PresignedUpload>(sign)
    const response = await fetch(url, { method: 'PUT', headers, body: partOf(partNumber) })
    expect(response.status).toBe(200)
    return { partNumber, etag: response.headers.get('etag')! }
  }

  /** Kills it while it takes a part. */
  async killWithin(uploadId: string, partNumber: number): Promise<void> {
    const sign = { ask: 'sign', key, uploadId, partNumber, size: partSize } as const
    const { url, headers } = await this.ask<PresignedUpload>(sign)
    const chunk = partOf(partNumber).slice(0, mebibyte)
    const gone = once(this.#child, 'exit')
    let sent = 0
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        if (sent < partSize / 2) {
          sent += chunk.length
          return controller.enqueue(chunk)
        }
        this.#child.kill('SIGKILL')
        await gone
        controller.error(new Error('the platform is gone'))
      },
    })
    const broken = fetch(url, { method: 'PUT', headers, body, duplex: 'half' })
    await expect(broken).rejects.toThrow()
    await gone
    expect(this.#child.signalCode).toBe('SIGKILL')
  }

  async #answer(): Promise<unknown> {
    const [message] = (await once(this.#child, 'message')) as [{ answer?: unknown; error?: string }]
    expect(message.error).toBeUndefined()
    return message.answer
  }
}

it('an upload of 2 GiB in parts outlasts a kill of the platform, in flat memory', async () => {
  const dataDir = await temporaryDirectory()
  const before = new UploadingPlatform(dataDir)
  await before.opened()
  const { uploadId } = await before.ask<{ uploadId: string }>({ ask: 'start', key })
  const parts = []
  const half = partCount / 2
  for (let number = 1; number <= half; number++) parts.push(await before.send(uploadId, number))
  await before.killWithin(uploadId, half + 1)

  const after = new UploadingPlatform(dataDir)
  await after.opened()
  const opened = await after.ask<{ rss: number }>({ ask: 'memory' })
  for (let number = half + 1; number <= partCount; number++) {
    parts.push(await after.send(uploadId, number))
  }
  const hash = createHash('sha256')
  for (let number = 1; number <= partCount; number++) hash.update(partOf(number))
  const sha256 = hash.digest('hex')
  const version = await after.ask<ObjectVersion>({ ask: 'complete', key, uploadId, parts, sha256 })
  const size = partSize * partCount
  expect(version).toMatchObject({ size, sha256 })
  expect(await after.ask({ ask: 'digest', key, size })).toEqual({ sha256 })
  const { highest } = await after.ask<{ highest: number }>({ ask: 'memory' })
  expect(highest - opened.rss).toBeLessThan(maxGrowth)
})
