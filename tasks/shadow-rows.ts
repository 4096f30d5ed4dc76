import type { Item, Table } from '../platform/ports/index.ts'
import { MillraceError } from '../platform/ports/index.ts'
import { sha256 } from './digest.ts'
import { driftPartition } from './drift-records.ts'
import type { ModelName } from './names.ts'
import type { LogCursor } from './retraining-shapes.ts'
import type { ShadowRow } from './shadow-comparison.ts'
import { attempt } from './table-items.ts'

/** What is known of a promoted version beside its predecessor, and up to where the log was read for it. */
export interface ShadowState {
  readonly cursor: LogCursor
  /** By the keys of rows, in the order in which their first labels came. */
  readonly rows: ReadonlyMap<string, ShadowRow>
  /** Whether the early look has been taken. */
  readonly hasLooked: boolean
  /** 0 before it is kept for the first time. */
  readonly revision: number
}

/** The rows on which a retraining's challenger is watched: each once, with its last label. */
export interface ShadowRows {
  of(model: ModelName, execution: string, start: LogCursor): Promise<ShadowState>
  /**
   * Keeps what became of a state that was read; of two that go on from the same one, one alone is
   * kept. Throws StorageFailed, after which the same is to be done anew.
   */
  keep(model: ModelName, execution: string, state: ShadowState): Promise<ShadowState>
  /** Idempotent. */
  drop(model: ModelName, execution: string): Promise<void>
}

/** The key of a row of a prediction. */
export function shadowKey(prediction: string, row: number): string {
  return sha256(`${prediction}#${row}`).slice(0, 12)
}

export function createShadowRows(table: Table): ShadowRows {
  return {
    async of(model, execution, start) {
      const item = await table.get(driftPartition(model), keyOf(execution))
      if (item === undefined) {
        return { cursor: start, rows: new Map(), hasLooked: false, revision: 0 }
      }
      return stateOf(item)
    },

    async keep(model, execution, { cursor, rows, hasLooked, revision }) {
      const item = {
        pk: driftPartition(model),
        sk: keyOf(execution),
        cursor,
        rows: Array.from(rows, ([key, { present, former }]) => [key, present, former]),
        hasLooked,
        revision: revision + 1,
      }
      const seen = revision === 0 ? 'absent' : { revision }
      if (!(await attempt(table.put(item, { if: seen })))) {
        throw new MillraceError(
          'StorageFailed',
          `another run of the watch of ${execution} was first`,
        )
      }
      return { cursor, rows, hasLooked, revision: revision + 1 }
    },

    drop: (model, execution) => table.delete(driftPartition(model), keyOf(execution)),
  }
}

function keyOf(execution: string): string {
  return `watch#${execution}`
}

function stateOf(item: Item): ShadowState {
  const rows = item['rows'] as unknown as readonly (readonly [string, number, number])[]
  return {
    cursor: item['cursor'] as LogCursor,
    rows: new Map(rows.map(([key, present, former]) => [key, { present, former }])),
    hasLooked: item['hasLooked'] as boolean,
    revision: item['revision'] as number,
  }
}
