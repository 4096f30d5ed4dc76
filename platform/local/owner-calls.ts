import type { JsonObject, Log, Logger, Objects, PutOptions, Table } from '../ports/index.ts'
import { errorData } from './error-data.ts'
import type { LocalLog } from './log.ts'
import type { CallAnswer, PortCall } from './worker-messages.ts'

export type LineLevel = 'info' | 'warn' | 'error'

/** What worker processes may ask of the one that owns the data directory. */
export interface OwnerCalls extends Table {
  /** Of texts that `logRecordTexts` made. */
  append(key: string, texts: readonly string[]): Promise<string[]>
  record: Log['get']
  putObject(key: string, body: Uint8Array, options?: PutOptions): ReturnType<Objects['put']>
  tell(level: LineLevel, message: string, fields?: JsonObject): Promise<void>
}

export function ownerCalls(ports: {
  readonly table: Table
  readonly objects: Objects
  readonly log: Pick<LocalLog, 'appendTexts' | 'get'>
  readonly logger: Logger
}): OwnerCalls {
  const { table, objects, log, logger } = ports
  return {
    get: (pk, sk) => table.get(pk, sk),
    put: (item, options) => table.put(item, options),
    update: (pk, sk, change, options) => table.update(pk, sk, change, options),
    delete: (pk, sk, options) => table.delete(pk, sk, options),
    transact: (writes) => table.transact(writes),
    query: (pk, options) => table.query(pk, options),
    append: (key, texts) => log.appendTexts(key, texts),
    record: (key, position) => log.get(key, position),
    putObject: (key, body, options) => objects.put(key, body, options),
    tell: async (level, message, fields) => logger[level](message, fields),
  }
}

type Call = (...args: readonly unknown[]) => Promise<unknown>

/** Never fails: what a call throws is its answer. */
export async function answerCall(
  calls: OwnerCalls,
  { id, name, args }: PortCall,
): Promise<CallAnswer> {
  try {
    const call = (calls as unknown as Readonly<Record<string, Call>>)[name]!
    return { id, value: await call(...args) }
  } catch (error) {
    return { id, error: errorData(error) }
  }
}
