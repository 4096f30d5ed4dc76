import * as z from 'zod'
import type { Item, Json, JsonObject, Write } from '../platform/ports/index.ts'
import { asJson, ordinal } from './table-items.ts'

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
  /** What moved it: an execution, `key <id>` of a caller, or `operator`. */
  readonly movedBy: string
  /** ISO 8601 time. */
  readonly since: string
  /** Grows by one with every move; what a compare-and-swap compares. */
  readonly revision: number
}

export interface AliasMove {
  readonly from: number | null
  readonly to: number
  /** See Alias. */
  readonly movedBy: string
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
        sk: aliasKey(alias),
        alias,
        version: move.to,
        movedBy: move.movedBy,
        since: move.at,
        revision,
      },
      if: from === null ? ('absent' as const) : { revision: from.revision },
    },
    {
      put: { pk, sk: `${movesPrefix(alias)}${ordinal(revision)}`, move: asJson(record) },
      if: 'absent' as const,
    },
  ]
}

export function aliasOf(item: Item): Alias {
  return {
    alias: item['alias'] as AliasName,
    version: item['version'] as number,
    movedBy: moverOf(item),
    since: item['since'] as string,
    revision: item['revision'] as number,
  }
}

export function moveOf(item: Item): AliasMove {
  const move = item['move'] as JsonObject
  return {
    from: move['from'] as number | null,
    to: move['to'] as number,
    movedBy: moverOf(move),
    reason: move['reason'] as string,
    at: move['at'] as string,
  }
}

/** Items of earlier versions have it under the name `execution`. */
function moverOf(kept: Readonly<Record<string, Json | undefined>>): string {
  return (kept['movedBy'] ?? kept['execution']) as string
}

export function aliasKey(alias: AliasName): string {
  return `alias#${alias}`
}

/** Behind it stands the revision that a move led to. */
export function movesPrefix(alias: AliasName): string {
  return `move#${alias}#`
}
