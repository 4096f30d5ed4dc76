import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { type ExecutionStatusChange, virtualClock } from '../../engine/index.ts'
import { open } from './open.ts'
import { machine, workflow } from './support.ts'

const pass = machine({ A: { Type: 'Pass', End: true } })
const waits = machine({ W: { Type: 'Wait', Seconds: 60, End: true } })
const account = 'arn:aws:states:us-east-1:000000000000'

const unknown = { name: 'ExecutionDoesNotExist' }

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

  it('tells of one end for each start and each redrive', async () => {
    const changes: string[] = []
    const engine = await open({
      clock: virtualClock(),
      onStatusChange: ({ status, redriveCount, redriveStatus }) =>
        changes.push(`${status} ${redriveCount} ${redriveStatus}`),
    })
    const definition = machine(
      {
        P: {
          Type: 'Parallel',
          Branches: [
            workflow({ A: { Type: 'Wait', Seconds: 60, Next: 'B' }, B: { Type: 'Fail' } }),
            workflow({ C: { Type: 'Wait', Seconds: 99, End: true } }),
          ],
          End: true,
        },
      },
      { TimeoutSeconds: 30 },
    )
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition })
    const { executionArn } = await engine.startExecution({ stateMachineArn })
    await engine.waitFor(executionArn)
    await engine.redriveExecution({ executionArn })
    await engine.waitFor(executionArn)
    await engine.redriveExecution({ executionArn })
    await engine.stopExecution({ executionArn })
    await engine.stopExecution({ executionArn })
    expect(changes).toEqual([
      'RUNNING 0 NOT_REDRIVABLE',
      'TIMED_OUT 0 REDRIVABLE',
      'RUNNING 1 NOT_REDRIVABLE',
      'TIMED_OUT 1 REDRIVABLE',
      'RUNNING 2 NOT_REDRIVABLE',
      'ABORTED 2 REDRIVABLE',
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
    const absent = { executionArn: `${account}:execution:m:b` }
    await expect(engine.describeExecution(absent)).rejects.toMatchObject(unknown)
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
    await expect(engine.describeExecution(await undone)).rejects.toMatchObject(unknown)
    await engine.close()
    expect(database.isOpen).toBe(true)
  })
})
