import type { PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { Readable } from 'node:stream'
import { streamPartBytes } from '../ports/objects.ts'

/** So many parts are in memory, and on their way, at a time. */
const partsAtOnce = 4

/**
 * Writes a stream of unknown length: up to one part by a single PutObject, more as an upload in parts
 * (S3 takes 10,000 of them: 78 GiB), which is aborted when anything fails. Answers the version's id. An
 * error of the stream itself passes as it is; those of S3 go through `writeError`.
 */
export async function putStream(
  client: S3Client,
  put: PutObjectCommandInput,
  body: AsyncIterable<Uint8Array>,
  writeError: (error: unknown) => Error,
): Promise<string | undefined> {
  const source: Source = {}
  const stream = Readable.from(ownChunks(body, source), { highWaterMark: 1 })
  const params = { ...put, Body: stream }
  const upload = new Upload({ client, params, partSize: streamPartBytes, queueSize: partsAtOnce })
  try {
    return (await upload.done()).VersionId
  } catch (error) {
    throw source.failure === undefined ? writeError(error) : source.failure.error
  } finally {
    stream.destroy()
  }
}

interface Source {
  failure?: { readonly error: unknown }
}

/** Copies each chunk, since the source may use its buffer again before the part is sent. */
async function* ownChunks(
  body: AsyncIterable<Uint8Array>,
  source: Source,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError('a body is made of Uint8Array chunks')
      yield Uint8Array.from(chunk)
    }
  } catch (error) {
    source.failure = { error }
    throw error
  }
}
