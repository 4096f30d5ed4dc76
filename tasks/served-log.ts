import type { Log, LogRecord, Table } from '../platform/ports/index.ts'
import { cursorPlace, monitorCursor } from './drift-records.ts'
import type { ModelName } from './names.ts'
import { predictionLogKey } from './prediction-records.ts'
import type { LogCursor } from './retraining-shapes.ts'

/** A record of a model's log, and which shard it is in. */
export interface ServedLogRecord extends LogRecord {
  readonly shard: string
}

/** Records that are read at a time: each may have hundreds of kilobytes. */
const readAtOnce = 100

/** The shards of a model's log, as the monitors have found them. */
export async function shardsOf(table: Table, model: ModelName): Promise<string[]> {
  const { pk, sk } = cursorPlace(model)
  const item = await table.get(pk, sk)
  return item === undefined ? [] : Object.keys(monitorCursor.parse(item).positions).sort()
}

/**
 * The records of a model after a cursor, shard by shard, each in its order; of a shard that the cursor
 * does not name from its start. Throws the signal's reason once it is aborted.
 */
export async function* servedAfter(
  { log, table }: { readonly log: Log; readonly table: Table },
  model: ModelName,
  cursor: LogCursor,
  signal: AbortSignal,
): AsyncGenerator<ServedLogRecord, void> {
  const shards = new Set([...Object.keys(cursor), ...(await shardsOf(table, model))])
  for (const shard of shards) {
    const key = predictionLogKey(model, shard)
    let after = Object.hasOwn(cursor, shard) ? cursor[shard] : undefined
    for (;;) {
      signal.throwIfAborted()
      const from = after === undefined ? {} : { after }
      const records = await log.read(key, { ...from, limit: readAtOnce })
      for (const record of records) yield { ...record, shard }
      if (records.length < readAtOnce) break
      after = records.at(-1)!.position
    }
  }
}
