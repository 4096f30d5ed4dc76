import { createHash } from 'node:crypto'
import { openPlatform } from '../../../platform/local/platform.ts'

/** What a parent asks of the platform; each is answered by a message. */
export type Asked =
  | { readonly ask: 'start'; readonly key: string }
  | {
      readonly ask: 'sign'
      readonly key: string
      readonly uploadId: string
      readonly partNumber: number
      readonly size: number
    }
  | {
      readonly ask: 'complete'
      readonly key: string
      readonly uploadId: string
      readonly parts: readonly { readonly partNumber: number; readonly etag: string }[]
      readonly sha256: string
    }
  | { readonly ask: 'digest'; readonly key: string; readonly size: number }
  | { readonly ask: 'memory' }

/** A platform that is driven from outside, and killed there. Run as `node uploading-platform.ts DIR`. */
const [dataDir] = process.argv.slice(2) as [string]
const { ports, url } = await openPlatform({ dataDir })
const { objects } = ports

/** Bytes of an object that are read at once. */
const rangeBytes = 4 * 1024 ** 2

async function digestOf(key: string, size: number): Promise<string> {
  const hash = createHash('sha256')
  for (let start = 0; start < size; start += rangeBytes) {
    hash.update(await objects.read(key, { start, end: Math.min(size, start + rangeBytes) }))
  }
  return hash.digest('hex')
}

async function answerTo(asked: Asked): Promise<unknown> {
  if (asked.ask === 'start') return objects.startMultipartUpload(asked.key)
  if (asked.ask === 'sign') {
    const { key, uploadId, partNumber, size } = asked
    return objects.presignPart(key, uploadId, { partNumber, size, expiresInSeconds: 3600 })
  }
  if (asked.ask === 'complete') {
    const { key, uploadId, parts, sha256 } = asked
    return objects.completeMultipartUpload(key, uploadId, parts, { sha256 })
  }
  if (asked.ask === 'digest') return { sha256: await digestOf(asked.key, asked.size) }
  return { rss: process.memoryUsage.rss(), highest: process.resourceUsage().maxRSS * 1024 }
}

process.on('message', (message: Asked) => {
  answerTo(message).then(
    (answer) => process.send!({ answer }),
    (error: unknown) => process.send!({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit())
process.send!({ answer: { url } })
