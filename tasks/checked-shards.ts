import { createHash } from 'node:crypto'
import { isMillraceError, type Objects } from '../platform/ports/index.ts'
import { missingResults, resultsHeader } from './batch-results.ts'
import type { BatchPlan, BatchShard, FailedRange } from './batch-shapes.ts'
import { readAhead } from './read-ahead.ts'
import { objectRanges } from './stored-objects.ts'

/** Shards that are checked at one time, where they are not joined. */
const checkedAtOnce = 4

/** The bytes of shards, each compared with the digest that it was written with. */
export class CheckedShards {
  readonly damaged: BatchShard[] = []
  readonly #objects: Objects
  readonly #shards: readonly BatchShard[]
  /** Those that were looked at. */
  #count = 0

  constructor(objects: Objects, shards: readonly BatchShard[]) {
    this.#objects = objects
    this.#shards = shards
  }

  /** All results in the order of their rows, up to the first damaged shard: there it throws. */
  async *joined(plan: BatchPlan, missing: readonly FailedRange[]): AsyncIterable<Uint8Array> {
    const rows = plan.format === 'npy' ? plan.rows : plan.rows - rowsOf(missing)
    yield resultsHeader(plan, rows)
    let next = 0
    for (const shard of this.#shards) {
      while (next < missing.length && missing[next]!.from < shard.from) {
        yield* missingResults(plan, missing[next++]!)
      }
      this.#count++
      yield* this.#checked(shard)
      if (this.damaged.length > 0) throw new Error('a shard is damaged')
    }
    for (const range of missing.slice(next)) yield* missingResults(plan, range)
  }

  async checkRest(): Promise<void> {
    const worker = async () => {
      while (this.#count < this.#shards.length) {
        const parts = this.#checked(this.#shards[this.#count++]!)
        while ((await parts.next()).done !== true);
      }
    }
    await Promise.all(Array.from({ length: checkedAtOnce }, worker))
  }

  async *#checked(shard: BatchShard): AsyncGenerator<Uint8Array, void> {
    const hash = createHash('sha256')
    try {
      for await (const bytes of readAhead(objectRanges(this.#objects, shard.object))) {
        hash.update(bytes)
        yield bytes
      }
    } catch (error) {
      if (!isGone(error)) throw error
      this.damaged.push(shard)
      return
    }
    if (hash.digest('hex') !== shard.object.sha256) this.damaged.push(shard)
  }
}

function isGone(error: unknown): boolean {
  return isMillraceError(error, 'ObjectNotFound') || isMillraceError(error, 'RangeInvalid')
}

/** Rows of ranges, together. */
export function rowsOf(ranges: readonly FailedRange[]): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from, 0)
}
