import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type Engine,
  type EngineErrorName,
  type EngineOptions,
  engineErrors,
  type ExecutionStatusChange,
  openEngine,
  virtualClock,
} from '../../engine/index.ts'
import { functionsOf, hang, invoke, machine, workflow } from './support.ts'

const pass = machine({ A: { Type: 'Pass', End: true } })
const waits = machine({ W: { Type: 'Wait', Seconds: 60, End: true } })
const account = 'arn:aws:states:us-east-1:000000000000'

const opened: Engine[] = []
async function open(options: Partial<EngineOptions> = {}): Promise<Engine> {
  const engine = await openEngine({ tasks: functionsOf({ hang }), ...options })
  opened.push(engine)
  return engine
}
afterEach(async () => {
  for (const engine of opened.splice(0)) await engine.close()
})

async function refused(promise: Promise<unknown>, name: EngineErrorName): Promise<void> {
  await expect(promise).rejects.toMatchObject({ name })
  expect(engineErrors).toHaveProperty(name)
}

describe('state machines', () => {
  it('are created once, and updated', async () => {
    const engine = await open({ clock: virtualClock() })
    const created = await engine.createStateMachine({ name: 'm', definition: pass })
    expect(created.stateMachineArn).toBe(`${account}:stateMachine:m`)
    expect(await engine.createStateMachine({ name: 'm', definition: pass })).toEqual(created)
    await refused(
      engine.createStateMachine({ name: 'm', definition: waits }),
      'StateMachineAlreadyExists',
    )
    const { stateMachineArn } = created
    const updated = await engine.updateStateMachine({ stateMachineArn, definition: waits })
    expect(await engine.describeStateMachine({ stateMachineArn })).toEqual({
      stateMachineArn,
      name: 'm',
      status: 'ACTIVE',
      definition: waits,
      roleArn: 'arn:aws:iam::000000000000:role/m',
      type: 'STANDARD',
      creationDate: created.creationDate,
      revisionId: updated.revisionId,
    })
  })

  it('are listed by pages', async () => {
    const engine = await open()
    for (const name of ['c', 'a', 'b']) await engine.createStateMachine({ name, definition: pass })
    const first = await engine.listStateMachines({ maxResults: 2 })
    expect(first.stateMachines.map(({ name }) => name)).toEqual(['a', 'b'])
    const second = await engine.listStateMachines({ maxResults: 2, nextToken: first.nextToken! })
    expect(second.stateMachines.map(({ name }) => name)).toEqual(['c'])
    expect(second.nextToken).toBeUndefined()
    await refused(engine.listStateMachines({ nextToken: 'x' }), 'InvalidToken')
    await refused(engine.listStateMachines({ maxResults: 1001 }), 'ValidationException')
  })

  it.each(['', 'a b', 'a:b', 'a/b', '../a', 'a\0', 'a*', '\ud800', 'n'.repeat(81), 7])(
    'are not named %j',
    async (name) => {
      const engine = await open()
      await refused(
        engine.createStateMachine({ name: name as string, definition: pass }),
        'InvalidName',
      )
    },
  )

  it('of other types, and those not there, are refused', async () => {
    const engine = await open()
    await refused(
      engine.createStateMachine({ name: 'm', definition: pass, type: 'EXPRESS' as 'STANDARD' }),
      'StateMachineTypeNotSupported',
    )
    const stateMachineArn = `${account}:stateMachine:none`
    await refused(engine.describeStateMachine({ stateMachineArn }), 'StateMachineDoesNotExist')
    await refused(engine.startExecution({ stateMachineArn }), 'StateMachineDoesNotExist')
    await refused(engine.startExecution({ stateMachineArn: 'm' }), 'InvalidArn')
    await refused(engine.updateStateMachine({ stateMachineArn }), 'StateMachineDoesNotExist')
  })

  it('keep their definition for the executions that run', async () => {
    const clock = virtualClock({ automatic: false })
    const engine = await open({ clock })
    const first = machine({
      W: { Type: 'Wait', Seconds: 60, Next: 'A' },
      A: { Type: 'Pass', Output: 'old', End: true },
    })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition: first })
    const { executionArn } = await engine.startExecution({ stateMachineArn })
    for await (const { type } of engine.watch(executionArn)) if (type === 'WaitStateEntered') break
    const definition = first.replace('old', 'new')
    await engine.updateStateMachine({ stateMachineArn, definition })
    clock.advance(60_000)
    expect((await engine.waitFor(executionArn)).output).toBe('"old"')
    const used = await engine.describeStateMachineForExecution({ executionArn })
    expect(used).toMatchObject({ stateMachineArn, name: 'm', definition: first })
  })
})

describe('startExecution', () => {
  it('answers the execution that runs with the same name and input', async () => {
    const engine = await open({ clock: virtualClock({ automatic: false }) })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition: waits })
    const request = { stateMachineArn, name: 'once', input: '{"a":1}' }
    const first = await engine.startExecution(request)
    expect(await engine.startExecution({ ...request, input: ' { "a" : 1 } ' })).toEqual(first)
    await refused(engine.startExecution({ ...request, input: '{}' }), 'ExecutionAlreadyExists')
    await engine.stopExecution(first)
    await refused(engine.startExecution(request), 'ExecutionAlreadyExists')
  })

  it('refuses names and inputs that are none', async () => {
    const engine = await open()
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition: pass })
    await refused(engine.startExecution({ stateMachineArn, name: 'a b' }), 'InvalidName')
    for (const input of ['', '{', 'undefined', 5 as unknown as string]) {
      await refused(engine.startExecution({ stateMachineArn, input }), 'InvalidExecutionInput')
    }
  })

  it('keeps the input as it was given', async () => {
    const engine = await open()
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition: pass })
    const { executionArn } = await engine.startExecution({ stateMachineArn, input: '{ "a" : 1 }' })
    expect(await engine.waitFor(executionArn)).toMatchObject({
      input: '{ "a" : 1 }',
      inputDetails: { included: true },
      output: '{"a":1}',
      outputDetails: { included: true },
      redriveCount: 0,
      redriveStatus: 'NOT_REDRIVABLE',
      redriveStatusReason: 'Execution is SUCCEEDED and cannot be redriven',
    })
  })
})

describe('listExecutions', () => {
  it('has the newest first, by status and by pages', async () => {
    const engine = await open({ clock: virtualClock({ automatic: false }) })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition: waits })
    const other = await engine.createStateMachine({ name: 'other', definition: waits })
    for (const name of ['a', 'b', 'c', 'd']) await engine.startExecution({ stateMachineArn, name })
    await engine.startExecution(other)
    await engine.stopExecution({ executionArn: `${account}:execution:m:b` })
    const list = async (rest: object) => {
      const { executions, nextToken } = await engine.listExecutions({ stateMachineArn, ...rest })
      return [executions.map(({ name }) => name).join(''), nextToken] as const
    }
    expect(await list({})).toEqual(['dcba', undefined])
    expect((await list({ statusFilter: 'RUNNING' }))[0]).toBe('dca')
    expect((await list({ statusFilter: 'ABORTED' }))[0]).toBe('b')
    const [first, nextToken] = await list({ maxResults: 3 })
    expect(first).toBe('dcb')
    expect(await list({ maxResults: 3, nextToken })).toEqual(['a', undefined])
    await refused(list({ statusFilter: 'running' }), 'ValidationException')
  })
})

describe('getExecutionHistory', () => {
  async function history() {
    const engine = await open({ clock: virtualClock() })
    // The wait has an entry in the log that history does not show.
    const definition = machine({
      A: { Type: 'Wait', Seconds: 1, Next: 'B' },
      B: { Type: 'Pass', End: true },
    })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition })
    const { executionArn } = await engine.startExecution({ stateMachineArn })
    await engine.waitFor(executionArn)
    const pages = async (rest: object) => {
      const ids: number[][] = []
      let nextToken: string | undefined
      do {
        const page = await engine.getExecutionHistory({
          executionArn,
          ...rest,
          ...(nextToken === undefined ? {} : { nextToken }),
        })
        ids.push(page.events.map(({ id }) => id))
        nextToken = page.nextToken
      } while (nextToken !== undefined)
      return ids
    }
    return { engine, executionArn, pages }
  }

  it('comes by pages, in both orders, and after an event', async () => {
    const { pages } = await history()
    expect(await pages({})).toEqual([[1, 2, 3, 4, 5, 6]])
    expect(await pages({ maxResults: 2 })).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ])
    expect(await pages({ maxResults: 4, reverseOrder: true })).toEqual([
      [6, 5, 4, 3],
      [2, 1],
    ])
    expect(await pages({ after: 2 })).toEqual([[3, 4, 5, 6]])
    expect(await pages({ after: 3, maxResults: 2 })).toEqual([[4, 5], [6]])
    expect(await pages({ after: 6 })).toEqual([[]])
  })

  it('may leave the data out', async () => {
    const { engine, executionArn } = await history()
    const { events } = await engine.getExecutionHistory({
      executionArn,
      includeExecutionData: false,
    })
    expect(JSON.stringify(events)).not.toMatch(/"(input|output)"/)
    expect(events[1]).toMatchObject({ stateEnteredEventDetails: { name: 'A' } })
  })

  it('refuses what is no request', async () => {
    const { engine, executionArn, pages } = await history()
    await refused(pages({ after: -1 }), 'ValidationException')
    await refused(pages({ after: 1, reverseOrder: true }), 'ValidationException')
    await refused(engine.getExecutionHistory({ executionArn, nextToken: 'e30' }), 'InvalidToken')
    await refused(
      engine.getExecutionHistory({ executionArn: `${account}:execution:m:none` }),
      'ExecutionDoesNotExist',
    )
  })
})

describe('stopExecution', () => {
  it('aborts handlers and all that waits', async () => {
    let signal: AbortSignal | undefined
    const started = Promise.withResolvers<undefined>()
    const engine = await open({
      clock: virtualClock({ automatic: false }),
      tasks: functionsOf({
        hang: (_, context) => {
          signal = context.signal
          started.resolve(undefined)
          return new Promise(() => undefined)
        },
      }),
    })
    const definition = machine({
      P: {
        Type: 'Parallel',
        Branches: [
          workflow({ T: invoke('hang', { End: true }) }),
          workflow({
            M: {
              Type: 'Map',
              Items: [1],
              ItemProcessor: workflow({ W: { Type: 'Wait', Seconds: 9, End: true } }),
              End: true,
            },
          }),
        ],
        End: true,
      },
    })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition })
    const { executionArn } = await engine.startExecution({ stateMachineArn })
    await started.promise
    for await (const { type } of engine.watch(executionArn)) if (type === 'WaitStateEntered') break
    const { stopDate } = await engine.stopExecution({ executionArn, error: 'E', cause: 'c' })
    expect(signal?.aborted).toBe(true)
    const ended = await engine.waitFor(executionArn)
    expect(ended).toMatchObject({ status: 'ABORTED', error: 'E', cause: 'c', stopDate })
    const { events } = await engine.getExecutionHistory({ executionArn })
    expect(events.map(({ type }) => type).slice(-6)).toEqual([
      'TaskStateAborted',
      'WaitStateAborted',
      'MapIterationAborted',
      'MapStateAborted',
      'ParallelStateAborted',
      'ExecutionAborted',
    ])
    expect(await engine.stopExecution({ executionArn })).toEqual({ stopDate })
    expect((await engine.describeExecution({ executionArn })).error).toBe('E')
  })
})

describe('watch', () => {
  it('has the past events, then each as it comes, until the end', async () => {
    const clock = virtualClock({ automatic: false })
    const engine = await open({ clock })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition: waits })
    const { executionArn } = await engine.startExecution({ stateMachineArn })
    const seen: string[] = []
    for await (const { type } of engine.watch(executionArn)) {
      seen.push(type)
      if (type === 'WaitStateEntered') clock.advance(60_000)
    }
    expect(seen).toEqual([
      'ExecutionStarted',
      'WaitStateEntered',
      'WaitStateExited',
      'ExecutionSucceeded',
    ])
    const later: number[] = []
    for await (const { id } of engine.watch(executionArn, { after: 2 })) later.push(id)
    expect(later).toEqual([3, 4])
  })
})

describe('onStatusChange', () => {
  it('tells of starts and ends as EventBridge does', async () => {
    const changes: ExecutionStatusChange[] = []
    const clock = virtualClock({ start: 1_700_000_000_000 })
    const engine = await open({ clock, onStatusChange: (change) => changes.push(change) })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition: waits })
    const { executionArn } = await engine.startExecution({ stateMachineArn, name: 'x', input: '1' })
    await engine.waitFor(executionArn)
    const common = {
      executionArn,
      stateMachineArn,
      name: 'x',
      startDate: 1_700_000_000_000,
      input: '1',
      inputDetails: { included: true },
      error: null,
      cause: null,
      stateMachineVersionArn: null,
      stateMachineAliasArn: null,
      redriveCount: 0,
      redriveDate: null,
      redriveStatus: 'NOT_REDRIVABLE',
    }
    expect(changes).toEqual([
      {
        ...common,
        status: 'RUNNING',
        stopDate: null,
        output: null,
        outputDetails: null,
        redriveStatusReason: 'Execution is RUNNING and cannot be redriven',
      },
      {
        ...common,
        status: 'SUCCEEDED',
        stopDate: 1_700_000_060_000,
        output: '1',
        outputDetails: { included: true },
        redriveStatusReason: 'Execution is SUCCEEDED and cannot be redriven',
      },
    ])
  })

  it('leaves out what is too large for an event', async () => {
    const changes: ExecutionStatusChange[] = []
    const engine = await open({ onStatusChange: (change) => changes.push(change) })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition: pass })
    const input = JSON.stringify('x'.repeat(130_000))
    const { executionArn } = await engine.startExecution({ stateMachineArn, input })
    await engine.waitFor(executionArn)
    expect(changes.map((c) => [c.inputDetails, c.outputDetails])).toEqual([
      [{ included: true }, null],
      [{ included: false }, { included: true }],
    ])
    expect(changes[1]?.input).toBeNull()
  })

  it('commits what it writes to the shared database, or nothing', async () => {
    const database = new DatabaseSync(':memory:')
    database.exec('CREATE TABLE outbox (status TEXT)')
    let isBroken = false
    const errors: unknown[] = []
    const engine = await open({
      database,
      onError: (error) => errors.push(error),
      onStatusChange: ({ status }) => {
        database.prepare('INSERT INTO outbox VALUES (?)').run(status)
        if (isBroken) throw new Error('the outbox is broken')
      },
    })
    const outbox = () =>
      database
        .prepare('SELECT status FROM outbox')
        .all()
        .map((row) => row['status'])
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition: pass })
    const { executionArn } = await engine.startExecution({ stateMachineArn, name: 'a' })
    await engine.waitFor(executionArn)
    expect(outbox()).toEqual(['RUNNING', 'SUCCEEDED'])
    isBroken = true
    await expect(engine.startExecution({ stateMachineArn, name: 'b' })).rejects.toThrow('broken')
    expect(outbox()).toEqual(['RUNNING', 'SUCCEEDED'])
    await refused(
      engine.describeExecution({ executionArn: `${account}:execution:m:b` }),
      'ExecutionDoesNotExist',
    )
    expect(errors).toEqual([])
  })

  it('takes an execution up again when its end could not be committed', async () => {
    let failures = 1
    const errors: unknown[] = []
    const engine = await open({
      clock: virtualClock(),
      onError: (error, arn) => errors.push([String(error), arn]),
      onStatusChange: ({ status }) => {
        if (status === 'SUCCEEDED' && failures-- > 0) throw new Error('no room')
      },
    })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition: pass })
    const { executionArn } = await engine.startExecution({ stateMachineArn })
    expect((await engine.waitFor(executionArn)).status).toBe('SUCCEEDED')
    expect(errors).toEqual([['Error: no room', executionArn]])
  })
})

describe('a shared database', () => {
  it('may be in a transaction when an execution is started', async () => {
    const database = new DatabaseSync(':memory:')
    const engine = await open({ database })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition: pass })
    database.exec('BEGIN')
    const undone = engine.startExecution({ stateMachineArn, name: 'undone' })
    database.exec('ROLLBACK')
    database.exec('BEGIN')
    const done = engine.startExecution({ stateMachineArn, name: 'done' })
    database.exec('COMMIT')
    expect((await engine.waitFor((await done).executionArn)).status).toBe('SUCCEEDED')
    await refused(engine.describeExecution(await undone), 'ExecutionDoesNotExist')
    await engine.close()
    expect(database.isOpen).toBe(true)
  })
})

describe('openEngine', () => {
  it('refuses options that it does not know', async () => {
    await refused(
      openEngine({ tasks: () => undefined, dataDri: 'x' } as never),
      'ValidationException',
    )
  })

  it('has a directory for itself', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'engine-'))
    try {
      const engine = await open({ dataDir })
      await refused(open({ dataDir }), 'DataDirectoryBusy')
      await engine.close()
      await (await open({ dataDir })).close()
    } finally {
      rmSync(dataDir, { recursive: true })
    }
  })

  it('does nothing once it is closed', async () => {
    const engine = await open({ clock: virtualClock({ automatic: false }) })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition: waits })
    const { executionArn } = await engine.startExecution({ stateMachineArn })
    const waiting = engine.waitFor(executionArn)
    await Promise.all([engine.close(), refused(waiting, 'EngineClosed')])
    await engine.close()
    await refused(engine.listStateMachines(), 'EngineClosed')
    await refused(engine.startExecution({ stateMachineArn }), 'EngineClosed')
  })
})
