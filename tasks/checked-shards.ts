import { createHash, hash as digestOf } from 'node:crypto'
import {
  isMillraceError,
  MillraceError,
  streamPartBytes,
  type Objects,
} from '../platform/ports/index.ts'
import { missingResults, resultsHeader } from './batch-results.ts'
import type { BatchPlan, BatchShard, FailedRange } from './batch-shapes.ts'
import type { Batches } from './batches.ts'
import type { ModelName } from './names.ts'
import { sha256OfParts } from './part-digests.ts'
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
  { objects, batches }: Store,
  { model, batch, shard }: ShardOfBatch,
): AsyncIterable<Uint8Array> {
  try {
    yield* checkedRows(objects, shard)
  } catch (error) {
    if (isDamage(error)) await batches.removeShard(model, batch, shard)
    throw error
  }
}

/** Reads bytes `start` to `end` of a shard, the same way: the parts they are in are read, and compared. */
export function piecesOrRemoval(
  { objects, batches }: Store,
  { model, batch, shard }: ShardOfBatch,
): (start: number, end: number) => Promise<Uint8Array> {
  const partAt = checkedParts(objects, shard)
  return async (start, end) => {
    try {
      const pieces: Uint8Array[] = []
      for (let at = start; at < end;) {
        const first = at - (at % streamPartBytes)
        const part = await partAt(first)
        pieces.push(part.subarray(at - first, end - first))
        at = first + part.length
      }
      return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
    } catch (error) {
      if (isDamage(error)) await batches.removeShard(model, batch, shard)
      throw error
    }
  }
}

interface Store {
  readonly objects: Objects
  readonly batches: Batches
}

interface ShardOfBatch {
  readonly model: ModelName
  readonly batch: string
  readonly shard: BatchShard
}

/**
 * Those of the shards that the store does not have as they were written, by what it tells of them
 * without reading: their size, and their digest, which S3 knows by the parts that a shard came in.
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

/** Reads the part that begins at a byte; the last one is kept for pieces that follow each other in it. */
function checkedParts(
  objects: Objects,
  { from, to, object, parts }: BatchShard,
): (start: number) => Promise<Uint8Array> {
  const { key, versionId, size, sha256 } = object
  const digests = parts ?? [Buffer.from(sha256, 'hex').toString('base64')]
  let last: { readonly start: number; readonly bytes: Uint8Array } | undefined
  return async (start) => {
    if (last?.start === start) return last.bytes
    const end = Math.min(start + streamPartBytes, size)
    const bytes = await objects.read(key, { versionId, start, end }).catch((error: unknown) => {
      throw isGone(error) ? damaged(from, to, error) : error
    })
    if (digestOf('sha256', bytes, 'base64') !== digests[start / streamPartBytes]) {
      throw damaged(from, to)
    }
    last = { start, bytes }
    return bytes
  }
}

async function isStored(objects: Objects, { object, parts }: BatchShard): Promise<boolean> {
  const { key, versionId, size, sha256 } = object
  try {
    const found = await objects.head(key, { versionId })
    if (found.size !== size) return false
    if (found.sha256 !== undefined) return found.sha256 === sha256
    const told = found.partsSha256
    return told === undefined || (parts !== undefined && told === sha256OfParts(parts))
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
