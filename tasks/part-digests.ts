import { createHash } from 'node:crypto'
import { streamPartBytes } from '../platform/ports/index.ts'

/**
 * Digests of the parts in which a stream is written, taken as its bytes pass: by them a piece of it is
 * compared without the rest, and all of it by what S3 tells of an object in parts.
 */
export class PartDigests {
  readonly #digests: string[] = []
  #hash = createHash('sha256')
  /** Bytes of the part that is not closed. */
  #size = 0

  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#size === streamPartBytes) this.#close()
      const end = Math.min(at + streamPartBytes - this.#size, bytes.length)
      this.#hash.update(bytes.subarray(at, end))
      this.#size += end - at
      at = end
    }
  }

  /** SHA-256 in base64, one a part, at least one; no bytes may follow. */
  end(): string[] {
    this.#close()
    return this.#digests
  }

  #close(): void {
    this.#digests.push(this.#hash.digest('base64'))
    this.#hash = createHash('sha256')
    this.#size = 0
  }
}

/** What `ObjectVersion.partsSha256` is of an object with these parts. */
export function sha256OfParts(digests: readonly string[]): string {
  const hash = createHash('sha256')
  for (const digest of digests) hash.update(digest, 'base64')
  return hash.digest('hex')
}
