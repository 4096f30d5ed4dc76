import { createHmac, timingSafeEqual } from 'node:crypto'
import { MillraceError } from './errors.ts'
import { checkPresignOptions, defaultContentType } from './object-options.ts'
import type { PresignedUpload, PresignOptions, PutOptions } from './objects.ts'

/** The path below the base URL that takes signed uploads. */
export const signedUploadPath = '/uploads/presigned'

/** A PUT request as it came in. */
export interface UploadRequest {
  /** Whole, or from its path on. */
  readonly url: string
  readonly headers: Pick<Headers, 'get'>
  readonly body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** What a verified signature allows. */
export interface UploadGrant {
  readonly key: string
  readonly maxBytes: number
  /** What to write beside the bytes. */
  readonly options: PutOptions
}

/**
 * Signs an upload URL for stores that answer it themselves (S3 has its own): HMAC-SHA256 over key,
 * expiry, size, type and metadata, all of which are in the URL.
 */
export function signUpload(
  secret: Uint8Array,
  baseUrl: string,
  now: number,
  key: string,
  options: PresignOptions,
): PresignedUpload {
  checkPresignOptions(options)
  const expires = now + options.expiresInSeconds * 1000
  const terms = {
    key,
    expires: String(expires),
    'max-bytes': String(options.maxBytes),
    'content-type': options.contentType ?? '',
    metadata: JSON.stringify(options.metadata ?? {}),
  }
  const signed = signature(secret, Object.values(terms)).toString('base64url')
  const query = new URLSearchParams({ ...terms, signature: signed })
  return {
    url: `${baseUrl.replace(/\/$/, '')}${signedUploadPath}?${query.toString()}`,
    method: 'PUT',
    headers: options.contentType === undefined ? {} : { 'content-type': options.contentType },
    expiresAt: new Date(expires).toISOString(),
  }
}

/** What a request may upload. Throws UploadRefused unless its URL is one of ours, as it was given. */
export function verifyUpload(secret: Uint8Array, now: number, request: UploadRequest): UploadGrant {
  const query = queryOf(request.url)
  const terms = termNames.map((name) => query.get(name) ?? '')
  const given = Buffer.from(query.get('signature') ?? '', 'base64url')
  const expected = signature(secret, terms)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw refused('its URL is not signed by this platform, or was altered')
  }
  const [key, expires, maxBytes, contentType, metadata] = terms as [
    string,
    string,
    string,
    string,
    string,
  ]
  if (now >= Number(expires)) {
    throw refused(`its URL expired at ${new Date(Number(expires)).toISOString()}`)
  }
  if (contentType !== '' && request.headers.get('content-type') !== contentType) {
    throw refused(`its content-type must be ${contentType}`)
  }
  const declared = request.headers.get('content-length')
  if (declared !== null && Number(declared) > Number(maxBytes)) {
    throw refused(`it has ${declared} bytes, at most ${maxBytes} are allowed`)
  }
  return {
    key,
    maxBytes: Number(maxBytes),
    options: {
      contentType: contentType || (request.headers.get('content-type') ?? defaultContentType),
      metadata: JSON.parse(metadata) as Record<string, string>,
    },
  }
}

const termNames = ['key', 'expires', 'max-bytes', 'content-type', 'metadata'] as const

/** Passes a body on, until it is longer than `maxBytes`: UploadRefused. */
export async function* limitedBody(
  body: UploadRequest['body'],
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > maxBytes) throw refused(`it has more than the ${maxBytes} bytes allowed`)
    yield chunk
  }
}

function queryOf(url: string): URLSearchParams {
  const question = url.indexOf('?')
  return new URLSearchParams(question < 0 ? '' : url.slice(question + 1))
}

function signature(secret: Uint8Array, terms: readonly string[]): Buffer {
  return createHmac('sha256', secret).update(JSON.stringify(terms)).digest()
}

function refused(reason: string): MillraceError {
  return new MillraceError('UploadRefused', `the upload is refused: ${reason}; ask for a new URL`)
}
