import type { PutObjectCommandInput } from '@aws-sdk/client-s3'
import type { PutOptions } from '../ports/objects.ts'
import { objectChanged } from './object-answers.ts'

/** The conditions of a write as S3 takes them. ObjectChanged for an etag that can be none of its. */
export function conditionsOf(
  key: string,
  { ifAbsent, ifMatch }: PutOptions,
): Partial<PutObjectCommandInput> {
  if (ifAbsent) return { IfNoneMatch: '*' }
  if (ifMatch === undefined) return {}
  if (!/^[\x21\x23-\x7e]{1,255}$/.test(ifMatch)) throw objectChanged(key)
  return { IfMatch: `"${ifMatch}"` }
}

/**
 * A range as HTTP says it, from start inclusive to end exclusive; undefined for what it has no range
 * for: no bytes, or numbers that are no positions.
 */
export function httpRange({
  start = 0,
  end,
}: {
  start?: number
  end?: number
}): string | undefined {
  const isPosition = Number.isSafeInteger(start) && start >= 0
  if (!isPosition) return undefined
  if (end === undefined) return `bytes=${start}-`
  return Number.isSafeInteger(end) && end > start ? `bytes=${start}-${end - 1}` : undefined
}
