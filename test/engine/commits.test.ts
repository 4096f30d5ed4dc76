import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openDatabase } from '../../engine/database.ts'
import { openEngine, virtualClock } from '../../engine/index.ts'
import { crashingDatabase } from './crashing-database.ts'
import { open } from './open.ts'
import { functionsOf, invoke, machine, workflow } from './support.ts'

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'engine-'))
  onTestFinished(() => {
    rmSync(path, { recursive: true })
  })
  return path
}

/** Calls `hook` before each commit, with its number from 1; when it throws, the commit fails. */
function beforeCommits(file: DatabaseSync, hook: (commit: number) => void): DatabaseSync {
  let depth = 0
  let commits = 0
  const watch = (sql: string, run: () => unknown): unknown => {
    if (sql.startsWith('RELEASE') && depth === 1) hook(++commits)
    const result = run()
    if (sql.startsWith('SAVEPOINT')) depth++
    if (sql.startsWith('RELEASE')) depth--
    return result
  }
  const prepare = (sql: string) => {
    const statement = file.prepare(sql)
    const run = statement.run.bind(statement)
    statement.run = (...values: unknown[]) =>
      watch(sql, () => run(...(values as SQLInputValue[]))) as ReturnType<typeof run>
    return statement
  }
  return new Proxy(file, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (name === 'prepare') return prepare
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value
    },
  })
}

describe('durability', () => {
  // What SQLite calls NORMAL and FULL: with a write-ahead log, FULL syncs it with each commit.
  it.each([
    ['process', 1],
    ['power', 2],
  ] as const)('%s is the level %i of synchronous writes', (durability, level) => {
    const database = openDatabase(directory(), durability)
    expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: level })
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
    database.close()
  })

  it('power keeps what was committed, as process does', async () => {
    const dataDir = directory()
    const first = await open({ dataDir, durability: 'power', clock: virtualClock() })
    const { stateMachineArn } = await first.createStateMachine({
      name: 'm',
      definition: machine({ P: { Type: 'Pass', End: true } }),
    })
    const { executionArn } = await first.startExecution({ stateMachineArn, input: '7' })
    await first.waitFor(executionArn)
    await first.close()
    const second = await open({ dataDir, durability: 'power' })
    expect((await second.describeExecution({ executionArn })).output).toBe('7')
  })
})

describe('transitions that are committed together', () => {
  const definition = machine({
    M: {
      Type: 'Map',
      Items: [1, 2, 3, 4, 5, 6],
      ItemProcessor: workflow({
        P: { Type: 'Pass', Next: 'T' },
        T: invoke('double', { End: true }),
      }),
      End: true,
    },
  })
  const double = (input: unknown) => Number(input) * 2

  it('are fewer commits than transitions', async () => {
    let commits = 0
    const counting = beforeCommits(new DatabaseSync(':memory:'), () => commits++)
    const engine = await open({
      database: counting,
      clock: virtualClock(),
      tasks: functionsOf({ double }),
    })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition })
    commits = 0
    const { executionArn } = await engine.startExecution({ stateMachineArn })
    expect((await engine.waitFor(executionArn)).output).toBe('[2,4,6,8,10,12]')
    // Six Passes and six Tasks, which are entered and left, and the Map.
    expect(commits).toBeGreaterThan(0)
    expect(commits).toBeLessThan(19)
  })

  it('are all taken back when their commit fails, and are made again from the log', async () => {
    for (let at = 3; at < 14; at++) {
      const faults: unknown[] = []
      const failing = beforeCommits(new DatabaseSync(':memory:'), (commit) => {
        if (commit !== at) return
        throw Object.assign(new Error('disk is full'), { code: 'ERR_SQLITE_ERROR' })
      })
      const engine = await openEngine({
        database: failing,
        clock: virtualClock(),
        onError: (error) => faults.push(error),
        tasks: functionsOf({ double }),
      })
      const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition })
      const start = () => engine.startExecution({ stateMachineArn, name: 'once' })
      const { executionArn } = await start().catch(start)
      const { output } = await engine.waitFor(executionArn)
      expect(output, `commit ${at}`).toBe('[2,4,6,8,10,12]')
      const types: string[] = []
      for await (const { type } of engine.watch(executionArn)) types.push(type)
      expect(types.filter((type) => type === 'TaskSucceeded')).toHaveLength(6)
      expect(types.filter((type) => type === 'PassStateExited')).toHaveLength(6)
      for (const fault of faults) expect(fault).toMatchObject({ name: 'StorageFailed' })
      await engine.close()
    }
  })

  it('start no handler before they are committed', async () => {
    const file = new DatabaseSync(':memory:')
    const stored = () =>
      file.prepare(`SELECT count(*) AS n FROM engine_event WHERE event LIKE '%TaskStarted%'`).get()
    const seen: unknown[] = []
    const { database } = crashingDatabase(file, Infinity, 'after', () => undefined)
    const engine = await open({
      database,
      clock: virtualClock(),
      tasks: functionsOf({
        double(input) {
          // A transaction that is open could still be taken back.
          seen.push(file.isTransaction, stored())
          return double(input)
        },
      }),
    })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition })
    const { executionArn } = await engine.startExecution({ stateMachineArn })
    await engine.waitFor(executionArn)
    expect(seen.filter((value) => value === false)).toHaveLength(6)
    expect(seen).not.toContain(true)
    expect(seen).not.toContainEqual({ n: 0 })
  })
})
