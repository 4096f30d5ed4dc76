import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Engine, type EngineOptions, openEngine, virtualClock } from '../../engine/index.ts'
import { crashingDatabase } from './crashing-database.ts'
import { open } from './open.ts'
import { details, type Fields, machine, workflow } from './support.ts'

const account = 'arn:aws:states:us-east-1:000000000000'
const childMachine = `${account}:stateMachine:child`

function start(pattern: string, args: Fields = {}, rest: Fields = {}): Fields {
  return {
    Type: 'Task',
    Resource: `arn:aws:states:::states:startExecution${pattern}`,
    Arguments: { StateMachineArn: childMachine, ...args },
    End: true,
    ...rest,
  }
}

const echo = machine({ W: { Type: 'Wait', Seconds: 5, Next: 'P' }, P: { Type: 'Pass', End: true } })
const fails = machine({ F: { Type: 'Fail', Error: 'E', Cause: 'c' } })

interface Setup {
  readonly parent: Record<string, Fields>
  readonly child?: string
  readonly options?: Partial<EngineOptions>
}

async function begin({ parent, child = echo, options = {} }: Setup) {
  const engine = await open({ clock: virtualClock(), tasks: () => undefined, ...options })
  await engine.createStateMachine({ name: 'child', definition: child })
  const { stateMachineArn } = await engine.createStateMachine({
    name: 'parent',
    definition: machine(parent),
  })
  const { executionArn } = await engine.startExecution({ stateMachineArn, name: 'p' })
  return { engine, executionArn }
}

async function run(setup: Setup) {
  const { engine, executionArn } = await begin(setup)
  const ended = await engine.waitFor(executionArn)
  const { events } = await engine.getExecutionHistory({ executionArn })
  const result: unknown = ended.output === undefined ? undefined : JSON.parse(ended.output)
  return { ...ended, engine, executionArn, events, types: events.map(({ type }) => type), result }
}

async function children(engine: Engine) {
  return (await engine.listExecutions({ stateMachineArn: childMachine })).executions
}

async function until(engine: Engine, executionArn: string, type: string) {
  for await (const event of engine.watch(executionArn)) if (event.type === type) return event
  return undefined
}

describe('startExecution', () => {
  it('answers at once, in the envelope of the service', async () => {
    const { engine, events, types, result } = await run({
      parent: { T: start('', { Input: { a: 1 }, Name: 'c' }) },
    })
    expect(types.slice(2, 5)).toEqual(['TaskScheduled', 'TaskStarted', 'TaskSucceeded'])
    expect(details(events[3])).toEqual({ resourceType: 'states', resource: 'startExecution' })
    expect(result).toMatchObject({
      ExecutionArn: `${account}:execution:child:c`,
      SdkHttpMetadata: { HttpStatusCode: 200 },
      SdkResponseMetadata: { RequestId: expect.any(String) as string },
      StartDate: expect.any(Number) as number,
    })
    const child = await engine.waitFor(`${account}:execution:child:c`)
    expect(child).toMatchObject({ input: '{"a":1}', status: 'SUCCEEDED' })
  })

  it('makes a name of its own, and of a null input {}', async () => {
    const { engine } = await run({ parent: { T: start('', { Input: null }) } })
    const [child] = await children(engine)
    expect(child?.name).toMatch(/^[0-9a-f-]{36}$/)
    expect((await engine.describeExecution(child!)).input).toBe('{}')
  })

  it.each([
    ['', 'TaskFailed'],
    ['.sync', 'TaskSubmitFailed'],
    ['.waitForTaskToken', 'TaskSubmitFailed'],
  ])(
    '%s fails as the service does for a state machine that is not there',
    async (pattern, type) => {
      const StateMachineArn = `${account}:stateMachine:none`
      const { error, cause, types } = await run({
        parent: { T: start(pattern, { StateMachineArn }) },
      })
      expect(error).toBe('StepFunctions.StateMachineDoesNotExistException')
      expect(cause).toMatch(
        /^State Machine Does Not Exist: '.*:none' \(Service: AWSStepFunctions; Status Code: 400; Error Code: StateMachineDoesNotExist; Request ID: .*; Proxy: null\)$/,
      )
      expect(types.at(-2)).toBe(type)
    },
  )

  it('is the handler’s where there is one', async () => {
    const { engine, result } = await run({
      parent: { T: start('.sync:2') },
      options: { tasks: () => () => 'mine' },
    })
    expect(result).toBe('mine')
    expect(await children(engine)).toEqual([])
  })
})

describe('startExecution.sync', () => {
  it('ends with the description of the child, its input and output as text', async () => {
    const { result, types, events } = await run({
      parent: { T: start('.sync', { Input: { aKey: 1 }, Name: 'c' }) },
    })
    expect(result).toEqual({
      ExecutionArn: `${account}:execution:child:c`,
      Input: '{"aKey":1}',
      InputDetails: { Included: true },
      Name: 'c',
      Output: '{"aKey":1}',
      OutputDetails: { Included: true },
      RedriveCount: 0,
      RedriveStatus: 'NOT_REDRIVABLE',
      RedriveStatusReason: 'Execution is SUCCEEDED and cannot be redriven',
      StartDate: expect.any(Number) as number,
      StateMachineArn: childMachine,
      Status: 'SUCCEEDED',
      StopDate: expect.any(Number) as number,
    })
    expect(types.slice(2, 6)).toEqual([
      'TaskScheduled',
      'TaskStarted',
      'TaskSubmitted',
      'TaskSucceeded',
    ])
    expect(details(events[4])).toMatchObject({
      resourceType: 'states',
      resource: 'startExecution.sync',
    })
  })

  it(':2 has them as JSON', async () => {
    const { result, events } = await run({
      parent: { T: start('.sync:2', { Input: '{"aKey":[1]}' }) },
    })
    expect(result).toMatchObject({ Input: { aKey: [1] }, Output: { aKey: [1] } })
    expect(details(events[4])).toMatchObject({ resource: 'startExecution.sync:2' })
  })

  it('fails when the child does, with its description as the cause', async () => {
    const { error, cause, types } = await run({ parent: { T: start('.sync:2') }, child: fails })
    expect(error).toBe('States.TaskFailed')
    expect(JSON.parse(cause!)).toMatchObject({ Status: 'FAILED', Error: 'E', Cause: 'c' })
    expect(types.slice(-3)).toEqual(['TaskSubmitted', 'TaskFailed', 'ExecutionFailed'])
  })

  it('does not wait for an Express execution', async () => {
    const engine = await open({ tasks: () => undefined })
    await engine.createStateMachine({ name: 'child', definition: echo, type: 'EXPRESS' })
    const { stateMachineArn } = await engine.createStateMachine({
      name: 'parent',
      definition: machine({ T: start('.sync') }),
    })
    const { executionArn } = await engine.startExecution({ stateMachineArn })
    expect((await engine.waitFor(executionArn)).error).toBe(
      'StepFunctions.StateMachineTypeNotSupportedException',
    )
  })

  it.each([
    [
      'is stopped',
      {},
      async (engine: Engine, executionArn: string) => {
        await engine.stopExecution({ executionArn })
      },
    ],
    [
      'times out',
      { TimeoutSeconds: 3 },
      async (engine: Engine, executionArn: string) => {
        await engine.waitFor(executionArn)
      },
    ],
  ])('stops the child when the task %s', async (_, rest, end) => {
    const forever = machine({ W: { Type: 'Wait', Seconds: 9999, End: true } })
    const isStopped = Object.keys(rest).length === 0
    const { engine, executionArn } = await begin({
      parent: { T: start('.sync', {}, rest) },
      child: forever,
      options: { clock: virtualClock({ automatic: !isStopped }) },
    })
    await until(engine, executionArn, 'TaskSubmitted')
    await end(engine, executionArn)
    expect((await children(engine)).map(({ status }) => status)).toEqual(['ABORTED'])
  })

  it('stops the child when a branch beside it fails', async () => {
    const { engine, status } = await run({
      parent: {
        P: {
          Type: 'Parallel',
          Branches: [
            workflow({ T: start('.sync') }),
            workflow({ W: { Type: 'Wait', Seconds: 2, Next: 'F' }, F: { Type: 'Fail' } }),
          ],
          End: true,
        },
      },
    })
    expect(status).toBe('FAILED')
    expect((await children(engine)).map(({ status }) => status)).toEqual(['ABORTED'])
  })

  it('stops a long chain of executions in each other', async () => {
    const engine = await open({
      clock: virtualClock({ automatic: false }),
      tasks: () => undefined,
    })
    const definition = machine({
      C: {
        Type: 'Choice',
        Choices: [{ Condition: '{% $states.input.left > 0 %}', Next: 'T' }],
        Default: 'W',
      },
      T: start('.sync', { Input: { left: '{% $states.input.left - 1 %}' } }),
      W: { Type: 'Wait', Seconds: 99, End: true },
    })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'child', definition })
    const { executionArn } = await engine.startExecution({
      stateMachineArn,
      input: '{"left":150}',
    })
    let running: string[] = []
    while (running.length < 151) {
      await new Promise(setImmediate)
      const { executions } = await engine.listExecutions({ stateMachineArn, maxResults: 1000 })
      running = executions.map(({ status }) => status)
    }
    await until(engine, (await children(engine))[0]!.executionArn, 'WaitStateEntered')
    await engine.stopExecution({ executionArn })
    const { executions } = await engine.listExecutions({ stateMachineArn, maxResults: 1000 })
    expect(executions.every(({ status }) => status === 'ABORTED')).toBe(true)
  })

  it('waits over a restart', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'engine-nested-'))
    onTestFinished(() => {
      rmSync(dataDir, { recursive: true })
    })
    const { engine, executionArn } = await begin({
      parent: { T: start('.sync:2', { Input: 1 }) },
      options: { dataDir, clock: virtualClock({ automatic: false }) },
    })
    await until(engine, executionArn, 'TaskSubmitted')
    await engine.close()
    const again = await open({ dataDir, clock: virtualClock(), tasks: () => undefined })
    const { output } = await again.waitFor(executionArn)
    expect(JSON.parse(output!)).toMatchObject({ Output: 1 })
    expect(await children(again)).toHaveLength(1)
  })

  it('starts one child, whichever commit the engine dies at', async () => {
    const attempt = async (at: number) => {
      const connection = new DatabaseSync(':memory:')
      const died = Promise.withResolvers<undefined>()
      const { database, commits } = crashingDatabase(connection, at, 'before', () => {
        died.resolve(undefined)
      })
      const options = { clock: virtualClock(), tasks: () => undefined, onError: () => undefined }
      const first = await openEngine({ ...options, database })
      await first.createStateMachine({ name: 'child', definition: echo })
      const { stateMachineArn } = await first.createStateMachine({
        name: 'parent',
        definition: machine({ T: start('.sync') }),
      })
      const before = commits()
      const executionArn = `${account}:execution:parent:p`
      const run = async () => {
        await first.startExecution({ stateMachineArn, name: 'p' })
        await first.waitFor(executionArn)
      }
      await Promise.race([run().catch(() => undefined), died.promise])
      await first.close()
      const second = await openEngine({ ...options, database: connection })
      const isThere = await second.describeExecution({ executionArn }).catch(() => undefined)
      if (isThere !== undefined) {
        expect((await second.waitFor(executionArn)).status).toBe('SUCCEEDED')
        expect(await children(second)).toHaveLength(1)
      }
      await second.close()
      return { before, commits: commits() }
    }
    const { before, commits } = await attempt(Infinity)
    expect(commits - before).toBeGreaterThan(8)
    for (let at = before + 1; at <= commits; at++) await attempt(at)
  })
})

describe('startExecution.waitForTaskToken', () => {
  it('starts the child and ends by its token', async () => {
    const { engine, executionArn } = await begin({
      parent: {
        T: start('.waitForTaskToken', { Input: { token: '{% $states.context.Task.Token %}' } }),
      },
    })
    await until(engine, executionArn, 'TaskSubmitted')
    const [child] = await children(engine)
    const { input } = await engine.describeExecution(child!)
    const { token } = JSON.parse(input) as { token: string }
    await engine.sendTaskSuccess({ taskToken: token, output: '"done"' })
    expect((await engine.waitFor(executionArn)).output).toBe('"done"')
    expect((await engine.waitFor(child!.executionArn)).status).toBe('SUCCEEDED')
  })
})
