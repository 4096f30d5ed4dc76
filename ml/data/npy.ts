import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { DataError } from './errors.ts'
import { type NpyHeader, npyHeaderBytes, parseNpyHeader } from './npy-header.ts'
import type { NpyArray } from './npy-types.ts'
import { npyArray, npyArrayInPlace } from './npy-values.ts'

/**
 * Reads a whole `.npy` file from its bytes. The values are a view of `bytes` where their alignment
 * and byte order allow it, and a copy otherwise; `bytes` is never changed.
 *
 * Stricter than NumPy in this: bytes after the last value, a key given twice and a bool that is
 * neither 0 nor 1 are refused.
 *
 * @throws DataError NpyInvalid, NpyUnsupported
 */
export function parseNpy(bytes: Uint8Array): NpyArray {
  const header = wholeHeader(bytes, bytes.length)
  return npyArray(header, bytes.subarray(header.dataOffset))
}

/**
 * Reads a `.npy` file straight into the memory of the answer; nothing large is allocated before the
 * file's size is known to fit its header.
 *
 * @throws DataError NpyInvalid (also when `path` is not a regular file), NpyUnsupported; an error of
 *   node:fs when the file cannot be opened or read
 */
export async function readNpy(path: string): Promise<NpyArray> {
  // Opened without waiting: a named pipe would otherwise hang until someone writes to it.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const stats = await file.stat()
    if (!stats.isFile()) {
      throw new DataError('NpyInvalid', 'This is not a .npy file: it is not a regular file.', {
        offset: 0,
        found: stats.isDirectory() ? 'a directory' : 'a special file',
      })
    }
    const prefix = new Uint8Array(Math.min(stats.size, npyHeaderBytes))
    const prefixLength = await readAt(file, prefix, 0)
    const header = wholeHeader(prefix.subarray(0, prefixLength), stats.size)
    const { payload, finish } = npyArrayInPlace(header)
    const read = await readAt(file, payload, header.dataOffset)
    if (read < payload.length) throw truncated(header, header.dataOffset + read)
    return finish()
  } finally {
    await file.close()
  }
}

/**
 * The header at the start of `prefix`, of a file of `size` bytes, which must be the size that the
 * header asks for.
 */
export function wholeHeader(prefix: Uint8Array, size: number): NpyHeader {
  const header = parseNpyHeader(prefix)
  if (!header.complete) {
    throw new DataError(
      'NpyInvalid',
      size === 0
        ? 'This is not a .npy file: it is empty.'
        : `The file ends at byte ${size}, inside its header; ` +
            `at least ${header.bytesNeeded} bytes are needed.`,
      { offset: size, found: 'the end of the file' },
    )
  }
  if (size < header.byteLength) throw truncated(header, size)
  if (size > header.byteLength) {
    throw new DataError(
      'NpyInvalid',
      `The values of shape (${header.shape.join(', ')}) end at byte ${header.byteLength}, and ` +
        `${size - header.byteLength} bytes follow; save one array a file.`,
      { offset: header.byteLength, found: `${size - header.byteLength} more bytes` },
    )
  }
  return header
}

function truncated(header: NpyHeader, size: number): DataError {
  return new DataError(
    'NpyInvalid',
    `The file ends at byte ${size}, and a ${header.dtype} array of shape ` +
      `(${header.shape.join(', ')}) with its header has ${header.byteLength} bytes; ` +
      'it was cut short.',
    { offset: size, found: 'the end of the file' },
  )
}

/** Bytes a call: so many that calls cost nothing, and so few that readers end together. */
const readLength = 4 * 2 ** 20

/** As many as Node has threads for file work by default. */
const readers = 4

/**
 * Fills `target` from byte `position` of the file on, by several readers side by side: touching
 * fresh memory costs more than copying from the file's cache. Answers how many bytes there were.
 */
async function readAt(file: FileHandle, target: Uint8Array, position: number): Promise<number> {
  let next = 0
  let end = target.length
  const readParts = async () => {
    while (next < end) {
      let at = next
      const partEnd = Math.min(at + readLength, target.length)
      next = partEnd
      while (at < partEnd) {
        const { bytesRead } = await file.read(target, at, partEnd - at, position + at)
        if (bytesRead === 0) {
          end = Math.min(end, at)
          return
        }
        at += bytesRead
      }
    }
  }
  await Promise.all(Array.from({ length: readers }, readParts))
  return end
}
