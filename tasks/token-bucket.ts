import type { Table } from '../platform/ports/index.ts'
import { attempt } from './table-items.ts'

export interface BucketSize {
  /** Tokens a second that flow in. */
  readonly rate: number
  /** Tokens that it holds at most. */
  readonly burst: number
}

export interface Taken {
  /** 0 to as many as were asked for. */
  readonly tokens: number
  /** What is left in the bucket. */
  readonly left: number
  /** Seconds until there is one again; 0 when there is. */
  readonly waitSeconds: number
}

/**
 * Takes tokens from a bucket in the table, which all processes share: at most `wanted`, as many as
 * there are. A bucket that was never used is full. Its level is written with every taking, on the
 * condition that it is as it was read.
 */
export async function takeTokens(
  table: Table,
  now: number,
  bucket: string,
  { rate, burst }: BucketSize,
  wanted: number,
): Promise<Taken> {
  const place = { pk: `bucket#${bucket}`, sk: 'tokens' }
  for (;;) {
    const item = await table.get(place.pk, place.sk)
    const at = (item?.['at'] as number | undefined) ?? now
    const before = (item?.['tokens'] as number | undefined) ?? burst
    // A clock that is behind that of another process adds nothing.
    const seconds = Math.max(0, now - at) / 1000
    const level = Math.min(burst, before + seconds * rate)
    const tokens = Math.min(wanted, Math.floor(level))
    const left = level - tokens
    const waitSeconds = left >= 1 ? 0 : (1 - left) / rate
    if (tokens === 0) return { tokens, left, waitSeconds }
    const write = { ...place, tokens: left, at: Math.max(now, at), turn: turnOf(item) + 1 }
    const seen = item === undefined ? 'absent' : { turn: turnOf(item) }
    // Else another process took some in between.
    if (await attempt(table.put(write, { if: seen }))) return { tokens, left, waitSeconds }
  }
}

function turnOf(item: Readonly<Record<string, unknown>> | undefined): number {
  return (item?.['turn'] as number | undefined) ?? 0
}
