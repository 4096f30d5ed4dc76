import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { virtualClock } from '../../engine/index.ts'
import { everythingFunctions, everythingOutput } from './everything.ts'
import { open } from './open.ts'
import { functionsOf } from './support.ts'

const folder = join(import.meta.dirname, 'fixtures')
const fixtures = readdirSync(folder).filter((name) => name.endsWith('.jsonl'))

/** As `fixtures/dump-log.ts` wrote them. */
type Line =
  | { readonly sql: string }
  | { readonly table: string; readonly row: Readonly<Record<string, SQLInputValue>> }

function restore(fixture: string): DatabaseSync {
  const database = new DatabaseSync(':memory:')
  for (const text of readFileSync(join(folder, fixture), 'utf8').trimEnd().split('\n')) {
    const line = JSON.parse(text) as Line
    if ('sql' in line) {
      database.exec(line.sql)
    } else {
      const names = Object.keys(line.row)
      const places = names.map(() => '?').join(', ')
      database
        .prepare(`INSERT INTO ${line.table} (${names.join(', ')}) VALUES (${places})`)
        .run(...Object.values(line.row))
    }
  }
  return database
}

it('there are fixtures', () => {
  expect(fixtures).toContain('log-1.jsonl')
})

describe.each(fixtures)('the engine of today opens %s', (fixture) => {
  const openFixture = (ran: string[] = []) =>
    open({
      database: restore(fixture),
      // Later than all that the fixture waits for.
      clock: virtualClock({ start: Date.UTC(2024, 0, 1, 1) }),
      random: () => 0.5,
      tasks: functionsOf({
        ...everythingFunctions((label) => ran.push(label)),
        fragile: (input) => input,
        hang: (input) => `answered ${JSON.stringify(input)}`,
      }),
    })

  it('with executions that had ended, and their histories', async () => {
    const engine = await openFixture()
    const { executions } = await engine.listExecutions({})
    const ended = executions.filter(({ status }) => status !== 'RUNNING')
    expect(Object.fromEntries(ended.map(({ name, status }) => [name, status]))).toEqual({
      failed: 'FAILED',
      redriven: 'SUCCEEDED',
      'timed-out': 'TIMED_OUT',
      stopped: 'ABORTED',
      'age-80': 'SUCCEEDED',
    })
    for (const { executionArn, status } of ended) {
      const { events } = await engine.getExecutionHistory({ executionArn, maxResults: 1000 })
      expect(events.map(({ id }) => id)).toEqual(events.map((_, i) => i + 1))
      expect(events[0]!.type).toBe('ExecutionStarted')
      const last = { SUCCEEDED: 'Succeeded', FAILED: 'Failed', TIMED_OUT: 'TimedOut' } as const
      expect(events.at(-1)!.type).toBe(`Execution${last[status as keyof typeof last] ?? 'Aborted'}`)
    }
  })

  it('and goes on with those that ran, running no completed task again', async () => {
    const ran: string[] = []
    const engine = await openFixture(ran)
    const { executions } = await engine.listExecutions({ statusFilter: 'RUNNING' })
    expect(executions).toHaveLength(8)
    for (const { executionArn, name } of executions) {
      const { status, output } = await engine.waitFor(executionArn)
      expect(status, name).toBe('SUCCEEDED')
      expect(JSON.parse(output!), name).toEqual(
        name === 'asked' ? 'answered "Ada"' : everythingOutput,
      )
      const { events } = await engine.getExecutionHistory({ executionArn, maxResults: 1000 })
      const count = (type: string) => events.filter((event) => event.type === type).length
      expect(count('TaskSucceeded') + count('TaskFailed'), name).toBe(name === 'asked' ? 1 : 9)
    }
    // Seven in all stages; those past the Wait had run some of their nine attempts before.
    const before = { 'age-66': 9, 'age-60': 5, 'age-48': 4, 'age-33': 3, 'age-31': 2 }
    const done = Object.values(before).reduce((sum, tasks) => sum + tasks, 0)
    expect(ran).toHaveLength(7 * 9 - done)
  })

  it('and redrives one that failed', async () => {
    const engine = await openFixture()
    const executionArn = 'arn:aws:states:us-east-1:000000000000:execution:redrivable:failed'
    await engine.redriveExecution({ executionArn })
    expect(await engine.waitFor(executionArn)).toMatchObject({
      status: 'SUCCEEDED',
      output: '[1,2,3]',
    })
    const { events } = await engine.getExecutionHistory({ executionArn, maxResults: 1000 })
    // The first and third iterations once, the second twice.
    expect(events.filter(({ type }) => type === 'TaskScheduled')).toHaveLength(4)
  })
})
