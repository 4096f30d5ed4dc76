import { createHash } from 'node:crypto'
import { isMillraceError, MillraceError, type Objects } from '../platform/ports/index.ts'
import { missingResults, resultsHeader } from './batch-results.ts'
import type { BatchPlan, BatchShard, FailedRange } from './batch-shapes.ts'
import type { Batches } from './batches.ts'
import type { ModelName } from './names.ts'
import { readAhead } from './read-ahead.ts'
import { objectRanges } from './stored-objects.ts'

/** Shards that are read at one time, where they are not joined. */
const readAtOnce = 4

/** Shards that are asked for at one time: a client of S3 has 50 connections. */
const askedAtOnce = 48

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
    }
    for (const range of missing.slice(next)) yield* missingResults(plan, range)
  }

  async checkRest(): Promise<void> {
    await forEach(this.#shards.slice(this.#count), readAtOnce, async (shard) => {
      try {
        for await (const bytes of this.#checked(shard)) void bytes
      } catch (error) {
        if (!isDamage(error)) throw error
      }
    })
  }

  async *#checked(shard: BatchShard): AsyncIterable<Uint8Array> {
    try {
      yield* checkedRows(this.#objects, shard)
    } catch (error) {
      if (isDamage(error)) this.damaged.push(shard)
      throw error
    }
  }
}

/**
 * The rows of a shard, the last of them once all are known to be what was written. Throws
 * ResultsDamaged where they are not, and takes the shard out: to resume the batch predicts it anew.
 */
export async function* rowsOrRemoval(
  { objects, batches }: { readonly objects: Objects; readonly batches: Batches },
  { model, batch, shard }: { model: ModelName; batch: string; shard: BatchShard },
): AsyncIterable<Uint8Array> {
  try {
    yield* checkedRows(objects, shard)
  } catch (error) {
    if (isDamage(error)) await batches.removeShard(model, batch, shard)
    throw error
  }
}

/**
 * Those of the shards that the store does not have as they were written, by what it tells of them
 * without reading: their size, and their digest where it knows it.
 */
export async function unstoredShards(
  objects: Objects,
  shards: readonly BatchShard[],
): Promise<BatchShard[]> {
  const unstored: BatchShard[] = []
  await forEach(shards, askedAtOnce, async (shard) => {
    if (!(await isStored(objects, shard))) unstored.push(shard)
  })
  return unstored
}

/** Rows of ranges, together. */
export function rowsOf(ranges: readonly FailedRange[]): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from, 0)
}

/** Holds each piece back until the next one is there, and the last one until the digest is. */
async function* checkedRows(
  objects: Objects,
  { from, to, object }: BatchShard,
): AsyncIterable<Uint8Array> {
  const hash = createHash('sha256')
  let last: Uint8Array | undefined
  try {
    for await (const bytes of readAhead(objectRanges(objects, object))) {
      if (last !== undefined) yield last
      hash.update(bytes)
      last = bytes
    }
  } catch (error) {
    throw isGone(error) ? damaged(from, to, error) : error
  }
  if (hash.digest('hex') !== object.sha256) throw damaged(from, to)
  if (last !== undefined) yield last
}

async function isStored(objects: Objects, { object }: BatchShard): Promise<boolean> {
  const { key, versionId, size, sha256 } = object
  try {
    const found = await objects.head(key, { versionId })
    return found.size === size && (found.sha256 ?? sha256) === sha256
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

/** Each of them once, so many at one time. */
async function forEach<One>(
  all: readonly One[],
  atOnce: number,
  work: (one: One) => Promise<void>,
): Promise<void> {
  const left = all.values()
  const worker = async () => {
    for (const one of left) await work(one)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

function isGone(error: unknown): boolean {
  return isMillraceError(error, 'ObjectNotFound') || isMillraceError(error, 'RangeInvalid')
}

function isDamage(error: unknown): boolean {
  return isMillraceError(error, 'ResultsDamaged')
}

function damaged(from: number, to: number, cause?: unknown): MillraceError {
  return new MillraceError(
    'ResultsDamaged',
    `the results of rows ${from} to ${to - 1} are not what was written: resume the batch, which ` +
      'predicts them anew',
    { cause },
  )
}
