import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type EngineErrorName, engineErrors, openEngine, virtualClock } from '../../engine/index.ts'
import { open } from './open.ts'
import { machine } from './support.ts'

const pass = machine({ A: { Type: 'Pass', End: true } })
const waits = machine({ W: { Type: 'Wait', Seconds: 60, End: true } })
const account = 'arn:aws:states:us-east-1:000000000000'

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
      loggingConfiguration: { level: 'OFF', includeExecutionData: false },
      tracingConfiguration: { enabled: false },
      encryptionConfiguration: { type: 'AWS_OWNED_KEY' },
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
      engine.createStateMachine({ name: 'm', definition: pass, type: 'OTHER' as 'STANDARD' }),
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
