import { createHash, randomBytes } from 'node:crypto'
import { objectCreatedEvent } from '../../events/object-created.ts'
import { MillraceError } from '../ports/errors.ts'
import {
  keyConflict,
  parentsOf,
  validateObjectKey,
  validateObjectPrefix,
} from '../ports/object-key.ts'
import {
  byteRange,
  checkDigest,
  checkPutConditions,
  describedAs,
  entryOf,
  putOptions,
} from '../ports/object-options.ts'
import type {
  ObjectEntry,
  Objects,
  ObjectVersion,
  PresignedUpload,
  PresignOptions,
  PresignPartOptions,
  PutOptions,
  UploadedPart,
} from '../ports/objects.ts'
import type { Clock } from '../ports/observability.ts'
import { decodeCursor, encodeCursor, pageLimit } from '../ports/page.ts'
import { sequencerText } from '../ports/sequencer.ts'
import {
  type AcceptedUpload,
  exactBody,
  signPart,
  signUpload,
  type UploadRequest,
  type UploadSigner,
  verifyUpload,
} from '../ports/signed-upload.ts'
import { compareUtf8 } from '../ports/utf8.ts'
import type { MemoryBus } from './memory-bus.ts'
import { MemoryMultipart } from './memory-multipart.ts'

interface StoredVersion {
  readonly version: ObjectVersion
  readonly bytes: Uint8Array
}

/** The objects port in memory, for tests. A write raises its event on the bus that it is given. */
export class MemoryObjects implements Objects {
  readonly bucket: string
  readonly #clock: Clock
  readonly #bus: MemoryBus
  readonly #secret = randomBytes(32)
  /** The oldest first. */
  readonly #versions = new Map<string, StoredVersion[]>()
  readonly #current = new Map<string, StoredVersion>()
  readonly #multipart = new MemoryMultipart()
  #writes = 0

  constructor(options: { bucket: string; clock: Clock; bus: MemoryBus }) {
    this.bucket = options.bucket
    this.#clock = options.clock
    this.#bus = options.bus
  }

  async put(
    key: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    options: PutOptions = {},
  ): Promise<ObjectVersion> {
    this.#checkPut(key, options)
    const bytes = await bytesOf(body)
    this.#checkPut(key, options)
    return this.#store(key, bytes, options, 'PutObject')
  }

  async head(key: string, options: { versionId?: string } = {}): Promise<ObjectVersion> {
    return this.#find(key, options.versionId).version
  }

  async read(
    key: string,
    options: { versionId?: string; start?: number; end?: number } = {},
  ): Promise<Uint8Array> {
    const { bytes } = this.#find(key, options.versionId)
    const { start, end } = byteRange(bytes.length, options)
    return bytes.slice(start, end)
  }

  async list(
    prefix: string,
    options: { cursor?: string; limit?: number } = {},
  ): Promise<{ objects: ObjectEntry[]; cursor?: string }> {
    validateObjectPrefix(prefix)
    const limit = pageLimit(options.limit, 1000, 1000)
    const { cursor } = options
    const after = cursor === undefined ? '' : decodeCursor(['list', prefix], cursor)
    const keys = [...this.#current.keys()]
      .filter((key) => key.startsWith(prefix) && compareUtf8(key, after) > 0)
      .sort(compareUtf8)
    const objects = keys.slice(0, limit).map((key) => entryOf(this.#current.get(key)!.version))
    const last = keys.length > limit ? objects.at(-1) : undefined
    if (last === undefined) return { objects }
    return { objects, cursor: encodeCursor(['list', prefix], last.key) }
  }

  async versions(key: string): Promise<ObjectEntry[]> {
    validateObjectKey(key)
    return (this.#versions.get(key) ?? []).map(({ version }) => entryOf(version)).reverse()
  }

  async delete(key: string): Promise<void> {
    validateObjectKey(key)
    this.#current.delete(key)
  }

  async presignUpload(key: string, options: PresignOptions): Promise<PresignedUpload> {
    validateObjectKey(key)
    return signUpload(this.#signer(), key, options)
  }

  async startMultipartUpload(
    key: string,
    options: Pick<PutOptions, 'contentType' | 'metadata'> = {},
  ): Promise<{ uploadId: string }> {
    this.#checkPut(key, {})
    return { uploadId: this.#multipart.start(key, describedAs(options)) }
  }

  async presignPart(
    key: string,
    uploadId: string,
    options: PresignPartOptions,
  ): Promise<PresignedUpload> {
    validateObjectKey(key)
    return signPart(this.#signer(), key, uploadId, options)
  }

  async completeMultipartUpload(
    key: string,
    uploadId: string,
    parts: readonly UploadedPart[],
    { sha256 }: { readonly sha256?: string } = {},
  ): Promise<ObjectVersion> {
    validateObjectKey(key)
    const { bytes, options } = this.#multipart.assembled(key, uploadId, parts)
    checkDigest(createHash('sha256').update(bytes).digest('hex'), sha256)
    this.#checkPut(key, options)
    this.#multipart.end(key, uploadId)
    return this.#store(key, bytes, options, 'CompleteMultipartUpload')
  }

  async abortMultipartUpload(key: string, uploadId: string): Promise<void> {
    validateObjectKey(key)
    this.#multipart.end(key, uploadId)
  }

  /** Takes the PUT of a presigned upload. Throws UploadRefused, and all that `put` throws. */
  async acceptUpload(request: UploadRequest): Promise<AcceptedUpload> {
    const { key, size, options, part } = verifyUpload(this.#secret, this.#clock.now(), request)
    const body = exactBody(request.body, size)
    if (part === undefined) return this.put(key, body, options)
    const bytes = await bytesOf(body)
    return { etag: this.#multipart.add(key, part.uploadId, part.partNumber, bytes) }
  }

  #signer(): UploadSigner {
    return { secret: this.#secret, baseUrl: 'http://memory.invalid', now: this.#clock.now() }
  }

  #store(
    key: string,
    bytes: Uint8Array,
    options: PutOptions,
    reason: 'PutObject' | 'CompleteMultipartUpload',
  ): ObjectVersion {
    const time = this.#clock.now()
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const sequencer = sequencerText(++this.#writes)
    const version: ObjectVersion = {
      bucket: this.bucket,
      key,
      versionId: randomBytes(24).toString('base64url'),
      size: bytes.length,
      etag: sha256.slice(0, 32),
      sha256,
      ...putOptions(options),
      lastModified: new Date(time).toISOString(),
      sequencer,
    }
    const stored = { version, bytes }
    this.#versions.set(key, [...(this.#versions.get(key) ?? []), stored])
    this.#current.set(key, stored)
    this.#bus.deliver(objectCreatedEvent({ ...version, sequencer, time, reason }))
    return version
  }

  #checkPut(key: string, options: PutOptions): void {
    validateObjectKey(key)
    putOptions(options)
    checkPutConditions(key, this.#current.get(key)?.version.etag, options)
    const inFolder = [...this.#current.keys()].find((other) => other.startsWith(`${key}/`))
    const conflict = inFolder ?? parentsOf(key).find((parent) => this.#current.has(parent))
    if (conflict !== undefined) throw keyConflict(key, conflict)
  }

  #find(key: string, versionId: string | undefined): StoredVersion {
    validateObjectKey(key)
    const found =
      versionId === undefined
        ? this.#current.get(key)
        : this.#versions.get(key)?.find(({ version }) => version.versionId === versionId)
    if (found !== undefined) return found
    const which = versionId === undefined ? '' : ` in version ${JSON.stringify(versionId)}`
    throw new MillraceError(
      'ObjectNotFound',
      `no object ${JSON.stringify(key)}${which} in the bucket ${this.bucket}`,
    )
  }
}

async function bytesOf(body: Uint8Array | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return Uint8Array.from(body)
  const chunks: Uint8Array[] = []
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('a body is made of Uint8Array chunks')
    chunks.push(chunk)
  }
  return Uint8Array.from(Buffer.concat(chunks))
}
