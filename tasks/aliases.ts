import * as z from 'zod'
import type { Item, Json, Write } from '../platform/ports/index.ts'
import { formatModel, type ModelName } from './names.ts'

/**
 * Names of versions that move: `champion` answers predictions, `previous` was it before, `challenger`
 * was registered and not promoted; others are their users' own.
 */
export const aliasName = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,31}$/,
    'an alias is 1 to 32 lower-case letters, digits or "-", and begins with a letter',
  )
export type AliasName = z.infer<typeof aliasName>

export interface Alias {
  readonly alias: AliasName
  readonly version: number
  /** What moved it: an execution, or `key <id>` of a caller. */
  readonly execution: string
  /** ISO 8601 time. */
  readonly since: string
  /** Grows by one with every move; what a compare-and-swap compares. */
  readonly revision: number
}

export interface AliasMove {
  readonly from: number | null
  readonly to: number
  readonly execution: string
  readonly reason: string
  readonly at: string
}

/** The writes that move an alias from what `item` says, if it still says so, and note the move. */
export function aliasMove(
  pk: string,
  alias: AliasName,
  item: Item | undefined,
  move: Omit<AliasMove, 'from'>,
): Write[] {
  const from = item === undefined ? null : aliasOf(item)
  const revision = from === null ? 0 : from.revision + 1
  const record: AliasMove = { from: from?.version ?? null, ...move }
  return [
    {
      put: {
        pk,
        sk: `alias#${alias}`,
        alias,
        version: move.to,
        execution: move.execution,
        since: move.at,
        revision,
      },
      if: from === null ? ('absent' as const) : { revision: from.revision },
    },
    {
      put: { pk, sk: `move#${alias}#${ordinal(revision)}`, move: asJson(record) },
      if: 'absent' as const,
    },
  ]
}

export function aliasOf(item: Item): Alias {
  return {
    alias: item['alias'] as AliasName,
    version: item['version'] as number,
    execution: item['execution'] as string,
    since: item['since'] as string,
    revision: item['revision'] as number,
  }
}

/** The table's partition of a model. */
export function partition(model: ModelName): string {
  return `model#${formatModel(model)}`
}

/** Fixed width, so that the order of the text is the order of the numbers. */
export function ordinal(n: number): string {
  return String(n).padStart(10, '0')
}

export function asJson(value: object): Json {
  return value as Json
}
