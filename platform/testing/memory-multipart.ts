import { createHash, randomBytes } from 'node:crypto'
import { checkUploadedParts, chosenParts, uploadNotFound } from '../ports/object-options.ts'
import type { PutOptions, UploadedPart } from '../ports/objects.ts'

interface Part {
  readonly etag: string
  readonly size: number
  readonly bytes: Uint8Array
}

interface Upload {
  readonly key: string
  readonly options: PutOptions
  readonly parts: Map<number, Part>
}

/** Uploads in parts that are under way, in memory. */
export class MemoryMultipart {
  readonly #uploads = new Map<string, Upload>()

  start(key: string, options: PutOptions): string {
    const uploadId = randomBytes(24).toString('base64url')
    this.#uploads.set(uploadId, { key, options, parts: new Map() })
    return uploadId
  }

  /** Keeps a part, in place of one sent before. Answers its etag. */
  add(key: string, uploadId: string, partNumber: number, bytes: Uint8Array): string {
    const { parts } = this.#find(key, uploadId)
    const etag = createHash('sha256').update(bytes).digest('hex').slice(0, 32)
    parts.set(partNumber, { etag, size: bytes.length, bytes })
    return etag
  }

  /** The object that the parts make, and what was said of it. */
  assembled(
    key: string,
    uploadId: string,
    named: readonly UploadedPart[],
  ): { bytes: Uint8Array; options: PutOptions } {
    const checked = checkUploadedParts(named)
    const { options, parts } = this.#find(key, uploadId)
    const chosen = chosenParts(checked, (partNumber) => parts.get(partNumber))
    return { bytes: Uint8Array.from(Buffer.concat(chosen.map(({ bytes }) => bytes))), options }
  }

  end(key: string, uploadId: string): void {
    if (this.#uploads.get(uploadId)?.key === key) this.#uploads.delete(uploadId)
  }

  #find(key: string, uploadId: string): Upload {
    const upload = this.#uploads.get(uploadId)
    if (upload?.key === key) return upload
    throw uploadNotFound(key, uploadId)
  }
}
