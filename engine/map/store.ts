import { DatabaseSync } from 'node:sqlite'
import type { Json } from '../data.ts'
import type { ExecutionStatus } from '../execution.ts'
import type { ExecutionRow, Store } from '../store.ts'
import type { Item } from './items/read.ts'
import type { MapRunStatus } from './run.ts'
import { itemSchema } from './schema.ts'

/** What lists and descriptions of map runs read, kept in the transaction that logs it. */
export interface MapRunRow {
  readonly id: number
  readonly arn: string
  /** The execution that it belongs to, and the thread of control and the state in it. */
  readonly execution: number
  readonly scope: number
  readonly state: string
  readonly label: string
  readonly status: MapRunStatus
  readonly startTime: number
  readonly stopTime: number | null
  readonly maxConcurrency: number
  readonly toleratedFailureCount: number
  readonly toleratedFailurePercentage: number
  /** Items; null while they are being read. */
  readonly total: number | null
  readonly isBatched: number
  readonly isWritten: number
  readonly redriveCount: number
  readonly redriveTime: number | null
}

export type NewMapRunRow = Omit<
  MapRunRow,
  'id' | 'stopTime' | 'isWritten' | 'redriveCount' | 'redriveTime'
>

/** A child execution: which items it has, and the redrive of the map run that it last ran in. */
export interface ChildRow {
  readonly execution: number
  readonly mapRun: number
  readonly item: number
  readonly items: number
  readonly round: number
}

export type ChildItems = Pick<ChildRow, 'execution' | 'items'>

export type ChildExecutionRow = ExecutionRow & Pick<ChildRow, 'item' | 'items'>

/** How many child executions, and items in them, have a status. */
export interface ChildCount {
  readonly status: ExecutionStatus
  /** Of the redrive that the map run is in. */
  readonly isCurrent: boolean
  readonly executions: number
  readonly items: number
}

/** Items that are recorded together: of one source, and all with keys or none. */
export interface ItemChunk {
  /** The index of the first one. */
  readonly first: number
  readonly source: string
  readonly keys: readonly string[] | null
  /** Their JSON. */
  readonly texts: readonly string[]
}

const children = `engine_map_child AS c JOIN engine_execution AS e ON e.id = c.execution`
const isUnsuccessful = `e.status IN ('FAILED', 'TIMED_OUT', 'ABORTED')`

/** Map runs, their child executions and their items in the engine's database. */
export class MapStore {
  readonly #store: Store
  readonly #items: DatabaseSync | undefined

  constructor(store: Store) {
    this.#store = store
    if (!store.isInMemory) return
    // SQLite keeps a database without a name in a temporary file: a dataset is not for the memory.
    this.#items = new DatabaseSync('')
    this.#items.exec(itemSchema)
  }

  close(): void {
    this.#items?.close()
  }

  transaction<T>(body: () => T): T {
    return this.#store.transaction(body)
  }

  insert(row: NewMapRunRow): void {
    const names = Object.keys(row)
    this.#store.run(
      `INSERT INTO engine_map_run (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
      ...Object.values(row),
    )
  }

  /** Changes columns of the newest map run of a thread of control. */
  update(execution: number, scope: number, columns: Partial<MapRunRow>): void {
    const names = Object.keys(columns)
    this.#store.run(
      `UPDATE engine_map_run SET ${names.map((name) => `${name} = ?`).join(', ')} WHERE id =
        (SELECT max(id) FROM engine_map_run WHERE execution = ? AND scope = ?)`,
      ...Object.values(columns),
      execution,
      scope,
    )
  }

  byArn(arn: string): MapRunRow | undefined {
    return this.#store.get('SELECT * FROM engine_map_run WHERE arn = ?', arn) as
      MapRunRow | undefined
  }

  byId(id: number): MapRunRow | undefined {
    return this.#store.get('SELECT * FROM engine_map_run WHERE id = ?', id) as MapRunRow | undefined
  }

  /** The newest of a thread of control. */
  newest(execution: number, scope: number): MapRunRow | undefined {
    return this.#store.get(
      'SELECT * FROM engine_map_run WHERE execution = ? AND scope = ? ORDER BY id DESC LIMIT 1',
      execution,
      scope,
    ) as MapRunRow | undefined
  }

  /** Of one execution, the newest first, those before `before`. */
  ofExecution(execution: number, before: number, limit: number): MapRunRow[] {
    return this.#store.all(
      'SELECT * FROM engine_map_run WHERE execution = ? AND id < ? ORDER BY id DESC LIMIT ?',
      execution,
      before,
      limit,
    ) as unknown as MapRunRow[]
  }

  /** Map runs that have ended while child executions of theirs still run. */
  endedWithRunningChildren(): number[] {
    const rows = this.#store.all(
      `SELECT DISTINCT c.mapRun AS id FROM engine_execution AS e
        JOIN engine_map_child AS c ON c.execution = e.id JOIN engine_map_run AS r ON r.id = c.mapRun
        WHERE e.status = 'RUNNING' AND r.status <> 'RUNNING'`,
    )
    return rows.map((row) => Number(row['id']))
  }

  insertChild(child: ChildRow): void {
    this.#store.run(
      'INSERT INTO engine_map_child VALUES (?, ?, ?, ?, ?)',
      child.execution,
      child.mapRun,
      child.item,
      child.items,
      child.round,
    )
  }

  setRound(execution: number, round: number): void {
    this.#store.run('UPDATE engine_map_child SET round = ? WHERE execution = ?', round, execution)
  }

  /** The map run that started an execution. */
  parentOf(execution: number): MapRunRow | undefined {
    return this.#store.get(
      `SELECT r.* FROM engine_map_child AS c JOIN engine_map_run AS r ON r.id = c.mapRun
        WHERE c.execution = ?`,
      execution,
    ) as MapRunRow | undefined
  }

  /** The first item that no child execution has. */
  nextItem(mapRun: number): number {
    const row = this.#store.get(
      `SELECT item + items AS next FROM engine_map_child WHERE mapRun = ?
        ORDER BY item DESC LIMIT 1`,
      mapRun,
    )
    return Number(row?.['next'] ?? 0)
  }

  counts(mapRun: number, round: number): ChildCount[] {
    return this.#store
      .all(
        `SELECT e.status, c.round = ? AS isCurrent, count(*) AS executions, sum(c.items) AS items
          FROM ${children} WHERE c.mapRun = ? GROUP BY 1, 2`,
        round,
        mapRun,
      )
      .map((row) => ({
        status: row['status'] as ExecutionStatus,
        isCurrent: row['isCurrent'] === 1,
        executions: Number(row['executions']),
        items: Number(row['items']),
      }))
  }

  runningChildren(mapRun: number, limit = -1): ChildItems[] {
    return this.#store.all(
      `SELECT c.execution, c.items FROM ${children} WHERE c.mapRun = ? AND e.status = 'RUNNING'
        ORDER BY c.item LIMIT ?`,
      mapRun,
      limit,
    ) as unknown as ChildItems[]
  }

  /** Child executions that failed in an earlier round than `round`. */
  toRedrive(mapRun: number, round: number, limit: number): ChildItems[] {
    return this.#store.all(
      `SELECT c.execution, c.items FROM ${children} WHERE c.mapRun = ? AND c.round < ? AND ${isUnsuccessful}
        ORDER BY c.item LIMIT ?`,
      mapRun,
      round,
      limit,
    ) as unknown as ChildItems[]
  }

  /** Child executions that have ended, in order of their items. */
  endedAfter(mapRun: number, item: number, limit: number): ChildExecutionRow[] {
    return this.#store.all(
      `SELECT e.*, c.item, c.items FROM ${children}
        WHERE c.mapRun = ? AND c.item > ? AND e.status <> 'RUNNING' ORDER BY c.item LIMIT ?`,
      mapRun,
      item,
      limit,
    ) as unknown as ChildExecutionRow[]
  }

  /** Child executions for a list, the newest first, those before `before`. */
  list(
    row: MapRunRow,
    status: ExecutionStatus | 'PENDING_REDRIVE' | undefined,
    before: number,
    limit: number,
  ): ChildExecutionRow[] {
    const filter =
      status === 'PENDING_REDRIVE'
        ? `AND ${isUnsuccessful} AND c.round < ?`
        : status === undefined
          ? ''
          : 'AND e.status = ?'
    const value = status === 'PENDING_REDRIVE' ? row.redriveCount : status
    return this.#store.all(
      `SELECT e.*, c.item, c.items FROM ${children} WHERE c.mapRun = ? AND e.id < ? ${filter}
        ORDER BY e.id DESC LIMIT ?`,
      row.id,
      before,
      ...(value === undefined ? [] : [value]),
      limit,
    ) as unknown as ChildExecutionRow[]
  }

  putItems(mapRun: number, { first, source, keys, texts }: ItemChunk): void {
    const sql = 'INSERT INTO engine_map_items VALUES (?, ?, ?, ?, ?)'
    const values = [mapRun, first, source, keys && JSON.stringify(keys), `[${texts.join()}]`]
    if (this.#items === undefined) this.#store.run(sql, ...values)
    else this.#items.prepare(sql).run(...values)
  }

  /** The items that were recorded together with the one of that index. */
  itemsAround(mapRun: number, index: number): { readonly first: number; readonly items: Item[] } {
    const sql = `SELECT first, source, keys, items FROM engine_map_items
      WHERE mapRun = ? AND first <= ? ORDER BY first DESC LIMIT 1`
    const row =
      this.#items === undefined
        ? this.#store.get(sql, mapRun, index)
        : this.#items.prepare(sql).get(mapRun, index)
    const source = String(row?.['source'])
    const keys =
      typeof row?.['keys'] === 'string' ? (JSON.parse(row['keys']) as string[]) : undefined
    const values = JSON.parse(String(row?.['items'])) as readonly Json[]
    return {
      first: Number(row?.['first']),
      items: values.map((value, i) => ({
        value,
        source,
        ...(keys === undefined ? {} : { key: keys[i]! }),
      })),
    }
  }

  /** Map runs that have no use for their items any more, and have some. */
  withUselessItems(): number[] {
    if (this.#items !== undefined) return []
    const rows = this.#store.all(
      `SELECT id FROM engine_map_run AS r WHERE status = 'SUCCEEDED'
        AND EXISTS (SELECT 1 FROM engine_map_items WHERE mapRun = r.id)`,
    )
    return rows.map((row) => Number(row['id']))
  }

  /** Answers whether there may be more. */
  deleteItems(mapRun: number, limit: number): boolean {
    const sql = `DELETE FROM engine_map_items WHERE mapRun = ? AND first IN
      (SELECT first FROM engine_map_items WHERE mapRun = ? LIMIT ?)`
    const { changes } =
      this.#items === undefined
        ? this.#store.run(sql, mapRun, mapRun, limit)
        : this.#items.prepare(sql).run(mapRun, mapRun, limit)
    return Number(changes) === limit
  }
}
