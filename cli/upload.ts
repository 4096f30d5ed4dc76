import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { isMillraceError, MillraceError, type PresignedUpload } from '../platform/ports/index.ts'
import type { UploadFormat } from '../tasks/names.ts'
import { maxSingleBytes, maxUrls, partSizeFor, type PartUrl } from '../tasks/uploads.ts'
import type { Client } from './client.ts'
import type { PlatformLocation } from './platform-location.ts'
import { sendBytes, SendFailed } from './send-bytes.ts'
import { printLine, type Terminal } from './terminal.ts'
import { UploadProgress } from './upload-progress.ts'
import { UploadStateFile, type UploadState } from './upload-state.ts'

/** Parts that are sent side by side. */
const sentAtOnce = 4

/** How often a part is sent before the upload is given up, and how long it waits at first, in milliseconds. */
const attempts = 5
const firstWait = 200

/** A URL that expires so soon is not used any more, in milliseconds. */
const expiryMargin = 60_000

export interface FileUpload {
  readonly file: string
  readonly size: number
  /** The path of the API at which such uploads are started. */
  readonly path: string
  readonly format: UploadFormat
  /** What the training is to be, as the API takes it. */
  readonly configuration?: object
  /** Bytes; asks for an upload in parts. */
  readonly partSize?: number | undefined
  /** Whether to go on with what an earlier command left. */
  readonly resume: boolean
}

export interface UploadedVersion {
  readonly key: string
  readonly versionId: string
}

/**
 * Uploads a file: a small one whole, a large one in parts, which is gone on with by the next command
 * where this one is killed. Throws UploadRefused, StorageFailed, and what the platform answers.
 */
export async function uploadFile(
  client: Client,
  upload: FileUpload,
  { location, terminal }: { readonly location: PlatformLocation; readonly terminal: Terminal },
): Promise<UploadedVersion> {
  if (upload.size <= Math.min(upload.partSize ?? maxSingleBytes, maxSingleBytes)) {
    return uploadWhole(client, upload, terminal)
  }
  const sha256 = await digestOf(upload.file, terminal.signal)
  const { path, format, configuration = {}, partSize = partSizeFor(upload.size) } = upload
  const state = new UploadStateFile(location, [path, format, configuration, partSize, sha256])
  return new PartsUpload(client, { ...upload, partSize, sha256 }, state, terminal).run()
}

/** Bytes of a file. Throws RequestInvalid for what is none. */
export async function fileSize(file: string): Promise<number> {
  const found = await stat(file).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new MillraceError('RequestInvalid', `there is no file ${file}`)
  })
  if (!found.isFile()) throw new MillraceError('RequestInvalid', `${file} is not a file`)
  return found.size
}

async function uploadWhole(
  client: Client,
  { file, size, path, format, configuration }: FileUpload,
  { err, signal }: Terminal,
): Promise<UploadedVersion> {
  const presigned = await client.post<PresignedUpload & { key: string }>(path, {
    format,
    size,
    configuration,
  })
  const progress = new UploadProgress(err, { name: basename(file), total: size, before: 0 })
  const onSent = (bytes: number) => progress.add(bytes)
  const piece = { file, start: 0, end: size }
  const headers = await sendBytes(presigned, piece, { onSent, signal }).catch((error: unknown) => {
    throw error instanceof SendFailed ? error.failure : error
  })
  progress.end()
  const versionId = headers.get('x-amz-version-id')
  if (versionId === null) {
    throw new MillraceError('InternalError', 'the upload was answered without a version')
  }
  return { key: presigned.key, versionId }
}

type PartsOfFile = FileUpload & {
  readonly partSize: number
  readonly sha256: string
}

/** An upload in parts, from its start or from where another process left it. */
class PartsUpload {
  readonly #client: Client
  readonly #upload: PartsOfFile
  readonly #file: UploadStateFile
  readonly #terminal: Terminal
  readonly #numbers: readonly number[]
  readonly #urls = new Map<number, PartUrl>()

  constructor(client: Client, upload: PartsOfFile, file: UploadStateFile, terminal: Terminal) {
    this.#client = client
    this.#upload = upload
    this.#file = file
    this.#terminal = terminal
    const count = Math.ceil(upload.size / upload.partSize)
    this.#numbers = Array.from({ length: count }, (_, i) => i + 1)
  }

  async run(): Promise<UploadedVersion> {
    const state = (await this.#goOn()) ?? (await this.#start())
    await this.#sendMissing(state)
    const parts = this.#numbers.map((partNumber) => ({
      partNumber,
      etag: state.etags[partNumber]!,
    }))
    const { key, versionId } = await this.#complete(state, parts)
    await this.#file.remove()
    return { key, versionId }
  }

  /** What an earlier command left; undefined where there is nothing that the platform knows of. */
  async #goOn(): Promise<UploadState | undefined> {
    const state = await this.#file.read()
    if (state === undefined || !this.#upload.resume) return undefined
    const missing = this.#missing(state)
    try {
      // With nothing missing too: it may be that the upload was aborted, or has expired.
      await this.#fetchUrls(state.uploadId, missing.length > 0 ? missing : [1])
    } catch (error) {
      if (!isMillraceError(error, 'UploadNotFound')) throw error
      // A completion whose answer was lost is answered again.
      return missing.length > 0 ? undefined : state
    }
    const there = this.#numbers.length - missing.length
    printLine(
      this.#terminal.err,
      `going on with an upload: ${there} of its ${this.#numbers.length} parts are there`,
    )
    return state
  }

  async #start(): Promise<UploadState> {
    const { format, size, partSize, configuration, sha256 } = this.#upload
    const { uploadId, parts } = await this.#client.post<{ uploadId: string; parts: PartUrl[] }>(
      this.#upload.path,
      {
        format,
        size,
        partSize,
        sha256,
        ...(configuration === undefined ? {} : { configuration }),
      },
    )
    for (const part of parts) this.#urls.set(part.partNumber, part)
    const state = { uploadId, partSize, etags: {} }
    await this.#file.write(state)
    return state
  }

  async #sendMissing(state: UploadState): Promise<void> {
    const missing = this.#missing(state)
    const { file, size } = this.#upload
    const left = missing.reduce((sum, number) => sum + this.#bytesOf(number), 0)
    const name = basename(file)
    const progress = new UploadProgress(this.#terminal.err, {
      name,
      total: size,
      before: size - left,
    })
    // The first failure ends the others.
    const failed = new AbortController()
    const signal = AbortSignal.any([this.#terminal.signal, failed.signal])
    const waiting = [...missing]
    const work = async () => {
      for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) {
        state.etags[number] = await this.#sendPart(state.uploadId, number, progress, signal)
        await this.#file.write(state)
      }
    }
    const workers = Array.from({ length: Math.min(sentAtOnce, missing.length) }, () =>
      work().catch((error: unknown) => {
        failed.abort(error)
        throw error
      }),
    )
    const ends = await Promise.allSettled(workers)
    progress.end()
    this.#terminal.signal.throwIfAborted()
    if (ends.some(({ status }) => status === 'rejected')) throw failed.signal.reason
  }

  async #sendPart(
    uploadId: string,
    number: number,
    progress: UploadProgress,
    signal: AbortSignal,
  ): Promise<string> {
    const { file, partSize } = this.#upload
    const start = (number - 1) * partSize
    const piece = { file, start, end: start + this.#bytesOf(number) }
    for (let attempt = 1; ; attempt++) {
      let sent = 0
      const onSent = (bytes: number) => {
        sent += bytes
        progress.add(bytes)
      }
      try {
        const url = await this.#urlOf(uploadId, number)
        const headers = await sendBytes(url, piece, { onSent, signal })
        const etag = headers.get('etag')
        if (etag !== null) return etag
        throw new MillraceError('InternalError', 'a part was answered without an etag')
      } catch (error) {
        if (!(error instanceof SendFailed)) throw error
        if (attempt === attempts) throw error.failure
        progress.add(-sent)
        this.#urls.delete(number)
        await setTimeout(firstWait * 2 ** attempt, undefined, { signal })
      }
    }
  }

  async #urlOf(uploadId: string, number: number): Promise<PartUrl> {
    const url = this.#urls.get(number)
    if (url !== undefined && Date.parse(url.expiresAt) - Date.now() > expiryMargin) return url
    await this.#fetchUrls(uploadId, [number])
    return this.#urls.get(number)!
  }

  async #fetchUrls(uploadId: string, numbers: readonly number[]): Promise<void> {
    const partNumbers = numbers.slice(0, maxUrls)
    const path = `${this.#upload.path}/${uploadId}/parts`
    const { parts } = await this.#client.post<{ parts: PartUrl[] }>(path, { partNumbers })
    for (const part of parts) this.#urls.set(part.partNumber, part)
  }

  async #complete(
    { uploadId }: UploadState,
    parts: readonly { partNumber: number; etag: string }[],
  ): Promise<UploadedVersion> {
    try {
      return await this.#client.post(`${this.#upload.path}/${uploadId}/complete`, { parts })
    } catch (error) {
      // What was sent is not what was to be sent, or is gone: the next command starts anew.
      if (isMillraceError(error, 'RequestInvalid') || isMillraceError(error, 'UploadNotFound')) {
        await this.#file.remove()
      }
      throw error
    }
  }

  #missing({ etags }: UploadState): number[] {
    return this.#numbers.filter((number) => etags[number] === undefined)
  }

  #bytesOf(number: number): number {
    const { size, partSize } = this.#upload
    return Math.min(partSize, size - (number - 1) * partSize)
  }
}

async function digestOf(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  const chunks = createReadStream(file, { highWaterMark: 1024 * 1024, signal })
  for await (const chunk of chunks as AsyncIterable<Buffer>) hash.update(chunk)
  return hash.digest('hex')
}
