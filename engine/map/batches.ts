import { Data, dataLimitExceeded, type Json } from '../data.ts'
import { limits } from '../limits.ts'
import { StateFault } from '../turn.ts'
import type { Item } from './items/read.ts'
import type { BatchSettings } from './run.ts'

/** What one child execution is to process. */
export interface Batch {
  readonly input: Data
  /** The index of its first item, and how many it has. */
  readonly item: number
  readonly items: number
}

/** The input of a child execution where no ItemSelector makes one. */
export function inputOf({ key, value }: Item): Json {
  return key === undefined ? value : { Key: key, Value: value }
}

/**
 * Puts items together until MaxItemsPerBatch or MaxInputBytesPerBatch is reached, or what state data
 * may have; without batching, each item is alone.
 */
export class Batches {
  readonly #settings: BatchSettings | undefined
  readonly #stateName: string
  readonly #head: string
  readonly #maxBytes: number
  #texts: string[] = []
  #bytes = 0
  #first = 0

  constructor(settings: BatchSettings | undefined, stateName: string, first: number) {
    this.#settings = settings
    this.#stateName = stateName
    this.#first = first
    const { input, maxBytes = limits.stateDataBytes } = settings ?? {}
    this.#head = `{${input === undefined ? '' : `"BatchInput":${JSON.stringify(input)},`}"Items":[`
    this.#maxBytes = maxBytes
    this.#bytes = this.#emptyBytes
  }

  get #emptyBytes(): number {
    // `]}`, but a comma less than items.
    return Buffer.byteLength(this.#head) + 1
  }

  /** Adds the next item; answers the batch that is complete now, if one is. Throws StateFault. */
  add(input: Data): Batch | undefined {
    if (this.#settings === undefined) {
      return { input, item: this.#first++, items: 1 }
    }
    const bytes = Buffer.byteLength(input.text) + 1
    const complete = this.#bytes + bytes > this.#maxBytes ? this.end() : undefined
    this.#texts.push(input.text)
    this.#bytes += bytes
    if (this.#bytes > limits.stateDataBytes)
      throw new StateFault(dataLimitExceeded(this.#stateName))
    if (complete !== undefined) return complete
    return this.#texts.length === this.#settings.maxItems ? this.end() : undefined
  }

  /** The last batch, when items are left. */
  end(): Batch | undefined {
    const items = this.#texts.length
    if (items === 0) return undefined
    const text = `${this.#head}${this.#texts.join()}]}`
    const batch = { input: new Data(JSON.parse(text) as Json, text), item: this.#first, items }
    this.#first += items
    this.#texts = []
    this.#bytes = this.#emptyBytes
    return batch
  }
}
