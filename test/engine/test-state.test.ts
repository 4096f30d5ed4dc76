import { describe, expect, it } from 'vitest'
import { type TestStateInput, virtualClock } from '../../engine/index.ts'
import { open } from './open.ts'
import { failing, type Fields, functionsOf, invoke, machine, workflow } from './support.ts'

const jsonata = { QueryLanguage: 'JSONata' }

async function test(definition: Fields | string, rest: Partial<TestStateInput> = {}) {
  const engine = await open({
    clock: virtualClock({ patience: 0 }),
    tasks: functionsOf({ double: (n) => Number(n) * 2, fails: failing('Broken', 'why') }),
  })
  return engine.testState({
    definition: typeof definition === 'string' ? definition : JSON.stringify(definition),
    ...rest,
  })
}

const task = {
  ...jsonata,
  ...invoke('double', {
    Arguments: { FunctionName: 'double', Payload: '{% $states.input.n %}' },
    Retry: [{ ErrorEquals: ['Busy'], IntervalSeconds: 2, BackoffRate: 3, MaxAttempts: 3 }],
    Catch: [
      { ErrorEquals: ['Other'], Next: 'Never' },
      { ErrorEquals: ['States.ALL'], Output: '{% $states.errorOutput %}', Next: 'Mend' },
    ],
    Next: 'Done',
  }),
}

describe('testState', () => {
  it('runs a state that stands alone, and tells where it goes', async () => {
    const choice = {
      ...jsonata,
      Type: 'Choice',
      Choices: [{ Condition: '{% $states.input.n > 1 %}', Next: 'Many' }],
      Default: 'Few',
    }
    expect(await test(choice, { input: '{"n":2}' })).toEqual({
      status: 'SUCCEEDED',
      output: '{"n":2}',
      nextState: 'Many',
    })
    expect(await test({ Type: 'Fail', Error: 'E', Cause: 'c' })).toEqual({
      status: 'FAILED',
      error: 'E',
      cause: 'c',
    })
    expect(await test({ Type: 'Wait', Seconds: 9999, End: true }, { input: '1' })).toEqual({
      status: 'SUCCEEDED',
      output: '1',
    })
  })

  it('has a task done by its handler', async () => {
    expect(await test(task, { input: '{"n":21}' })).toEqual({
      status: 'SUCCEEDED',
      output: '42',
      nextState: 'Done',
    })
    const failingTask = { ...jsonata, ...invoke('fails', { End: true }) }
    expect(await test(failingTask)).toMatchObject({ status: 'FAILED', error: 'Broken' })
  })

  it('takes a mock for the task’s result', async () => {
    const mock = { result: '{"Payload":7}' }
    const input = '{"n":1}'
    expect(await test(task, { input, mock, inspectionLevel: 'DEBUG' })).toEqual({
      status: 'SUCCEEDED',
      output: '7',
      nextState: 'Done',
      inspectionData: {
        input,
        afterArguments: '{"FunctionName":"double","Payload":1}',
        result: '{"Payload":7}',
      },
    })
  })

  it('tells that a mocked error is retried, and then that it is caught', async () => {
    const options = (retrierRetryCount: number): Partial<TestStateInput> => ({
      input: '{"n":1}',
      mock: { errorOutput: { error: 'Busy', cause: 'later' } },
      stateConfiguration: { retrierRetryCount },
      inspectionLevel: 'TRACE',
    })
    expect(await test(task, options(2))).toMatchObject({
      status: 'RETRIABLE',
      error: 'Busy',
      cause: 'later',
      inspectionData: { errorDetails: { retryIndex: 0, retryBackoffIntervalSeconds: 18 } },
    })
    const caught = await test(task, options(3))
    expect(caught).toMatchObject({
      status: 'CAUGHT_ERROR',
      error: 'Busy',
      cause: 'later',
      output: '{"Error":"Busy","Cause":"later"}',
      nextState: 'Mend',
      inspectionData: { errorDetails: { catchIndex: 1 } },
    })
    expect(caught.inspectionData).not.toHaveProperty('result')
  })

  it('tells what JSONPath fields made on the way', async () => {
    const state = {
      Type: 'Task',
      Resource: 'arn:aws:states:::sqs:sendMessage',
      InputPath: '$.a',
      Parameters: { 'b.$': '$.b' },
      ResultSelector: { 'id.$': '$.MessageId' },
      ResultPath: '$.sent',
      OutputPath: '$.sent',
      End: true,
    }
    const input = '{"a":{"b":1}}'
    const mock = { result: '{"MessageId":"m","MD5":"x"}' }
    expect(await test(state, { input, mock, inspectionLevel: 'DEBUG' })).toEqual({
      status: 'SUCCEEDED',
      output: '{"id":"m"}',
      inspectionData: {
        input,
        afterInputPath: '{"b":1}',
        afterParameters: '{"b":1}',
        result: '{"MessageId":"m","MD5":"x"}',
        afterResultSelector: '{"id":"m"}',
        afterResultPath: '{"a":{"b":1},"sent":{"id":"m"}}',
      },
    })
    const pass = { Type: 'Pass', Result: 1, ResultPath: '$.r', End: true }
    expect((await test(pass, { input: '{}', inspectionLevel: 'DEBUG' })).inspectionData).toEqual({
      input: '{}',
      result: '1',
      afterResultSelector: '1',
      afterResultPath: '{"r":1}',
    })
  })

  it('has variables, and tells those that there are afterwards', async () => {
    const state = {
      ...jsonata,
      Type: 'Pass',
      Assign: { sum: '{% $a + 1 %}' },
      Output: '{% $a %}',
      End: true,
    }
    expect(await test(state, { variables: '{"a":2}', inspectionLevel: 'DEBUG' })).toEqual({
      status: 'SUCCEEDED',
      output: '2',
      inspectionData: { input: '{}', variables: '{"a":2,"sum":3}' },
    })
  })

  it('takes a Context object', async () => {
    const state = {
      ...jsonata,
      Type: 'Task',
      Resource: 'arn:aws:states:::sqs:sendMessage.waitForTaskToken',
      Arguments: {
        token: '{% $states.context.Task.Token %}',
        id: '{% $states.context.Execution.Id %}',
      },
      End: true,
    }
    const context = JSON.stringify({ Execution: { Id: 'arn:x' }, Task: { Token: 't' } })
    const tested = await test(state, { context, mock: { result: '1' }, inspectionLevel: 'DEBUG' })
    expect(tested.inspectionData?.afterArguments).toBe('{"token":"t","id":"arn:x"}')
  })

  const map = {
    ...jsonata,
    Type: 'Map',
    Items: '{% $states.input %}',
    ItemSelector: { v: '{% $states.context.Map.Item.Value %}' },
    MaxConcurrency: 2,
    ToleratedFailureCount: 1,
    ItemProcessor: workflow({ Inner: { Type: 'Pass', Output: 'inner', End: true } }),
    End: true,
  }

  it('takes what the iterations of a Map came to', async () => {
    const options = { input: '[1,2,3]', mock: { result: '["a","b","c"]' } } as const
    expect(await test(map, { ...options, inspectionLevel: 'DEBUG' })).toMatchObject({
      status: 'SUCCEEDED',
      output: '["a","b","c"]',
      inspectionData: { input: '[1,2,3]', maxConcurrency: 2, toleratedFailureCount: 1 },
    })
    const tolerated = { stateConfiguration: { mapIterationFailureCount: 1 } }
    expect((await test(map, { ...options, ...tolerated })).status).toBe('SUCCEEDED')
    const exceeded = { stateConfiguration: { mapIterationFailureCount: 2 } }
    expect(await test(map, { ...options, ...exceeded })).toEqual({
      status: 'FAILED',
      error: 'States.ExceedToleratedFailureThreshold',
      cause: 'The specified tolerated failure threshold was exceeded',
    })
    const mock = { errorOutput: { error: 'E', cause: 'c' } }
    expect(await test(map, { input: '[1]', mock })).toEqual({
      status: 'FAILED',
      error: 'E',
      cause: 'c',
    })
    expect((await test(map, { input: '{}', mock })).error).toBe('States.QueryEvaluationError')
  })

  it('takes a state of a state machine, also one within another', async () => {
    const definition = machine({ M: { ...map, QueryLanguage: undefined } }).replace(
      '"QueryLanguage":"JSONata","Type"',
      '"Type"',
    )
    expect(await test(definition, { stateName: 'Inner' })).toEqual({
      status: 'SUCCEEDED',
      output: '"inner"',
    })
    await expect(test(definition, { stateName: 'None' })).rejects.toMatchObject({
      name: 'ValidationException',
      message: 'State not found in definition',
    })
  })

  const parallel = {
    ...jsonata,
    Type: 'Parallel',
    Branches: [workflow({ A: { Type: 'Pass', End: true } })],
    End: true,
  }
  const pass = { Type: 'Pass', End: true }
  const ok = { result: '{}' }

  it.each([
    [
      'a mock for a Pass',
      pass,
      { mock: ok },
      `State type 'Pass' is not supported when a mock is specified`,
    ],
    [
      'two mocks',
      task,
      { mock: { ...ok, errorOutput: {} } },
      'A test mock should have only one of the following fields: [result, errorOutput].',
    ],
    [
      'secrets',
      task,
      { mock: ok, revealSecrets: true },
      'TestState does not support RevealSecrets when a mock is specified.',
    ],
    [
      'a Map’s result that is no array',
      map,
      { input: '[]', mock: ok },
      'Mocked result must be an array.',
    ],
    [
      'too many branches',
      parallel,
      { mock: { result: '[1,2]' } },
      'Mocked result must contain the same number of items as number of Parallel branches.',
    ],
    ['a result that is not JSON', task, { mock: { result: '{' } }, 'mock.result is not JSON'],
    ['variables that are none', pass, { variables: '[]' }, 'variables is a JSON object'],
    ['a context without a mock', task, { context: '{}' }, 'when a mock is specified'],
    [
      'a context with a token',
      task,
      { context: '{"Task":{"Token":"t"}}', mock: ok },
      `contains 'Task' when state is not a Task state with a '.sync'`,
    ],
    [
      'a context with an item',
      task,
      { context: '{"Map":{}}', mock: ok },
      `'Map' field is not supported`,
    ],
    [
      'a context with more',
      task,
      { context: '{"Execution":{"pokemon":1}}', mock: ok },
      `Field 'pokemon' is not allowed`,
    ],
    [
      'a context of other types',
      task,
      { context: '{"Execution":{"Id":1}}', mock: ok },
      'Execution.Id must be a string',
    ],
  ] as [string, Fields, Partial<TestStateInput>, string][])(
    'refuses %s',
    async (_, definition, rest, message) => {
      await expect(test(definition, rest)).rejects.toMatchObject({
        name: 'ValidationException',
        message: expect.stringContaining(message) as string,
      })
    },
  )

  it('refuses what is no state', async () => {
    for (const definition of ['', '{', '[]', '{"Type":"Nope"}', machine({ A: pass })]) {
      await expect(test(definition)).rejects.toMatchObject({ name: 'InvalidDefinition' })
    }
    await expect(test(parallel)).rejects.toMatchObject({
      name: 'InvalidDefinition',
      message: expect.stringContaining('does not support Map or Parallel states') as string,
    })
    await expect(test(pass, { input: '{' })).rejects.toMatchObject({
      name: 'InvalidExecutionInput',
    })
  })
})
