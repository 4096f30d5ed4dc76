import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { EngineError } from './errors.ts'
import type { ExecutionStatus, StateMachineTypeName } from './execution.ts'
import { mapSchema } from './map/schema.ts'
import { decodeEvent, encodeEvent, type LogEvent } from './log.ts'
import type { Settings } from './settings.ts'

export interface StateMachineRow {
  readonly arn: string
  readonly name: string
  readonly digest: string
  readonly roleArn: string
  readonly created: number
  readonly updated: number
  readonly revisionId: string
  readonly type: StateMachineTypeName
}

/** What lists and descriptions read: the log's outcome, kept in the transaction that logs it. */
export interface ExecutionRow {
  readonly id: number
  readonly arn: string
  readonly name: string
  readonly stateMachineArn: string
  readonly stateMachineName: string
  readonly roleArn: string
  readonly digest: string
  readonly status: ExecutionStatus
  readonly startTime: number
  readonly stopTime: number | null
  readonly input: string
  readonly output: string | null
  readonly error: string | null
  readonly cause: string | null
  readonly redriveCount: number
  readonly redriveTime: number | null
}

export type Outcome = Pick<
  ExecutionRow,
  'status' | 'stopTime' | 'output' | 'error' | 'cause' | 'redriveCount' | 'redriveTime'
>

const schemaVersion = 2

/** What takes the database of a version to the next one; a new database begins with the last. */
const migrations: Readonly<Record<number, string>> = {
  1: `ALTER TABLE engine_state_machine ADD COLUMN type TEXT NOT NULL DEFAULT 'STANDARD'`,
}

const metaSchema =
  'CREATE TABLE IF NOT EXISTS engine_meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID'

const schema = `
CREATE TABLE IF NOT EXISTS engine_definition (digest TEXT PRIMARY KEY, definition TEXT NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS engine_state_machine (
  arn TEXT PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, roleArn TEXT NOT NULL,
  created REAL NOT NULL, updated REAL NOT NULL, revisionId TEXT NOT NULL,
  type TEXT NOT NULL DEFAULT 'STANDARD'
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS engine_setting (arn TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS engine_execution (
  id INTEGER PRIMARY KEY, arn TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  stateMachineArn TEXT NOT NULL, stateMachineName TEXT NOT NULL, roleArn TEXT NOT NULL,
  digest TEXT NOT NULL, status TEXT NOT NULL, startTime REAL NOT NULL, stopTime REAL,
  input TEXT NOT NULL, output TEXT, error TEXT, cause TEXT,
  redriveCount INTEGER NOT NULL DEFAULT 0, redriveTime REAL
);
CREATE INDEX IF NOT EXISTS engine_execution_list ON engine_execution (stateMachineArn, id);
CREATE INDEX IF NOT EXISTS engine_execution_status
  ON engine_execution (stateMachineArn, status, id);
CREATE INDEX IF NOT EXISTS engine_execution_running
  ON engine_execution (id) WHERE status = 'RUNNING';
CREATE TABLE IF NOT EXISTS engine_event (
  execution INTEGER NOT NULL, seq INTEGER NOT NULL, id INTEGER, event TEXT NOT NULL,
  PRIMARY KEY (execution, seq)
) WITHOUT ROWID;
`

/** The engine's tables in a SQLite database, all named `engine_…`. Calls are synchronous. */
export class Store {
  readonly #database: DatabaseSync
  readonly #owned: boolean
  readonly #statements = new Map<string, StatementSync>()
  #group: 'none' | 'empty' | 'begun' = 'none'

  /** @param owned whether `close` closes the database */
  constructor(database: DatabaseSync, owned: boolean) {
    this.#database = database
    this.#owned = owned
    this.#guard(() => {
      database.exec(metaSchema)
    })
    this.transaction(() => {
      this.#migrate()
    })
  }

  /** Commits what `body` wrote, or takes all of it back. Nests, as a savepoint does. */
  transaction<T>(body: () => T): T {
    return this.#guard(() => {
      if (this.#group === 'empty') {
        this.#run('SAVEPOINT engine')
        this.#group = 'begun'
      }
      this.#run('SAVEPOINT engine')
      try {
        const result = body()
        this.#run('RELEASE engine')
        return result
      } catch (error) {
        this.#takeBack()
        throw error
      }
    })
  }

  /**
   * Commits the transactions of `body` as one: a commit costs more than what it commits. A transaction
   * in it that fails is taken back alone.
   *
   * @throws StorageFailed when the commit fails: then all of them are taken back
   */
  group(body: () => void): void {
    this.#group = 'empty'
    try {
      body()
    } finally {
      const isBegun = this.#isGroupBegun
      this.#group = 'none'
      if (isBegun) this.#commitGroup()
    }
  }

  close(): void {
    this.#statements.clear()
    if (this.#owned) this.#database.close()
  }

  /** Whether what is in it is gone when the engine is closed. */
  get isInMemory(): boolean {
    return this.#owned && this.#database.location() === null
  }

  /** Statements of parts of the engine that have tables of their own in the database. */
  run(sql: string, ...values: SQLInputValue[]) {
    return this.#run(sql, ...values)
  }

  get(sql: string, ...values: SQLInputValue[]) {
    return this.#get(sql, ...values)
  }

  all(sql: string, ...values: SQLInputValue[]) {
    return this.#all(sql, ...values)
  }

  putDefinition(digest: string, definition: string): void {
    this.#run('INSERT OR IGNORE INTO engine_definition VALUES (?, ?)', digest, definition)
  }

  definition(digest: string): string {
    const row = this.#get('SELECT definition FROM engine_definition WHERE digest = ?', digest)
    return String(row?.['definition'])
  }

  putStateMachine(row: StateMachineRow): void {
    this.#run(
      `INSERT OR REPLACE INTO engine_state_machine
        (arn, name, digest, roleArn, created, updated, revisionId, type)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      row.arn,
      row.name,
      row.digest,
      row.roleArn,
      row.created,
      row.updated,
      row.revisionId,
      row.type,
    )
  }

  stateMachine(arn: string): StateMachineRow | undefined {
    return this.#get('SELECT * FROM engine_state_machine WHERE arn = ?', arn) as
      StateMachineRow | undefined
  }

  deleteStateMachine(arn: string): void {
    this.#run('DELETE FROM engine_state_machine WHERE arn = ?', arn)
    this.#run('DELETE FROM engine_setting WHERE arn = ?', arn)
  }

  putSettings(arn: string, settings: Settings): void {
    this.#run('INSERT OR REPLACE INTO engine_setting VALUES (?, ?)', arn, JSON.stringify(settings))
  }

  settings(arn: string): Settings {
    const row = this.#get('SELECT value FROM engine_setting WHERE arn = ?', arn)
    return row === undefined ? {} : (JSON.parse(String(row['value'])) as Settings)
  }

  /** In order of their ARNs, after `after`. */
  stateMachines(after: string, limit: number): StateMachineRow[] {
    return this.#all(
      'SELECT * FROM engine_state_machine WHERE arn > ? ORDER BY arn LIMIT ?',
      after,
      limit,
    ) as unknown as StateMachineRow[]
  }

  /** Answers the new execution's id. */
  insertExecution(
    row: Omit<ExecutionRow, 'id' | 'stopTime' | 'output' | 'error' | 'cause' | 'redriveTime'>,
  ): number {
    const { lastInsertRowid } = this.#run(
      `INSERT INTO engine_execution (arn, name, stateMachineArn, stateMachineName, roleArn, digest,
        status, startTime, input, redriveCount) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      row.arn,
      row.name,
      row.stateMachineArn,
      row.stateMachineName,
      row.roleArn,
      row.digest,
      row.status,
      row.startTime,
      row.input,
      row.redriveCount,
    )
    return Number(lastInsertRowid)
  }

  updateExecution(id: number, outcome: Outcome): void {
    this.#run(
      `UPDATE engine_execution SET status = ?, stopTime = ?, output = ?, error = ?, cause = ?,
        redriveCount = ?, redriveTime = ? WHERE id = ?`,
      outcome.status,
      outcome.stopTime,
      outcome.output,
      outcome.error,
      outcome.cause,
      outcome.redriveCount,
      outcome.redriveTime,
      id,
    )
  }

  execution(arn: string): ExecutionRow | undefined {
    return this.#get('SELECT * FROM engine_execution WHERE arn = ?', arn) as
      ExecutionRow | undefined
  }

  executionById(id: number): ExecutionRow | undefined {
    return this.#get('SELECT * FROM engine_execution WHERE id = ?', id) as ExecutionRow | undefined
  }

  runningExecutions(): number[] {
    const rows = this.#all(`SELECT id FROM engine_execution WHERE status = 'RUNNING' ORDER BY id`)
    return rows.map((row) => Number(row['id']))
  }

  /** The newest first, those before `before`. */
  executions(
    stateMachineArn: string | undefined,
    status: string | undefined,
    before: number,
    limit: number,
  ): ExecutionRow[] {
    const filters = Object.entries({ stateMachineArn, status }).filter(
      (filter): filter is [string, string] => filter[1] !== undefined,
    )
    // Child executions of map runs are listed by their map run; only their state machines have a slash.
    const children = stateMachineArn === undefined ? `AND instr(stateMachineName, '/') = 0` : ''
    return this.#all(
      `SELECT * FROM engine_execution WHERE id < ? ${children} ${filters.map(([name]) => `AND ${name} = ?`).join(' ')}
        ORDER BY id DESC LIMIT ?`,
      before,
      ...filters.map(([, value]) => value),
      limit,
    ) as unknown as ExecutionRow[]
  }

  appendEvents(execution: number, events: readonly LogEvent[]): void {
    const insert = this.#prepare('INSERT INTO engine_event VALUES (?, ?, ?, ?)')
    for (const event of events) insert.run(execution, event.seq, event.id, encodeEvent(event))
  }

  /** The whole log of an execution, in order. */
  *events(execution: number): Generator<LogEvent> {
    const rows = this.#prepare(
      'SELECT seq, id, event FROM engine_event WHERE execution = ? ORDER BY seq',
    ).iterate(execution)
    for (const row of rows) {
      yield decodeEvent(Number(row['seq']), row['id'] as number | null, String(row['event']))
    }
  }

  /** Events that history shows, with a `seq` and an `id` after those given. */
  eventsAfter(execution: number, seq: number, id: number, limit: number): LogEvent[] {
    return this.#all(
      `SELECT seq, id, event FROM engine_event WHERE execution = ? AND seq > ? AND id > ?
        ORDER BY seq LIMIT ?`,
      execution,
      seq,
      id,
      limit,
    ).map(toEvent)
  }

  /** Events that history shows, backwards from `seq` (exclusive). */
  eventsBefore(execution: number, seq: number, limit: number): LogEvent[] {
    return this.#all(
      `SELECT seq, id, event FROM engine_event WHERE execution = ? AND seq < ? AND id IS NOT NULL
        ORDER BY seq DESC LIMIT ?`,
      execution,
      seq,
      limit,
    ).map(toEvent)
  }

  lastEventId(execution: number): number {
    const row = this.#get(
      'SELECT id FROM engine_event WHERE execution = ? AND id IS NOT NULL ORDER BY seq DESC LIMIT 1',
      execution,
    )
    return Number(row?.['id'] ?? 0)
  }

  /** Makes the tables of a new database, and brings those of an older version up to date. */
  #migrate(): void {
    this.#run(`INSERT OR IGNORE INTO engine_meta VALUES ('schema', ?)`, schemaVersion)
    const version = Number(
      this.#get(`SELECT value FROM engine_meta WHERE name = 'schema'`)?.['value'],
    )
    if (version > schemaVersion) {
      throw new EngineError(
        'DataDirectoryInvalid',
        `the database has the engine's schema ${version}, this version knows ${schemaVersion}: ` +
          'install the newer version',
      )
    }
    for (let from = version; from < schemaVersion; from++) this.#database.exec(migrations[from]!)
    this.#database.exec(schema)
    this.#database.exec(mapSchema)
    this.#run(`UPDATE engine_meta SET value = ? WHERE name = 'schema'`, schemaVersion)
  }

  get #isGroupBegun(): boolean {
    return this.#group === 'begun'
  }

  #commitGroup(): void {
    try {
      this.#run('RELEASE engine')
    } catch (error) {
      this.#takeBack()
      throw error
    }
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  #run(sql: string, ...values: SQLInputValue[]) {
    return this.#guard(() => this.#prepare(sql).run(...values))
  }

  #get(sql: string, ...values: SQLInputValue[]) {
    return this.#guard(() => this.#prepare(sql).get(...values))
  }

  #all(sql: string, ...values: SQLInputValue[]) {
    return this.#guard(() => this.#prepare(sql).all(...values))
  }

  #takeBack(): void {
    // After some failures (a full disk, an IO error) SQLite has taken everything back by itself.
    try {
      this.#run('ROLLBACK TO engine')
      this.#run('RELEASE engine')
    } catch {
      return
    }
  }

  /** SQLite's errors as ours; others pass as they are. */
  #guard<T>(body: () => T): T {
    try {
      return body()
    } catch (error) {
      const code = (error as { code?: unknown }).code
      if (code !== 'ERR_SQLITE_ERROR' && code !== 'ERR_INVALID_STATE') throw error
      throw new EngineError(
        'StorageFailed',
        `the database could not be read or written (${(error as Error).message}): what was stored ` +
          'before stays as it is; see to the disk and try again',
        { cause: error },
      )
    }
  }
}

function toEvent(row: Record<string, unknown>): LogEvent {
  return decodeEvent(Number(row['seq']), row['id'] as number | null, String(row['event']))
}
