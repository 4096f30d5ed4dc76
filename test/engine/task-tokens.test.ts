import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type Engine,
  type EngineOptions,
  openEngine,
  type TaskHandler,
  virtualClock,
} from '../../engine/index.ts'
import { open } from './open.ts'
import { details, type Fields, linkage, machine } from './support.ts'

const resource = 'arn:aws:states:::sqs:sendMessage.waitForTaskToken'

function callback(rest: Fields = {}): Fields {
  return {
    Type: 'Task',
    Resource: resource,
    Arguments: { MessageBody: { token: '{% $states.context.Task.Token %}' } },
    End: true,
    ...rest,
  }
}

/** Starts one execution whose task has a token, and waits for the token. */
async function submitted(
  states: Record<string, Fields>,
  options: Partial<EngineOptions> & { handler?: TaskHandler; after?: string } = {},
) {
  const { handler = () => ({ MessageId: 'm1' }), after = 'TaskSubmitted', ...rest } = options
  const tokens: string[] = []
  const engine = await open({
    clock: virtualClock({ automatic: false }),
    tasks: () => (input, context) => {
      tokens.push(context.taskToken)
      return handler(input, context)
    },
    ...rest,
  })
  const definition = machine(states)
  const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition })
  const { executionArn } = await engine.startExecution({ stateMachineArn, name: 'x' })
  await until(engine, executionArn, after)
  return { engine, executionArn, tokens, taskToken: tokens[0]! }
}

async function until(engine: Engine, executionArn: string, type: string, times = 1) {
  let left = times
  for await (const event of engine.watch(executionArn)) {
    if (event.type === type && --left === 0) return
  }
}

async function ended(engine: Engine, executionArn: string) {
  const { status, output, error, cause } = await engine.waitFor(executionArn)
  return { status, output, error, cause }
}

describe('a task of .waitForTaskToken', () => {
  it('has the token in its Context object, and ends with what the token is given', async () => {
    const inputs: unknown[] = []
    const { engine, executionArn, taskToken } = await submitted(
      { T: callback() },
      {
        handler: (input) => {
          inputs.push(input)
          return { MessageId: 'm1' }
        },
      },
    )
    expect(inputs).toEqual([{ MessageBody: { token: taskToken } }])
    expect(await engine.sendTaskSuccess({ taskToken, output: '{"approved":true}' })).toEqual({})
    expect(await ended(engine, executionArn)).toMatchObject({
      status: 'SUCCEEDED',
      output: '{"approved":true}',
    })
    const { events } = await engine.getExecutionHistory({ executionArn })
    expect(linkage(events)).toEqual([
      '1<0 ExecutionStarted',
      '2<0 TaskStateEntered',
      '3<2 TaskScheduled',
      '4<3 TaskStarted',
      '5<4 TaskSubmitted',
      '6<5 TaskSucceeded',
      '7<6 TaskStateExited',
      '8<7 ExecutionSucceeded',
    ])
    expect(details(events[4])).toEqual({
      resourceType: 'sqs',
      resource: 'sendMessage.waitForTaskToken',
      output: '{"MessageId":"m1"}',
      outputDetails: { truncated: false },
    })
    expect(details(events[5])).toMatchObject({ output: '{"approved":true}' })
  })

  it('fails with what sendTaskFailure is given, which Retry and Catch see', async () => {
    const { engine, executionArn, tokens, taskToken } = await submitted(
      {
        T: callback({
          Retry: [{ ErrorEquals: ['Denied'], MaxAttempts: 1, IntervalSeconds: 1 }],
          Catch: [{ ErrorEquals: ['Denied'], Output: '{% $states.errorOutput %}', Next: 'C' }],
          End: true,
        }),
        C: { Type: 'Succeed' },
      },
      { clock: virtualClock() },
    )
    await engine.sendTaskFailure({ taskToken, error: 'Denied', cause: 'no' })
    await until(engine, executionArn, 'TaskSubmitted', 2)
    const second = tokens[1]!
    expect(second).not.toBe(taskToken)
    await expect(engine.sendTaskSuccess({ taskToken, output: '1' })).rejects.toMatchObject({
      name: 'TaskTimedOut',
    })
    await engine.sendTaskFailure({ taskToken: second, error: 'Denied', cause: 'never' })
    expect((await ended(engine, executionArn)).output).toBe('{"Error":"Denied","Cause":"never"}')
  })

  it('may fail without a name', async () => {
    const { engine, executionArn, taskToken } = await submitted({ T: callback() })
    await engine.sendTaskFailure({ taskToken })
    expect(await ended(engine, executionArn)).toEqual({ status: 'FAILED' })
    const { events } = await engine.getExecutionHistory({ executionArn })
    expect(events.map(({ type }) => type).slice(-2)).toEqual(['TaskFailed', 'ExecutionFailed'])
  })

  it('fails when it cannot be submitted', async () => {
    const { engine, executionArn } = await submitted(
      { T: callback() },
      {
        after: 'ExecutionFailed',
        handler: () => {
          throw Object.assign(new Error('no such queue'), { name: 'SQS.SdkClientException' })
        },
      },
    )
    expect(await ended(engine, executionArn)).toMatchObject({
      error: 'SQS.SdkClientException',
      cause: 'no such queue',
    })
    const { events } = await engine.getExecutionHistory({ executionArn })
    expect(events.at(-2)?.type).toBe('TaskSubmitFailed')
    expect(details(events.at(-2))).toEqual({
      resourceType: 'sqs',
      resource: 'sendMessage.waitForTaskToken',
      error: 'SQS.SdkClientException',
      cause: 'no such queue',
    })
  })

  it('may be ended by its handler, which then is not aborted', async () => {
    const shared: { engine?: Engine } = {}
    let wasAborted: boolean | undefined
    const done = Promise.withResolvers<undefined>()
    const engine = await open({
      tasks:
        () =>
        async (_, { taskToken, signal }) => {
          await shared.engine!.sendTaskSuccess({ taskToken, output: '"early"' })
          wasAborted = signal.aborted
          done.resolve(undefined)
          return 'too late'
        },
    })
    shared.engine = engine
    const definition = machine({ T: callback() })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition })
    const { executionArn } = await engine.startExecution({ stateMachineArn })
    expect((await ended(engine, executionArn)).output).toBe('"early"')
    await done.promise
    expect(wasAborted).toBe(false)
  })

  it('ends at its timeout, which counts from its start', async () => {
    const clock = virtualClock({ automatic: false, start: 0 })
    const { engine, executionArn, taskToken } = await submitted(
      { T: callback({ TimeoutSeconds: 10 }) },
      {
        clock,
        handler: () => {
          clock.advance(4000)
        },
      },
    )
    clock.advance(6000)
    expect(await ended(engine, executionArn)).toMatchObject({ error: 'States.Timeout' })
    expect((await engine.describeExecution({ executionArn })).stopDate?.getTime()).toBe(10_000)
    await expect(engine.sendTaskHeartbeat({ taskToken })).rejects.toMatchObject({
      name: 'TaskTimedOut',
      message: "Task Timed Out: 'Provided task does not exist anymore'",
    })
  })

  it('lives as long as its heartbeats come', async () => {
    const clock = virtualClock({ automatic: false, start: 0 })
    const { engine, executionArn, taskToken } = await submitted(
      { T: callback({ HeartbeatSeconds: '{% 5 %}', TimeoutSeconds: 60 }) },
      { clock },
    )
    for (let i = 0; i < 3; i++) {
      clock.advance(4000)
      expect(await engine.sendTaskHeartbeat({ taskToken })).toEqual({})
    }
    clock.advance(5000)
    expect(await ended(engine, executionArn)).toMatchObject({ error: 'States.Timeout' })
    expect((await engine.describeExecution({ executionArn })).stopDate?.getTime()).toBe(17_000)
    const { events } = await engine.getExecutionHistory({ executionArn })
    expect(events.at(-2)?.type).toBe('TaskTimedOut')
    expect(details(events[2])).toMatchObject({ heartbeatInSeconds: 5, timeoutInSeconds: 60 })
  })

  it('is over when its execution is stopped', async () => {
    const { engine, executionArn, taskToken } = await submitted({ T: callback() })
    await engine.stopExecution({ executionArn })
    await expect(engine.sendTaskSuccess({ taskToken, output: '1' })).rejects.toMatchObject({
      name: 'TaskTimedOut',
    })
    const { events } = await engine.getExecutionHistory({ executionArn })
    expect(events.map(({ type }) => type).slice(-2)).toEqual([
      'TaskStateAborted',
      'ExecutionAborted',
    ])
  })

  it('keeps its token and its timeout over a restart, and its handler runs once', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'engine-token-'))
    onTestFinished(() => {
      rmSync(dataDir, { recursive: true })
    })
    let runs = 0
    const options = (start: number, automatic = false): EngineOptions => ({
      dataDir,
      clock: virtualClock({ automatic, start }),
      tasks: () => () => void runs++,
    })
    const first = await openEngine(options(0))
    const { stateMachineArn } = await first.createStateMachine({
      name: 'm',
      definition: machine({
        A: callback({ TimeoutSeconds: 100, End: false, Next: 'B' }),
        B: callback({ TimeoutSeconds: 100 }),
      }),
    })
    const { executionArn } = await first.startExecution({ stateMachineArn })
    await until(first, executionArn, 'TaskSubmitted')
    const { events } = await first.getExecutionHistory({ executionArn })
    const { token } = (
      JSON.parse(String(details(events[2])['parameters'])) as { MessageBody: { token: string } }
    ).MessageBody
    await first.close()
    const second = await openEngine(options(50_000))
    await second.sendTaskSuccess({ taskToken: token, output: '1' })
    await until(second, executionArn, 'TaskSubmitted', 2)
    await second.close()
    const third = await openEngine(options(140_000, true))
    onTestFinished(() => third.close())
    expect(await ended(third, executionArn)).toMatchObject({ error: 'States.Timeout' })
    const { stopDate } = await third.describeExecution({ executionArn })
    expect(stopDate?.getTime()).toBe(150_000)
    expect(runs).toBe(2)
  })
})

describe('a task token', () => {
  it.each([
    ['empty', ''],
    ['short', 'x'],
    ['a word', 'NoSuchTaskToken'],
    ['too long', 'a'.repeat(5000)],
    ['a path', '../..'],
    ['a number', 7],
  ])('is none: %s', async (_, taskToken) => {
    const engine = await open()
    await expect(
      engine.sendTaskHeartbeat({ taskToken: taskToken as string }),
    ).rejects.toMatchObject({ name: 'InvalidToken', message: "Invalid Token: 'Invalid token'" })
  })

  it('of another engine, or altered, ends nothing', async () => {
    const { engine, executionArn, taskToken } = await submitted({ T: callback() })
    const other = await open()
    await expect(other.sendTaskSuccess({ taskToken, output: '1' })).rejects.toMatchObject({
      name: 'TaskDoesNotExist',
    })
    const last = taskToken.at(-4) === 'A' ? 'E' : 'A'
    const altered = taskToken.slice(0, -4) + last + taskToken.slice(-3)
    await expect(engine.sendTaskSuccess({ taskToken: altered, output: '1' })).rejects.toThrow()
    expect((await engine.describeExecution({ executionArn })).status).toBe('RUNNING')
  })

  it.each([
    ['nothing', ''],
    ['half an object', '{'],
    ['undefined', 'undefined'],
    ['half a nest', '['.repeat(100_000)],
  ])('takes no output that is not JSON: %s', async (_, output) => {
    const { engine, taskToken } = await submitted({ T: callback() })
    await expect(engine.sendTaskSuccess({ taskToken, output })).rejects.toMatchObject({
      name: 'InvalidOutput',
    })
  })

  it('is none of the Context object where the task ends by its answer', async () => {
    const { engine, executionArn } = await submitted(
      {
        T: {
          Type: 'Task',
          Resource: 'arn:aws:states:::sqs:sendMessage',
          Arguments: { has: '{% $exists($states.context.Task) %}' },
          End: true,
        },
      },
      { after: 'TaskSucceeded', handler: (input) => input },
    )
    expect((await ended(engine, executionArn)).output).toBe('{"has":false}')
  })
})

describe('a task of .sync', () => {
  const job = {
    Type: 'Task',
    Resource: 'arn:aws:states:::glue:startJobRun.sync',
    Arguments: { JobName: 'j' },
    End: true,
  }

  it('ends with what its handler answers', async () => {
    const { engine, executionArn } = await submitted(
      { T: job },
      { after: 'ExecutionSucceeded', handler: () => ({ JobRunState: 'SUCCEEDED' }) },
    )
    const { events } = await engine.getExecutionHistory({ executionArn })
    expect(events.map(({ type }) => type).slice(2, -2)).toEqual([
      'TaskScheduled',
      'TaskStarted',
      'TaskSubmitted',
      'TaskSucceeded',
    ])
    expect((await ended(engine, executionArn)).output).toBe('{"JobRunState":"SUCCEEDED"}')
  })

  it('fails with what its handler throws', async () => {
    const { engine, executionArn } = await submitted(
      { T: job },
      {
        after: 'ExecutionFailed',
        handler: () => {
          throw Object.assign(new Error('{}'), { name: 'States.TaskFailed' })
        },
      },
    )
    const { events } = await engine.getExecutionHistory({ executionArn })
    expect(events.map(({ type }) => type).slice(-3)).toEqual([
      'TaskSubmitted',
      'TaskFailed',
      'ExecutionFailed',
    ])
  })
})
