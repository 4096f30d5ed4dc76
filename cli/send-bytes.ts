import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { MillraceError, type PresignedUpload } from '../platform/ports/index.ts'

/** A piece of a file: `end` is exclusive. */
export interface Piece {
  readonly file: string
  readonly start: number
  readonly end: number
}

/** A failure that may be none at another time, or at another URL; `failure` says what to tell of it. */
export class SendFailed extends Error {
  override readonly name = 'SendFailed'
  readonly failure: MillraceError

  constructor(failure: MillraceError) {
    super(failure.message)
    this.failure = failure
  }
}

/**
 * Sends a piece of a file to a presigned URL, read from disk as it goes. Answers the headers of the
 * answer. Throws SendFailed for what is worth another try, and UploadRefused.
 */
export async function sendBytes(
  { url, method, headers }: Pick<PresignedUpload, 'url' | 'method' | 'headers'>,
  piece: Piece,
  { onSent, signal }: { onSent: (bytes: number) => void; signal: AbortSignal },
): Promise<Headers> {
  // What is answered before all was sent is a refusal: the rest is not sent.
  const over = new AbortController()
  const told = (bytes: number) => {
    if (!over.signal.aborted) onSent(bytes)
  }
  let response: Response
  try {
    response = await fetch(url, {
      method,
      headers: { ...headers, 'content-length': String(piece.end - piece.start) },
      body: bodyOf(piece, told),
      duplex: 'half',
      signal: AbortSignal.any([signal, over.signal]),
    })
  } catch (error) {
    over.abort()
    if (signal.aborted) throw error
    // fetch says "fetch failed", its cause says why.
    const { cause = error } = error as Error
    const message = `the upload broke off: ${String(cause)}`
    throw new SendFailed(new MillraceError('StorageFailed', message, { cause: error }))
  }
  const text = (await response.text()).slice(0, 500)
  if (response.ok) return response.headers
  over.abort()
  const message = `the upload was answered ${response.status}: ${text}`
  const name = response.status >= 500 ? 'StorageFailed' : 'UploadRefused'
  const failure = new MillraceError(name, message)
  throw response.status >= 500 || retryable.has(response.status) ? new SendFailed(failure) : failure
}

/** A URL that expired is 403; another one will do. */
const retryable: ReadonlySet<number> = new Set([403, 408, 429])

type Body = NonNullable<RequestInit['body']>

/** Its length is declared by the headers: sent in chunks of no declared length, S3 would refuse it. */
function bodyOf({ file, start, end }: Piece, onSent: (bytes: number) => void): Body {
  if (start === end) return new Uint8Array(0)
  const read = async function* () {
    const stream = createReadStream(file, { start, end: end - 1, highWaterMark: 256 * 1024 })
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      yield chunk
      onSent(chunk.length)
    }
  }
  return Readable.toWeb(Readable.from(read(), { objectMode: false })) as Body
}
