import type { Item } from './items/read.ts'
import type { ItemChunk } from './store.ts'

/** Items, and characters of them, that are recorded together. */
const recordedItems = 500
const recordedLength = 256 * 1024

/** Puts items together to what is recorded at once. */
export class ItemRecorder {
  readonly #put: (chunk: ItemChunk) => void
  #texts: string[] = []
  #keys: string[] = []
  #length = 0
  #source = ''
  count = 0

  constructor(put: (chunk: ItemChunk) => void) {
    this.#put = put
  }

  /** Answers whether some were recorded. */
  add({ key, source, value }: Item): boolean {
    const isFull = this.#texts.length >= recordedItems || this.#length >= recordedLength
    const isOther = source !== this.#source || (key === undefined) !== (this.#keys.length === 0)
    const isFlushed = this.#texts.length > 0 && (isFull || isOther)
    if (isFlushed) this.flush()
    const text = JSON.stringify(value)
    this.#texts.push(text)
    if (key !== undefined) this.#keys.push(key)
    this.#length += text.length
    this.#source = source
    this.count++
    return isFlushed
  }

  flush(): void {
    if (this.#texts.length === 0) return
    this.#put({
      first: this.count - this.#texts.length,
      source: this.#source,
      keys: this.#keys.length === 0 ? null : this.#keys,
      texts: this.#texts,
    })
    this.#texts = []
    this.#keys = []
    this.#length = 0
  }
}
