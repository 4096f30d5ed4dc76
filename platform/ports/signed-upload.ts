import { createHmac, timingSafeEqual } from 'node:crypto'
import { MillraceError } from './errors.ts'
import {
  checkPresignOptions,
  checkPresignPartOptions,
  checkUploadId,
  defaultContentType,
  maxPresignedBytes,
} from './object-options.ts'
import type { PresignedUpload, PresignOptions, PresignPartOptions, PutOptions } from './objects.ts'

/** The path below the base URL that takes signed uploads. */
export const signedUploadPath = '/uploads/presigned'

/** A PUT request as it came in. */
export interface UploadRequest {
  /** Whole, or from its path on. */
  readonly url: string
  readonly headers: Pick<Headers, 'get'>
  readonly body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** What the PUT is answered: the headers of S3's answer. A part has no version. */
export interface AcceptedUpload {
  readonly etag: string
  readonly versionId?: string
}

/** What a verified signature allows. */
export interface UploadGrant {
  readonly key: string
  readonly size: number
  /** What to write beside the bytes of a whole object. */
  readonly options: PutOptions
  /** Of which upload the bytes are a part, and which one. */
  readonly part?: { readonly uploadId: string; readonly partNumber: number }
}

/** Who signs, for where, and when. */
export interface UploadSigner {
  readonly secret: Uint8Array
  readonly baseUrl: string
  /** Milliseconds since 1970. */
  readonly now: number
}

/**
 * Signs an upload URL for stores that answer it themselves (S3 has its own): HMAC-SHA256 over key,
 * expiry, size, type and metadata, all of which are in the URL.
 */
export function signUpload(
  signer: UploadSigner,
  key: string,
  options: PresignOptions,
): PresignedUpload {
  checkPresignOptions(options)
  const { contentType = '', metadata = {}, size, maxSize = maxPresignedBytes } = options
  const terms = {
    'content-type': contentType,
    metadata: JSON.stringify(metadata),
    ...(size === undefined ? { 'max-size': String(maxSize) } : {}),
  }
  return signedUrl(signer, key, options, terms)
}

/** The same for one part of an upload. */
export function signPart(
  signer: UploadSigner,
  key: string,
  uploadId: string,
  options: PresignPartOptions,
): PresignedUpload {
  checkPresignPartOptions(options)
  checkUploadId(key, uploadId)
  const terms = { 'upload-id': uploadId, 'part-number': String(options.partNumber) }
  return signedUrl(signer, key, options, terms)
}

/** What a request may upload. Throws UploadRefused unless its URL is one of ours, as it was given. */
export function verifyUpload(secret: Uint8Array, now: number, request: UploadRequest): UploadGrant {
  const query = queryOf(request.url)
  const terms = Object.fromEntries(termNames.map((name) => [name, query.get(name) ?? ''])) as Terms
  const given = Buffer.from(query.get('signature') ?? '', 'base64url')
  const expected = signature(secret, terms)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw refused('its URL is not signed by this platform, or was altered')
  }
  const { key, expires, 'content-type': contentType, 'upload-id': uploadId } = terms
  if (now >= Number(expires)) {
    throw refused(`its URL expired at ${new Date(Number(expires)).toISOString()}`)
  }
  if (contentType !== '' && request.headers.get('content-type') !== contentType) {
    throw refused(`its content-type must be ${contentType}`)
  }
  return {
    key,
    size: declaredSize(request, terms),
    options: {
      contentType: contentType || (request.headers.get('content-type') ?? defaultContentType),
      metadata: JSON.parse(terms.metadata || '{}') as Record<string, string>,
    },
    ...(uploadId === '' ? {} : { part: { uploadId, partNumber: Number(terms['part-number']) } }),
  }
}

/** Passes a body on. UploadRefused once it has other than `size` bytes. */
export async function* exactBody(
  body: UploadRequest['body'],
  size: number,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > size) throw refused(`it has more than the ${size} bytes it was signed for`)
    yield chunk
  }
  if (bytes < size) throw refused(`it has ${bytes} of the ${size} bytes it was signed for`)
}

/** Throws UploadRefused unless the request says to have as many bytes as it may have. */
function declaredSize({ headers }: UploadRequest, { size, 'max-size': maxSize }: Terms): number {
  const declared = headers.get('content-length')
  const isGood =
    size === ''
      ? /^\d{1,15}$/.test(declared ?? '') && Number(declared) <= Number(maxSize)
      : declared === size
  if (isGood) return Number(declared)
  const wanted = size === '' ? `at most ${maxSize}` : size
  throw refused(`its content-length must be ${wanted}, and is ${declared ?? 'not given'}`)
}

const termNames = [
  'key',
  'expires',
  'size',
  'max-size',
  'content-type',
  'metadata',
  'upload-id',
  'part-number',
] as const

type Terms = Record<(typeof termNames)[number], string>

function signedUrl(
  { secret, baseUrl, now }: UploadSigner,
  key: string,
  options: { size?: number; expiresInSeconds: number; contentType?: string },
  particular: Partial<Terms>,
): PresignedUpload {
  const { size, expiresInSeconds, contentType } = options
  const expires = now + expiresInSeconds * 1000
  const terms = {
    'content-type': '',
    metadata: '',
    'upload-id': '',
    'part-number': '',
    'max-size': '',
    ...particular,
    key,
    expires: String(expires),
    size: size === undefined ? '' : String(size),
  }
  const signed = signature(secret, terms).toString('base64url')
  const query = new URLSearchParams({ ...terms, signature: signed })
  return {
    url: `${baseUrl.replace(/\/$/, '')}${signedUploadPath}?${query.toString()}`,
    method: 'PUT',
    headers: {
      ...(size === undefined ? {} : { 'content-length': String(size) }),
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
    },
    expiresAt: new Date(expires).toISOString(),
  }
}

function queryOf(url: string): URLSearchParams {
  const question = url.indexOf('?')
  return new URLSearchParams(question < 0 ? '' : url.slice(question + 1))
}

function signature(secret: Uint8Array, terms: Terms): Buffer {
  const text = JSON.stringify(termNames.map((name) => terms[name]))
  return createHmac('sha256', secret).update(text).digest()
}

function refused(reason: string): MillraceError {
  return new MillraceError('UploadRefused', `the upload is refused: ${reason}; ask for a new URL`)
}
