import { hash } from 'node:crypto'

/** Hex digest of bytes, or of a text in UTF-8. */
export function sha256(data: string | Uint8Array): string {
  return hash('sha256', data)
}
