import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { ObjectBytes } from '../objects.ts'

/** Characters that one item, row or line may have: far more than state data may. */
export const longestItem = 8 * 1024 * 1024

/** A dataset that cannot be read; `message` is the cause of States.ItemReaderFailed. */
export class ItemReaderFault extends Error {
  override readonly name = 'ItemReaderFault'
}

/** UTF-8 as text, a chunk at a time and without its byte order mark; a key that ends in `.gz` is unpacked. */
export async function* textOf(bytes: ObjectBytes, key: string): AsyncGenerator<string, void> {
  const plain = bytes instanceof Uint8Array ? [bytes] : bytes
  const source = key.endsWith('.gz') ? unpacked(plain) : plain
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    for await (const chunk of source) yield decoder.decode(chunk, { stream: true })
    yield decoder.decode()
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_ENCODING_INVALID_ENCODED_DATA') throw error
    throw new ItemReaderFault(`The object ${key} is not UTF-8 text.`)
  }
}

/** The lines of a text, without their ends; empty ones are left out. */
export async function* linesOf(text: AsyncIterable<string>): AsyncGenerator<string, void> {
  // A line may come in any number of chunks.
  let parts: string[] = []
  let length = 0
  for await (const chunk of text) {
    const lines = chunk.split('\n')
    const rest = lines.pop()!
    for (const line of lines) {
      const whole = `${parts.join('')}${line}`.trim()
      parts = []
      length = 0
      if (whole !== '') yield whole
    }
    parts.push(rest)
    length += rest.length
    checkLength(length)
  }
  const last = parts.join('').trim()
  if (last !== '') yield last
}

/** Throws ItemReaderFault when an item has more characters than are taken. */
export function checkLength(length: number): void {
  if (length > longestItem) {
    throw new ItemReaderFault(`An item of the dataset has more than ${longestItem} characters.`)
  }
}

async function* unpacked(
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const source = Readable.from(bytes, { objectMode: false })
  const gunzip = createGunzip()
  source.on('error', (error) => gunzip.destroy(error))
  try {
    for await (const chunk of source.pipe(gunzip)) yield chunk as Uint8Array
  } finally {
    source.destroy()
    gunzip.destroy()
  }
}
